"""Embeddings: the model's interface, and the vectors of the corpus."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import chain
from typing import Protocol

import numpy as np
import numpy.typing as npt

from curation.progress import Progress
from curation.records.chunk import Chunk
from curation.suggestions.features import Place

Vectors = npt.NDArray[np.float32]

_SLICE = 512  # texts between two steps of the progress bar
_ROWS = 1024  # rows of a similarity matrix held at once
_DECIMALS = 6
_OTHERS = 5  # the best other chunks of a search


class VectorSource(Protocol):
    """An embedding model. Vectors are (n, dimension) float32 of unit length."""

    @property
    def dimension(self) -> int: ...

    @property
    def name(self) -> str: ...

    def documents(self, texts: Sequence[str]) -> Vectors: ...

    def queries(self, texts: Sequence[str]) -> Vectors: ...


class ChunkVectors:
    """The vectors of all chunks, in the chunks' order. Those that Argilla holds are not taken: they may be of
    an earlier first release, which weighed tokens by another corpus."""

    def __init__(self, chunks: Sequence[Chunk], source: VectorSource, progress: Progress) -> None:
        self.chunks = chunks
        self.rows = {chunk.id: row for row, chunk in enumerate(chunks)}
        self._source = source
        self._progress = progress

    @cached_property
    def matrix(self) -> Vectors:
        """(n, dimension), made when first asked for."""
        texts = [chunk.text for chunk in self.chunks]
        made = _embedded("Embedding chunks", texts, self._source.documents, self._progress)
        return np.concatenate([np.empty((0, self._source.dimension), np.float32), *made])


def embed_queries(source: VectorSource, texts: Sequence[str], progress: Progress) -> dict[str, Vectors]:
    """Text → vector; each distinct text is embedded once."""
    distinct = sorted(set(texts))
    made = _embedded("Embedding queries", distinct, source.queries, progress)
    return dict(zip(distinct, chain.from_iterable(made), strict=True))


def _embedded(
    doing: str, texts: Sequence[str], embed: Callable[[Sequence[str]], Vectors], progress: Progress
) -> Iterator[Vectors]:
    if texts:
        with progress.task(doing, total=len(texts), unit="texts") as advance:
            for start in range(0, len(texts), _SLICE):
                part = texts[start : start + _SLICE]
                yield embed(part)
                advance(len(part))


def nearest_other(matrix: Vectors, rows: Sequence[int]) -> tuple[Vectors, npt.NDArray[np.int64]]:
    """For each of ``rows``: its cosine to the most similar other row of ``matrix`` (-1 when there is
    none), and the number of that row."""
    best = np.full(len(rows), -1.0, np.float32)
    which = np.full(len(rows), -1, np.int64)
    if len(matrix) > 1:
        for start in range(0, len(rows), _ROWS):
            part = list(rows[start : start + _ROWS])
            scores = matrix[part] @ matrix.T
            scores[np.arange(len(part)), part] = -2.0
            which[start : start + len(part)] = scores.argmax(axis=1)
            best[start : start + len(part)] = scores.max(axis=1)
    return np.clip(best, -1.0, 1.0), which


def places(queries: Vectors, matrix: Vectors, rows: Sequence[int]) -> list[Place]:
    """For each query: where a search over ``matrix`` finds its own row."""
    found: list[Place] = []
    for start in range(0, len(rows), _ROWS):
        part = np.asarray(rows[start : start + _ROWS])
        scores = queries[start : start + len(part)] @ matrix.T
        each = np.arange(len(part))
        own = scores[each, part].copy()
        place = 1 + (scores > own[:, None]).sum(axis=1)
        scores[each, part] = -2.0
        count = min(_OTHERS, len(matrix) - 1)
        top = np.argpartition(scores, -count, axis=1)[:, -count:] if count else np.empty((len(part), 0), int)
        best = scores.max(axis=1) if count else own - 1.0
        cosine = np.clip(own, -1.0, 1.0)
        found += [
            Place(
                int(place[at]),
                float(cosine[at]),
                float(own[at] - best[at]),
                len(matrix),
                tuple(map(int, top[at])),
            )
            for at in each
        ]
    return found


def as_numbers(vector: Vectors) -> list[float] | None:
    """For JSON; None for a vector with NaN or infinity, which cannot be compared."""
    if not np.isfinite(vector).all():
        return None
    numbers: list[float] = np.round(vector.astype(np.float64), _DECIMALS).tolist()
    return numbers
