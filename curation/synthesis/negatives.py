"""A negative for a query without one: a query of another document that shares no word with it.

A triplet's id covers its negative, and annotations hang on the id, so the choice must stay the same while
documents come and go. Hence consistent hashing (Karger et al., 1997): all queries lie on a ring by their
hash, and the first fitting one after the positive's place is taken. A new query changes the choice only for
the positives right before it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from curation.records.chunk import Chunk
from curation.records.identity import content_id
from curation.synthesis.cleaning import stems

LONGEST_WALK = 200

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

    @classmethod
    def of(cls, queries: Mapping[str, Sequence[str]], chunks: Mapping[str, Chunk]) -> NegativeRing:
        """From chunk id → queries."""
        return cls((query, place(chunks[chunk_id])) for chunk_id, some in queries.items() for query in some)

    def pick(self, positive: str, positive_place: Place) -> str:
        """A query of another document without a content word of ``positive``. If there is none nearby on
        the ring, the one with the fewest in common; empty when no other document has a query."""
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


def place(chunk: Chunk) -> Place:
    return chunk.source, chunk.path


def _hash(query: str) -> str:
    return content_id("ring", query)
