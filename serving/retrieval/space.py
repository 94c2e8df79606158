"""What a question is compared with, and the score that a chunk gets.

A chunk is found by its own vector, by those of its smaller pieces, and by those of accepted questions that
lead to it. A piece says what one paragraph is about; the chunk says what that paragraph belongs to. The mean
of both finds more than either of them (docs/measurements/2026-11-first-release.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.retrieval.vectors import Vectors, truncate_vectors

Rows = npt.NDArray[np.int64]

_FILES = ("vectors.npy", "pieces.npy", "piece_rows.npy")


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
        led, starts = np.unique(self.rows, return_index=True)
        if not len(led):
            return led, values[:, :0]
        found: Vectors = np.maximum.reduceat(values, starts, axis=1)
        return led, found

    def cut(self, dimension: int) -> Leads:
        return replace(self, vectors=truncate_vectors(self.vectors, dimension))

    def taking(self, rows: Rows) -> tuple[Leads, Rows]:
        """The leads to the chunks ``rows``, counted from 0 in that order, and their places among all."""
        place = np.full(max(rows.max(initial=-1), self.rows.max(initial=-1)) + 1, -1)
        place[rows] = np.arange(len(rows))
        led = place[self.rows]
        kept = np.argsort(led, kind="stable")[np.count_nonzero(led < 0) :]
        return Leads(self.vectors[kept], led[kept]), kept


@dataclass(frozen=True)
class QuestionLeads:
    """Accepted questions. One raises its chunk's score by its ``weights`` · (cosine − its ``least``), where
    the cosine lies above that; of several the one that raises it most counts."""

    leads: Leads
    weights: Vectors
    least: Vectors

    @classmethod
    def none(cls, dimension: int) -> QuestionLeads:
        nothing = np.zeros(0, np.float32)
        return cls(Leads.none(dimension), nothing, nothing)

    def __len__(self) -> int:
        return len(self.leads)

    def raises(self, queries: Vectors) -> Vectors:
        """(m, questions): by how much each of them raises its chunk."""
        cosines = queries @ self.leads.vectors.T
        raised: Vectors = self.weights * np.maximum(cosines - self.least, 0.0)
        return raised

    def cut(self, dimension: int) -> QuestionLeads:
        return replace(self, leads=self.leads.cut(dimension))

    def where(self, kept: npt.NDArray[np.bool_]) -> QuestionLeads:
        """Only those that are ``kept``."""
        leads = Leads(self.leads.vectors[kept], self.leads.rows[kept])
        return QuestionLeads(leads, self.weights[kept], self.least[kept])

    def taking(self, rows: Rows) -> QuestionLeads:
        leads, places = self.leads.taking(rows)
        return QuestionLeads(leads, self.weights[places], self.least[places])


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

    def best(self, queries: Vectors) -> Vectors:
        """(m,): the score of each query's best chunk."""
        found: Vectors = self.scores(queries).max(axis=1)
        return found

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
        questions = QuestionLeads(
            both(mine.leads, theirs.leads),
            np.concatenate([mine.weights, theirs.weights]),
            np.concatenate([mine.least, theirs.least]),
        )
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
        chunks, vectors, rows = (np.load(folder / name, allow_pickle=False) for name in _FILES)
        return cls(chunks, Leads(vectors, rows))
