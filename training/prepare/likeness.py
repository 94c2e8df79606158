"""Whether training takes two questions for one: in the same words, in nearly the same wording, or in meaning.

Meaning is compared by the cosine of the base model's vectors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from training.ledger.text import normalise
from training.prepare.similarity import NEARLY, Match, find_matches, jaccard, shingles, surely_differ
from training.settings import DedupSettings

Vectors = npt.NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], Vectors]
_ROWS = 2_048  # rows compared with all references at a time


def same_meaning(vectors: Vectors, keys: Sequence[str], threshold: float) -> list[Match]:
    """The rows of the (n, d) unit ``vectors`` to drop, each with the earlier row of the same key that is kept
    for it.

    Greedy in order: a row whose cosine to a kept one is at least ``threshold`` goes, all others stay.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row, key in enumerate(keys):
        rows_of[key].append(row)
    found = []
    for rows in rows_of.values():
        if len(rows) < 2:
            continue
        cosines = vectors[rows] @ vectors[rows].T
        kept = [0]
        for place in range(1, len(rows)):
            closest = max(kept, key=lambda other: float(cosines[place, other]))
            similarity = float(cosines[place, closest])
            if similarity >= threshold:
                found.append(Match(rows[place], rows[closest], min(similarity, NEARLY)))
            else:
                kept.append(place)
    return sorted(found, key=lambda match: match.index)


def matches_in_meaning(vectors: Vectors, references: Vectors, threshold: float) -> list[Match]:
    """The rows of the (n, d) ``vectors`` whose closest row of the (m, d) ``references`` has at least that
    cosine."""
    if not len(references):
        return []
    found = []
    for start in range(0, len(vectors), _ROWS):
        cosines = vectors[start : start + _ROWS] @ references.T
        closest = cosines.argmax(axis=1)
        best = cosines[np.arange(len(closest)), closest]
        for row in np.flatnonzero(best >= threshold):
            similarity = min(float(best[row]), NEARLY)
            found.append(Match(start + int(row), int(closest[row]), similarity))
    return found


def questions_like(
    texts: Sequence[str],
    references: Sequence[str],
    settings: DedupSettings,
    vectors_of: VectorsOf | None = None,
) -> tuple[list[Match], list[Match]]:
    """The rows of ``texts`` that ask what one of ``references`` asks: in the same or nearly the same words,
    and those of the others that do in other words. ``vectors_of`` embeds questions; without it, only their
    wording is compared."""
    worded = find_matches(texts, references, settings)
    if not (settings.semantic and vectors_of and references):
        return worded, []
    known = {match.index for match in worded}
    rest = [row for row in range(len(texts)) if row not in known]
    if not rest:
        return worded, []
    meant = matches_in_meaning(
        vectors_of([texts[row] for row in rest]), vectors_of(references), settings.semantic_threshold
    )
    return worded, [Match(rest[match.index], match.kept, match.similarity) for match in meant]


Likeness = Literal["words", "wording", "meaning"]
_ENDINGS = " ?!.,;:…"


class Sameness:
    """Compares texts: the same words after normalisation, nearly the same wording, or the same meaning, as
    far as ``settings`` let each of them count. Meaning counts between texts that were embedded before."""

    def __init__(self, settings: DedupSettings) -> None:
        self._settings = settings
        self._normalised: dict[str, str] = {}
        self._shingles: dict[str, frozenset[str]] = {}
        self._vectors: dict[str, Vectors] = {}

    def embed(self, texts: Sequence[str], vectors_of: VectorsOf) -> None:
        distinct = list(dict.fromkeys(texts))
        self._vectors.update(zip(distinct, vectors_of(distinct), strict=True))

    def how(self, left: str, right: str) -> Likeness | None:
        """In which way the two are one, the strongest that holds; None where they are two. Where near wording
        counts, punctuation at the end makes no difference to the words."""
        one, other = self._normal(left), self._normal(right)
        if one == other or (self._settings.near and one.rstrip(_ENDINGS) == other.rstrip(_ENDINGS)):
            return "words"
        if self._settings.near and self._nearly(left, right):
            return "wording"
        if self._settings.semantic and left in self._vectors and right in self._vectors:
            cosine = float(self._vectors[left] @ self._vectors[right])
            return "meaning" if cosine >= self._settings.semantic_threshold else None
        return None

    def _nearly(self, left: str, right: str) -> bool:
        threshold = self._settings.threshold
        if surely_differ(self._normal(left), self._normal(right), threshold):
            return False
        few, many = sorted((self._of(left), self._of(right)), key=len)
        return len(few) >= threshold * len(many) and jaccard(few, many) >= threshold

    def _normal(self, text: str) -> str:
        if text not in self._normalised:
            self._normalised[text] = normalise(text)
        return self._normalised[text]

    def _of(self, text: str) -> frozenset[str]:
        if text not in self._shingles:
            self._shingles[text] = shingles(self._normal(text))
        return self._shingles[text]
