"""Which texts are the same: exactly, nearly in the same words, or in other words.

Nearly the same: Jaccard similarity of character shingles. Candidates come from MinHash with
locality-sensitive hashing (Broder 1997; Indyk and Motwani 1998) as rensa implements it, and each is then
checked exactly: what is reported as a duplicate is one, and at most a few in a thousand are missed.

In other words: cosine of question vectors. ``Sameness`` answers for single pairs of texts, the functions
for whole lists.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from rensa import RMinHash, RMinHashLSH

from curation.records.identity import normalise
from curation.settings import DedupSettings
from curation.workers import Workers, in_process

Vectors = npt.NDArray[np.float32]
VectorsOf = Callable[[Sequence[str]], Vectors]
Likeness = Literal["words", "wording", "meaning"]

SHINGLE = 4
# What a near duplicate's similarity is reported as at most: 1.0 means exact.
NEARLY = 0.9999
_PERMUTATIONS = 256  # hashes of a text
_WANTED_RECALL = 0.995  # of pairs that are exactly at the threshold
_BRUTE_FORCE_UP_TO = 40  # texts: all pairs of so few are compared at once
_SEED = 17
_BLOCK = 100  # texts whose shingles are handed to rensa at a time: as much as a processor's cache holds
_PART = 2_000  # texts that a worker hashes at a time
_PAIRS = 1_000  # candidates that a worker compares at a time
_DEALT_OUT_FROM = 10 * _PART  # texts: fewer are hashed before they have arrived anywhere
_REMEMBERED = 2_000  # texts whose shingles are kept: those of a chunk take some 100 kB
_ROWS = 2_048  # rows compared with all references at a time
_ENDINGS = " ?!.,;:…"


@dataclass(frozen=True)
class Match:
    """Row ``index`` says the same as the row ``kept``. ``similarity`` is 1.0 for an exact duplicate."""

    index: int
    kept: int
    similarity: float

    @property
    def exact(self) -> bool:
        return self.similarity >= 1.0


def find_duplicates(
    texts: Sequence[str], settings: DedupSettings, keys: Sequence[str] | None = None
) -> list[Match]:
    """The rows to drop, in order, each with the earlier row that is kept in its place.

    Only rows with the same key are compared (all with all when ``keys`` is None). The first of several
    duplicates stays; a row is never dropped for one that is itself dropped.
    """
    rows_of: dict[str, list[int]] = defaultdict(list)
    for row in range(len(texts)):
        rows_of[keys[row] if keys is not None else ""].append(row)
    normalised = [normalise(text) for text in texts]
    found: list[Match] = []
    for rows in rows_of.values():
        first: dict[str, int] = {}
        for row in rows:
            kept = first.setdefault(normalised[row], row)
            if kept != row:
                found.append(Match(row, kept, 1.0))
        if settings.near and len(first) > 1:
            found.extend(_near_duplicates(first, settings.threshold))
    return _point_at_kept(sorted(found, key=lambda match: match.index))


def find_matches(texts: Sequence[str], references: Sequence[str], settings: DedupSettings) -> list[Match]:
    """The rows of ``texts`` that duplicate one of ``references``, each with the closest one (``kept``)."""
    exact: dict[str, int] = {}
    for index, reference in enumerate(references):
        exact.setdefault(normalise(reference), index)
    waiting: dict[str, list[int]] = defaultdict(list)
    found: list[Match] = []
    for row, text in enumerate(map(normalise, texts)):
        if text in exact:
            found.append(Match(row, exact[text], 1.0))
        else:
            waiting[text].append(row)
    if settings.near and exact and waiting:
        neighbours = _Neighbours([*exact, *waiting], settings.threshold)
        for position in range(len(exact)):
            neighbours.insert(position)
        originals = list(exact.values())
        for position, rows in enumerate(waiting.values(), start=len(exact)):
            best = max(neighbours.of(position), key=lambda pair: pair[1], default=None)
            if best:
                found.extend(Match(row, originals[best[0]], min(best[1], NEARLY)) for row in rows)
    return sorted(found, key=lambda match: match.index)


def group(texts: Sequence[str], settings: DedupSettings, workers: Workers = in_process) -> list[int]:
    """A label per row, the same for rows that are duplicates of each other, directly or through others.

    The label is the smallest row number of the group. Where there are many texts, ``workers`` hash and
    compare them.
    """
    groups, first = _Groups(), dict[str, int]()
    for row, text in enumerate(map(normalise, texts)):
        if (same := first.setdefault(text, row)) != row:
            groups.join(row, same)
    if settings.near and len(first) > 1:
        deal_out = workers if len(first) >= _DEALT_OUT_FROM else in_process
        candidates = _candidates(list(first), list(first.values()), groups, settings.threshold, deal_out)
        for pairs in deal_out(_near_pairs, candidates, settings.threshold):
            for one, other in pairs:
                groups.join(one, other)
    return [groups.of(row) for row in range(len(texts))]


class _Groups:
    """Rows that belong together, each group called by its smallest row."""

    def __init__(self) -> None:
        self._before: dict[int, int] = {}  # of the same group; not of its smallest row

    def of(self, row: int) -> int:
        while (before := self._before.get(row, row)) != row:
            self._before[row] = self._before.get(before, before)
            row = before
        return row

    def join(self, one: int, other: int) -> None:
        low, high = sorted((self.of(one), self.of(other)))
        if low != high:
            self._before[high] = low


@dataclass(frozen=True)
class _Candidates:
    """Pairs of rows that may be near each other, their texts, and the group that each belongs to so far."""

    pairs: list[tuple[int, int]]
    texts: dict[int, str]
    groups: dict[int, int]


def _candidates(
    texts: Sequence[str], rows: Sequence[int], groups: _Groups, threshold: float, deal_out: Workers
) -> Iterator[_Candidates]:
    """Those among ``texts``, which are of ``rows``, but for what is known when they are found. Of several in
    one group the first is compared here: where it is near, all of them are joined, however many they are."""
    index = RMinHashLSH(threshold, _PERMUTATIONS, _bands(threshold))
    parts = (texts[start : start + _PART] for start in range(0, len(texts), _PART))
    shingles_of = lru_cache(_REMEMBERED)(lambda position: shingles(texts[position]))
    pairs: list[tuple[int, int]] = []
    hashes = (one for part in deal_out(_hashed, parts) for one in part)
    for position, (row, one) in enumerate(zip(rows, hashes, strict=True)):
        members: dict[int, list[int]] = defaultdict(list)
        for near in index.query(one):
            members[groups.of(rows[near])].append(near)
        members.pop(groups.of(row), None)
        for other, found in members.items():
            first = min(found)
            if len(found) == 1:
                pairs.append((position, first))
            elif jaccard(shingles_of(position), shingles_of(first)) >= threshold:
                groups.join(row, other)
            else:
                pairs += [(position, near) for near in found if near != first]
        index.insert(position, one)
        if len(pairs) >= _PAIRS or (pairs and position == len(rows) - 1):
            places = {place for pair in pairs for place in pair}
            yield _Candidates(
                [(rows[one], rows[other]) for one, other in pairs],
                {rows[place]: texts[place] for place in places},
                {rows[place]: groups.of(rows[place]) for place in places},
            )
            pairs = []


def _near_pairs(candidates: _Candidates, threshold: float) -> list[tuple[int, int]]:
    """Those that are near, but for pairs that are joined by the earlier ones among ``candidates``."""
    shingles_of = lru_cache(_REMEMBERED)(lambda row: shingles(candidates.texts[row]))
    joined, near = _Groups(), []
    for one, other in candidates.pairs:
        left, right = candidates.groups[one], candidates.groups[other]
        if joined.of(left) == joined.of(right):
            continue
        if jaccard(shingles_of(one), shingles_of(other)) >= threshold:
            joined.join(left, right)
            near.append((one, other))
    return near


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
        kept = rows[:1]
        known = vectors[rows]  # the first ones are of ``kept``, in its order
        for row in rows[1:]:
            cosines = known[: len(kept)] @ vectors[row]
            closest = int(cosines.argmax())
            if cosines[closest] >= threshold:
                found.append(Match(row, kept[closest], min(float(cosines[closest]), NEARLY)))
            else:
                known[len(kept)] = vectors[row]
                kept.append(row)
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
    known = {match.index for match in worded}
    rest = [row for row in range(len(texts)) if row not in known]
    if not (settings.semantic and vectors_of and references and rest):
        return worded, []
    meant = matches_in_meaning(
        vectors_of([texts[row] for row in rest]), vectors_of(references), settings.semantic_threshold
    )
    return worded, [Match(rest[match.index], match.kept, match.similarity) for match in meant]


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


def jaccard(left: frozenset[str], right: frozenset[str]) -> float:
    """Size of the intersection over size of the union, 0 to 1."""
    common = len(left & right)
    return common / (len(left) + len(right) - common) if common else 0.0


def shingles(normalised: str) -> frozenset[str]:
    """The character 4-grams of a normalised text; the text itself when it is shorter."""
    return frozenset(_grams(normalised))


def _grams(normalised: str) -> list[str]:
    if len(normalised) <= SHINGLE:
        return [normalised]
    return [normalised[start : start + SHINGLE] for start in range(len(normalised) - SHINGLE + 1)]


def surely_differ(left: str, right: str, threshold: float) -> bool:
    """Whether a glance at two normalised texts shows that their similarity is below ``threshold``: more of
    the shingles of ``left`` are missing in ``right`` than that allows. It saves making all shingles of both.
    """
    number = len(left) - SHINGLE + 1
    allowed = number * (1 - threshold) + 1e-6  # of at most ``number`` different ones
    missing = set()
    for start in range(number if number > 1 else 0):
        one = left[start : start + SHINGLE]
        if one not in right:
            missing.add(one)
            if len(missing) > allowed:
                return True
    return False


def _near_duplicates(first: dict[str, int], threshold: float) -> Iterator[Match]:
    """Greedy over the distinct texts of one key: a row that is near a kept one goes, all others stay."""
    texts, rows = list(first), list(first.values())
    near: Iterable[tuple[int, float]]
    if len(texts) <= _BRUTE_FORCE_UP_TO:
        sets = [shingles(text) for text in texts]
        kept: list[int] = []
        for position, own in enumerate(sets):
            near = [(other, jaccard(own, sets[other])) for other in kept]
            best = max(near, key=lambda pair: pair[1], default=(0, 0.0))
            if best[1] >= threshold:
                yield Match(rows[position], rows[best[0]], min(best[1], NEARLY))
            else:
                kept.append(position)
        return
    neighbours = _Neighbours(texts, threshold)
    for position in range(len(texts)):
        nearest = max(neighbours.of(position), key=lambda pair: pair[1], default=None)
        if nearest:
            yield Match(rows[position], rows[nearest[0]], min(nearest[1], NEARLY))
        else:
            neighbours.insert(position)


def _point_at_kept(matches: list[Match]) -> list[Match]:
    """An exact duplicate of a row that went as a near duplicate belongs to the row that stayed."""
    by_index = {match.index: match for match in matches}
    return [
        Match(match.index, further.kept, min(match.similarity, further.similarity))
        if (further := by_index.get(match.kept))
        else match
        for match in matches
    ]


class _Neighbours:
    """Which of the inserted texts are at least ``threshold`` similar to another. Texts are normalised and
    distinct."""

    def __init__(self, texts: Sequence[str], threshold: float) -> None:
        self._threshold = threshold
        self._shingles = lru_cache(_REMEMBERED)(lambda position: shingles(texts[position]))
        self._hashes = _hashed(texts)
        self._index = RMinHashLSH(threshold, _PERMUTATIONS, _bands(threshold))

    def insert(self, position: int) -> None:
        self._index.insert(position, self._hashes[position])

    def of(self, position: int) -> Iterator[tuple[int, float]]:
        """(position, similarity) of every inserted text that is near, other than itself."""
        for other in self._index.query(self._hashes[position]):
            if other != position:
                similarity = jaccard(self._shingles(position), self._shingles(other))
                if similarity >= self._threshold:
                    yield other, similarity


def _hashed(texts: Sequence[str]) -> list[RMinHash]:
    hashes: list[RMinHash] = []
    for start in range(0, len(texts), _BLOCK):
        # Lists, not sets: a shingle that comes twice changes no minimum, and most texts have no candidate
        # that would need a set.
        grams = [_grams(text) for text in texts[start : start + _BLOCK]]
        hashes += RMinHash.from_token_sets(grams, _PERMUTATIONS, _SEED)
    return hashes


def _bands(threshold: float) -> int:
    """The fewest bands of 256 hashes that find a pair exactly at ``threshold`` almost always."""
    for bands in (2, 4, 8, 16, 32, 64, 128):
        if 1 - (1 - threshold ** (_PERMUTATIONS // bands)) ** bands >= _WANTED_RECALL:
            return bands
    return _PERMUTATIONS
