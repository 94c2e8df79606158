"""What a question is compared with, and the score that a chunk gets.

A chunk is found by its own vector, by those of its smaller pieces, and by those of accepted questions that
lead to it. A piece says what one paragraph is about; the chunk says what that paragraph belongs to. The mean
of both finds more than either of them (docs/measurements/2026-11-first-release.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.retrieval.vectors import Vectors, loaded, truncate_vectors

Rows = npt.NDArray[np.int64]

# Measured: docs/measurements/2026-11-first-release.md; the rival's share again since tokens are weighed.
WEIGHT = 0.5
_LEAST = 0.15  # cosine from which an accepted question raises its chunk
_RIVAL = 0.85  # share of a rival's cosine that it has to exceed
_AGAIN, _AGAIN_WEIGHT = 0.9, 5.0  # from this cosine on a question is asked again, in the same words
_SAME = 0.9999  # the cosine of a question with itself, in any arithmetic

TENTH = 10  # so many chunks tell how near an index comes (``nearness``)
_SCORES = 25_000_000
_FILES = ("vectors.npy", "pieces.npy", "piece_rows.npy")


def at_a_time(texts: int) -> int:
    """How many questions are compared with so many texts at once: their scores take 100 MB."""
    return max(1, _SCORES // max(1, texts))


def nearness(scores: Vectors) -> Vectors:
    """(m,): how near all chunks come to each question, from their ``scores`` (m, n): the mean of the best one
    and the tenth best, in the better half of them. What a project documents, several chunks touch; one alone
    may come near anything.
    """
    chunks = scores.shape[1]
    tenth = max(1, min(TENTH, chunks // 2))
    top = np.partition(scores, chunks - tenth, axis=1)[:, -tenth:]
    found: Vectors = (top.max(axis=1) + top.min(axis=1)) / 2
    return found


@dataclass(frozen=True)
class Leads:
    """Unit ``vectors`` (m, d) that lead to chunks: to the chunks ``rows`` (m,), in ascending order."""

    vectors: Vectors
    rows: Rows

    @classmethod
    def none(cls, dimension: int) -> Leads:
        return cls(np.zeros((0, dimension), np.float32), np.zeros(0, np.int64))

    @classmethod
    def ordered(cls, vectors: Vectors, rows: Sequence[int] | Rows) -> Leads:
        """From vectors in any order. Those of one chunk stay in theirs."""
        places = np.asarray(rows, dtype=np.int64)
        order = np.argsort(places, kind="stable")
        return cls(vectors[order], places[order])

    def __len__(self) -> int:
        return len(self.rows)

    def best(self, values: Vectors) -> tuple[Rows, Vectors]:
        """The chunks that are led to, (u,), and the largest of (m, leads) ``values`` of each, (m, u)."""
        led, starts = self._groups
        if not len(led):
            return led, values[:, :0]
        found: Vectors = np.maximum.reduceat(values, starts, axis=1)
        return led, found

    @cached_property
    def _groups(self) -> tuple[Rows, Rows]:
        """Each chunk that is led to, and where its leads begin."""
        led, starts = np.unique(self.rows, return_index=True)
        return led, starts

    def cut(self, dimension: int) -> Leads:
        return replace(self, vectors=truncate_vectors(self.vectors, dimension))

    def taking(self, rows: Rows) -> tuple[Leads, Rows]:
        """The leads to the chunks ``rows``, counted from 0 in that order, and their places among all."""
        starts, ends = (np.searchsorted(self.rows, rows, side) for side in ("left", "right"))
        led = np.repeat(np.arange(len(rows)), ends - starts)
        kept = np.arange(len(led)) + np.repeat(ends - np.cumsum(ends - starts), ends - starts)
        return Leads(self.vectors[kept], led), kept


@dataclass(frozen=True)
class QuestionLeads:
    """Accepted questions that lead to chunks. ``pages`` (m,) numbers the page of each one's chunk, ``weight``
    says how much they count.

    A question raises its chunk's score by ``weight`` · (cosine − the least that counts); of several the one
    that raises it most counts. The least is higher where an accepted question of another page is near, too:
    then what is asked is about the topic of both, and nobody knows which need it is. A question that is asked
    again word for word puts its chunk first.
    """

    leads: Leads
    pages: Rows
    weight: float = WEIGHT

    @classmethod
    def none(cls, dimension: int) -> QuestionLeads:
        return cls(Leads.none(dimension), np.zeros(0, np.int64))

    def __len__(self) -> int:
        return len(self.leads)

    def raises(self, queries: Vectors, again: bool = True) -> Vectors:
        """(m, questions): by how much each of them raises its chunk. Not ``again``: without what a question
        gets that is asked again."""
        cosines: Vectors = queries @ self.leads.vectors.T
        least = np.maximum(_LEAST, _RIVAL * self._rivals(cosines))
        raised: Vectors = self.weight * np.maximum(cosines - least, 0.0)
        if again:
            raised += _AGAIN_WEIGHT * np.maximum(cosines - _AGAIN, 0.0)
        return raised

    def _rivals(self, cosines: Vectors) -> Vectors:
        """(m, questions): the best cosine of a question of another page than each one's; -1 without any."""
        place, order, starts = self._by_page
        best = np.maximum.reduceat(cosines[:, order], starts, axis=1)
        first = best.argmax(axis=1)[:, None]
        highest = np.take_along_axis(best, first, axis=1)
        np.put_along_axis(best, first, -1.0, axis=1)
        second = best.max(axis=1, keepdims=True)
        found: Vectors = np.where(place[None, :] == first, second, highest)
        return found

    @cached_property
    def _by_page(self) -> tuple[Rows, Rows, Rows]:
        """The place of each one's page, an order by page, and where each page begins in it."""
        pages, place = np.unique(self.pages, return_inverse=True)
        order = np.argsort(place, kind="stable")
        return place, order, np.searchsorted(place[order], np.arange(len(pages)))

    def cut(self, dimension: int) -> QuestionLeads:
        return replace(self, leads=self.leads.cut(dimension))

    def without(self, queries: Vectors) -> QuestionLeads:
        """Without the questions that are among the (m, d) ``queries``."""
        cosines = self.leads.vectors @ queries.T
        kept = np.flatnonzero(cosines.max(axis=1, initial=-1.0) < _SAME)
        leads = Leads(self.leads.vectors[kept], self.leads.rows[kept])
        return replace(self, leads=leads, pages=self.pages[kept])

    def taking(self, rows: Rows) -> QuestionLeads:
        leads, places = self.leads.taking(rows)
        return replace(self, leads=leads, pages=self.pages[places])


@dataclass(frozen=True)
class SearchSpace:
    """The unit vectors of ``chunks`` (n, d) and what else leads to them. A chunk without pieces is its own
    only piece."""

    chunks: Vectors
    pieces: Leads
    questions: QuestionLeads = field(default=None)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.questions is None:
            object.__setattr__(self, "questions", QuestionLeads.none(self.dimension))

    @classmethod
    def plain(cls, chunks: Vectors) -> SearchSpace:
        """The chunks' own vectors and nothing else."""
        return cls(chunks, Leads.none(chunks.shape[1]))

    @property
    def dimension(self) -> int:
        return int(self.chunks.shape[1])

    def __len__(self) -> int:
        return len(self.chunks)

    def scores(self, queries: Vectors) -> Vectors:
        """(m, n): of each of the (m, d) unit ``queries`` with each chunk."""
        found = self.likeness(queries)
        if len(self.questions):
            led, raised = self.questions.leads.best(self.questions.raises(queries))
            found[:, led] += raised
        return found

    def likeness(self, queries: Vectors) -> Vectors:
        """The same by the texts alone: the mean of a chunk's cosine and that of its best piece, -1 to 1."""
        own: Vectors = queries @ self.chunks.T
        if len(self.pieces):
            led, best = self.pieces.best(queries @ self.pieces.vectors.T)
            own[:, led] = (own[:, led] + best) / 2
        return own

    def near(self, queries: Vectors) -> Vectors:
        """(m,): how ``nearness`` sees each query."""
        many = at_a_time(len(self))
        parts = (queries[start : start + many] for start in range(0, max(1, len(queries)), many))
        return np.concatenate([nearness(self.scores(part)) for part in parts])

    def cut(self, dimension: int) -> SearchSpace:
        """At a smaller Matryoshka dimension."""
        if dimension == self.dimension:
            return self
        chunks = truncate_vectors(self.chunks, dimension)
        return SearchSpace(chunks, self.pieces.cut(dimension), self.questions.cut(dimension))

    def turned(self, matrix: Vectors) -> SearchSpace:
        """Every vector times ``matrix`` (d, d), of unit length again."""

        def turn(vectors: Vectors) -> Vectors:
            return truncate_vectors(vectors @ matrix, matrix.shape[1])

        pieces = replace(self.pieces, vectors=turn(self.pieces.vectors))
        leads = replace(self.questions.leads, vectors=turn(self.questions.leads.vectors))
        return SearchSpace(turn(self.chunks), pieces, replace(self.questions, leads=leads))

    def taking(self, rows: Sequence[int] | Rows) -> SearchSpace:
        """Only the chunks ``rows``, in that order, and what leads to them."""
        chosen = np.asarray(rows, dtype=np.int64)
        pieces, _ = self.pieces.taking(chosen)
        return SearchSpace(self.chunks[chosen], pieces, self.questions.taking(chosen))

    def followed_by(self, other: SearchSpace) -> SearchSpace:
        """With the chunks of ``other`` after its own, and what leads to those."""

        def both(mine: Leads, theirs: Leads) -> Leads:
            vectors = np.concatenate([mine.vectors, theirs.vectors])
            return Leads(vectors, np.concatenate([mine.rows, theirs.rows + len(self)]))

        mine, theirs = self.questions, other.questions
        pages = np.concatenate([mine.pages, theirs.pages + mine.pages.max(initial=-1) + 1])
        questions = replace(mine, leads=both(mine.leads, theirs.leads), pages=pages)
        chunks = np.concatenate([self.chunks, other.chunks])
        return SearchSpace(chunks, both(self.pieces, other.pieces), questions)

    def asking(self, questions: QuestionLeads) -> SearchSpace:
        """With these accepted questions instead of its own."""
        return replace(self, questions=questions)

    def save(self, folder: Path) -> None:
        """Write what the texts gave, without the questions."""
        arrays: tuple[npt.NDArray[Any], ...] = (self.chunks, self.pieces.vectors, self.pieces.rows)
        for name, array in zip(_FILES, arrays, strict=True):
            np.save(folder / name, array, allow_pickle=False)

    @classmethod
    def load(cls, folder: Path) -> SearchSpace:
        """What ``save`` wrote."""
        chunks, vectors, rows = (loaded(folder / name) for name in _FILES)
        return cls(chunks, Leads(vectors, rows))
