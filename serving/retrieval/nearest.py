"""Which of many vectors lie nearest to a question. Few are compared one by one. Many are cut into parts of
like vectors (IVF, as 8-bit numbers) by LanceDB, and a question looks into the nearest parts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from serving.retrieval.space import Rows
from serving.retrieval.vectors import Vectors

TABLE = "chunks"
BATCH = 8_192  # rows that are written at once: LanceDB would copy the whole table
_PARTS, _PART_ROWS, _LOOKED_INTO = 1_000, 1_000, 50


def write_table(folder: Path, name: str, vectors: Vectors, beside: Sequence[pa.RecordBatch] = ()) -> None:
    """Write the (n, d) ``vectors`` as LanceDB's table ``name`` in ``folder``, each with its ``row`` and with
    the columns of ``beside``, batches of ``BATCH`` rows of which the first n count."""
    import lancedb

    vector = pa.list_(pa.float32(), vectors.shape[1])
    own = [pa.field("row", pa.int64()), pa.field("vector", vector)]
    schema = pa.schema([*(beside[0].schema if beside else ()), *own])

    def batches() -> Iterator[pa.RecordBatch]:
        for start in range(0, len(vectors), BATCH):
            some = vectors[start : start + BATCH]
            columns = beside[start // BATCH].slice(0, len(some)).columns if beside else []
            flat = pa.array(np.ascontiguousarray(some).reshape(-1))
            columns.append(pa.array(range(start, start + len(some)), pa.int64()))
            columns.append(pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1]))
            yield pa.RecordBatch.from_arrays(columns, schema=schema)

    lancedb.connect(folder).create_table(name, pa.RecordBatchReader.from_batches(schema, batches()))


def cut_into_parts(folder: Path, name: str) -> None:
    """Cut the vectors of the table ``name`` in ``folder`` into parts. Making a graph (HNSW) of them would
    take many times as long."""
    import lancedb
    from lancedb.index import IvfSq

    table = lancedb.connect(folder).open_table(name)
    parts = max(1, min(_PARTS, table.count_rows() // _PART_ROWS))
    config = IvfSq(distance_type="cosine", num_partitions=parts, max_iterations=10, sample_rate=64)
    table.create_index("vector", config=config)
    table.wait_for_index([one.name for one in table.list_indices()], timeout=timedelta(minutes=30))


class Nearest:
    """Finds the nearest of the unit ``vectors`` (n, d): the first of them by the table ``name`` in
    ``folder``, the others by comparing each. All so if ``name`` is empty."""

    def __init__(self, vectors: Vectors, folder: Path, name: str) -> None:
        self._vectors = vectors
        self._table: Any = None
        if name:
            import lancedb

            self._table = lancedb.connect(folder).open_table(name)
        self.is_cut = self._table is not None
        self._cut = self._table.count_rows() if self._table is not None else 0

    def places(self, query: Vectors, count: int, first: int) -> Rows:
        """Those of the ``count`` nearest, and of some more, among the ``first`` vectors."""
        scores = self._vectors[self._cut : first] @ query
        few = min(count, len(scores))
        found = self._cut + np.argpartition(-scores, few - 1)[:few] if few else np.zeros(0, np.int64)
        if self._table is None:
            return found
        request = self._table.search(query, vector_column_name="vector").distance_type("cosine")
        request = request.nprobes(_LOOKED_INTO).select(["row", "_distance"]).limit(count)
        rows = request.to_arrow()["row"].to_pylist()  # as an array it would import pandas
        return np.concatenate([found, np.array(rows, np.int64)])
