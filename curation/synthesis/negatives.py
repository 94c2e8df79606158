"""A negative for a query without one: a query of another document. For one half of the queries it is the one
most like it in its words (a near miss, which only a person can tell from a right one), for the other one that
shares no word with it.

A triplet's id covers its negative, and annotations hang on the id, so the choice must stay the same while
documents come and go: what was chosen before is chosen again. Where nobody knows what that was, consistent
hashing (Karger et al., 1997) keeps most choices: all queries lie on a ring by their hash, and the first
fitting one after the positive's place is taken.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from curation.records.chunk import Chunk
from curation.records.identity import content_id
from curation.synthesis.cleaning import sameness, stems

LONGEST_WALK = 200
LEAST_ALIKE = 0.25  # Jaccard similarity of a near miss; the same words are the same question

Place = tuple[str, str]


@dataclass(frozen=True)
class _Entry:
    hash: str
    query: str
    place: Place
    stems: frozenset[str]


class NegativeRing:
    """Queries by place (source and path of the document that answers them)."""

    def __init__(self, queries: Iterable[tuple[str, Place]]) -> None:
        self._entries = sorted(
            (_Entry(_hash(query), query, place, stems(query)) for query, place in set(queries)),
            key=lambda entry: (entry.hash, entry.place),
        )
        self._hashes = [entry.hash for entry in self._entries]
        self._asked = {(sameness(entry.query), entry.place) for entry in self._entries}
        self._by_stem: dict[str, list[_Entry]] = {}
        for entry in self._entries:
            for stem in entry.stems:
                self._by_stem.setdefault(stem, []).append(entry)

    @classmethod
    def of(cls, queries: Mapping[str, Sequence[str]], chunks: Mapping[str, Chunk]) -> NegativeRing:
        """From chunk id → queries."""
        return cls((query, place(chunks[chunk_id])) for chunk_id, some in queries.items() for query in some)

    def pick(self, positive: str, positive_place: Place, before: str = "") -> str:
        """The one chosen ``before``, unless the positive's own document asks that by now. Else a near miss,
        or a query of another document without a content word of ``positive``. If there is none nearby on the
        ring, the one with the fewest in common; empty when no other document has a query."""
        if before and (sameness(before), positive_place) not in self._asked:
            return before
        is_half = int(content_id("near", positive)[0], 16) % 2 == 0
        if is_half and (near := self.near_miss(positive, positive_place)):
            return near
        mine = stems(positive)
        start = bisect_left(self._hashes, _hash(positive))
        best, fewest = "", -1
        for step in range(min(LONGEST_WALK, len(self._entries))):
            entry = self._entries[(start + step) % len(self._entries)]
            if entry.place == positive_place:
                continue
            common = len(mine & entry.stems)
            if common == 0:
                return entry.query
            if fewest < 0 or common < fewest:
                best, fewest = entry.query, common
        return best

    def near_miss(self, positive: str, positive_place: Place) -> str:
        """The query of another document that has the most content words in common with ``positive``; empty
        where none is alike."""
        mine = stems(positive)
        alike = {
            (len(mine & entry.stems) / len(mine | entry.stems), entry.hash, entry.query)
            for stem in mine
            for entry in self._by_stem.get(stem, ())
            if entry.place != positive_place and entry.stems != mine
        }
        best = max(alike, default=(0.0, "", ""))
        return best[2] if best[0] >= LEAST_ALIKE else ""


def place(chunk: Chunk) -> Place:
    return chunk.source, chunk.path


def _hash(query: str) -> str:
    return content_id("ring", query)
