"""Questions that say the same in other words: by the cosine of the served release's own vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from training.prepare.dedup import NEARLY, Match, find_matches
from training.settings import DedupSettings

Vectors = npt.NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], Vectors]
_BLOCK = 2_048  # rows compared with all references at a time


def same_meaning(vectors: Vectors, keys: Sequence[str], threshold: float) -> list[Match]:
    """The rows of the (n, d) unit ``vectors`` to drop, each with the earlier row of the same key that is kept for it.

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
    """The rows of the (n, d) ``vectors`` whose closest row of the (m, d) ``references`` has at least that cosine."""
    if not len(references):
        return []
    found = []
    for start in range(0, len(vectors), _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ references.T
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
    """The rows of ``texts`` that ask what one of ``references`` asks: in the same or nearly the same words, and those of the
    others that do in other words. ``vectors_of`` embeds questions; without it, only their wording is compared."""
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
