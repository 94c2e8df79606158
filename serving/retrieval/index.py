"""The LanceDB index of one release: a table of chunks with their vectors, written once and never changed."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation import CHUNK_SCHEMA, Chunk, ReleaseError
from serving.retrieval.vectors import Vectors

TABLE = "chunks"
# A flat scan takes 7 ms at 10k rows and 120 ms at 100k (2 cores): from here on the graph index pays.
ANN_FROM = 50_000
_REFINE = 10


class Hit(BaseModel):
    """A chunk that was found. ``score`` is the cosine similarity to the question, -1 to 1.

    ``nearest`` is the best cosine of any chunk where a reranker changed the order. It is None where the hits
    are in the order of their scores.
    """

    model_config = ConfigDict(frozen=True)

    chunk: Chunk
    score: float
    nearest: float | None = None


def build_index(folder: Path, chunks: Sequence[Chunk], vectors: Vectors) -> None:
    """Write ``chunks`` and their (n, d) float32 ``vectors`` as table ``chunks`` below ``folder``, in one go.

    What was there is replaced. Raises ReleaseError for no chunks, a wrong shape, or vectors that are not
    finite.
    """
    import lancedb

    if not chunks:
        raise ReleaseError("There are no chunks to index.", "Ingest documents first, or accept some chunks.")
    if vectors.ndim != 2 or len(vectors) != len(chunks) or vectors.shape[1] == 0:
        raise ReleaseError(
            f"{len(chunks)} chunks need {len(chunks)} vectors, but the array has the shape {vectors.shape}.",
            "This is a fault in what computed them.",
        )
    if not np.isfinite(vectors).all():
        raise ReleaseError("Some vectors are not numbers (NaN).", "Use another embedding model or release.")
    try:
        if folder.exists():
            shutil.rmtree(folder)
        folder.mkdir(parents=True)
        table = lancedb.connect(folder).create_table(TABLE, arrow_table(chunks, vectors))
        if len(chunks) >= ANN_FROM:
            from lancedb.index import HnswSq

            table.create_index("vector", config=HnswSq(distance_type="cosine"))
            table.wait_for_index(
                [index.name for index in table.list_indices()], timeout=timedelta(minutes=30)
            )
    except (OSError, RuntimeError, ValueError) as error:
        raise ReleaseError(
            f"The index in {folder} can't be written: {error}", "Check the free space (df)."
        ) from error


def arrow_table(chunks: Sequence[Chunk], vectors: Vectors) -> pa.Table:
    """The columns of CHUNK_SCHEMA and ``vector``, a fixed-size list of float32."""
    dimension = vectors.shape[1]
    columns: list[Any] = [
        pa.array(
            [list(value) if isinstance(value, tuple) else value for value in values],
            type=CHUNK_SCHEMA.field(name).type,
        )
        for name in CHUNK_SCHEMA.names
        for values in [[getattr(chunk, name) for chunk in chunks]]
    ]
    flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
    columns.append(pa.FixedSizeListArray.from_arrays(flat, dimension))
    schema = CHUNK_SCHEMA.append(pa.field("vector", pa.list_(pa.float32(), dimension)))
    return pa.table(columns, schema=schema)


class ChunkIndex:
    """An index opened for reading; safe to search from several threads. Make one with ``ChunkIndex.open``."""

    def __init__(self, folder: Path, table: Any) -> None:
        self.folder = folder
        self._table = table
        self.dimension = int(table.schema.field("vector").type.list_size)
        self._rows = int(table.count_rows())
        self._approximate = bool(table.list_indices())

    @classmethod
    def open(cls, folder: Path) -> ChunkIndex:
        """Open what ``build_index`` wrote, wherever it was moved to since. Raises ReleaseError."""
        import lancedb

        if not folder.is_dir():
            raise ReleaseError(
                f"There is no index in {folder}.", "The release is incomplete: use another one."
            )
        try:
            table = lancedb.connect(folder).open_table(TABLE)
            missing = {*CHUNK_SCHEMA.names, "vector"} - set(table.schema.names)
            if missing:
                raise ValueError(f"columns missing: {', '.join(sorted(missing))}")
            return cls(folder, table)
        except (OSError, RuntimeError, ValueError, AttributeError, pa.ArrowException) as error:
            raise ReleaseError(
                f"The index in {folder} can't be opened: {error}", "The release is corrupt: use another one."
            ) from error

    def __len__(self) -> int:
        return self._rows

    def search(self, vector: Vectors, k: int) -> list[Hit]:
        """The ``k`` chunks nearest to ``vector`` (d,) by cosine, best first; fewer when the index is smaller.

        Exact below 50,000 rows. Raises ReleaseError for a vector of another dimension or with NaN in it.
        """
        query = np.asarray(vector, dtype=np.float32).reshape(-1)
        if query.shape[0] != self.dimension:
            raise ReleaseError(
                f"The question's vector has {query.shape[0]} numbers, the index {self.dimension}.",
                "Model and index belong to different releases.",
            )
        if not np.isfinite(query).all():
            raise ReleaseError("The question's vector is not a number (NaN).", "Use another release.")
        if k < 1 or not query.any():
            return []
        try:
            request = self._table.search(query, vector_column_name="vector").distance_type("cosine")
            if self._approximate:
                request = request.refine_factor(_REFINE)
            rows = request.select([*CHUNK_SCHEMA.names, "_distance"]).limit(min(k, self._rows)).to_list()
        except (OSError, RuntimeError, ValueError) as error:
            raise ReleaseError(
                f"The index in {self.folder} can't be searched: {error}", "Use another release."
            ) from error
        hits = [Hit(chunk=_chunk(row), score=1.0 - float(row["_distance"])) for row in rows]
        # Equal scores (the same text twice) come back in any order: make the result repeatable.
        return sorted(hits, key=lambda hit: (-hit.score, hit.chunk.path, hit.chunk.position, hit.chunk.id))

    def chunks(self) -> list[Chunk]:
        """Every chunk, in the order it was written."""
        rows = self._table.search().select(CHUNK_SCHEMA.names).limit(self._rows).to_list()
        return [_chunk(row) for row in rows]

    def vectors(self) -> Vectors:
        """The vectors, (n, d) float32, in the order of ``chunks``."""
        table = self._table.search().select(["vector"]).limit(self._rows).to_arrow()
        column = table.column("vector").combine_chunks()
        found: Vectors = column.values.to_numpy(zero_copy_only=False).reshape(-1, self.dimension)
        return found.astype(np.float32, copy=False)


def _chunk(row: dict[str, Any]) -> Chunk:
    return Chunk.model_construct(
        **{name: row[name] for name in CHUNK_SCHEMA.names if name != "section"},
        section=tuple(row["section"] or ()),
    )
