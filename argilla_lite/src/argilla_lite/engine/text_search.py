"""Asks the text index: which documents match, how well, and which rows of the dataset's table they are."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import TextQuery
from numpy.typing import NDArray

from argilla_lite.engine.columns import Mask
from argilla_lite.engine.table import Table
from argilla_lite.engine.text_index import TextIndex
from argilla_lite.engine.text_query import to_fts5

# What more records than this contain tells them too little apart to spend the time of ranking all of them.
MOST_RANKED = 30_000


@dataclass(frozen=True)
class TextHits:
    """Documents (row ids of the index, shape (n,)) and their relevance: BM25, or 1 for all where there are
    too many."""

    documents: NDArray[np.int64]
    scores: NDArray[np.float64]


NO_HITS = TextHits(np.empty(0, np.int64), np.empty(0, np.float64))


class Documents:
    """Which row of a dataset's table a document of the text index is. Not thread-safe."""

    def __init__(self) -> None:
        self._row_of: NDArray[np.int32] = np.empty(0, np.int32)
        self._revision = -1
        self._filled = -1

    def follow(self, reader: sqlite3.Connection, table: Table) -> None:
        """Brings the rows up to date with the index as `reader` sees it; `table` is not older than that."""
        if self._filled != table.filled:
            self._row_of, self._revision, self._filled = np.empty(0, np.int32), -1, table.filled
        rows = reader.execute(
            "SELECT rowid, record_id, revision FROM documents WHERE dataset_id = ? AND revision > ?",
            (table.dataset_id, self._revision),
        ).fetchall()
        if not rows:
            return
        last = max(row[0] for row in rows)
        if last >= len(self._row_of):
            grown = np.full(last * 5 // 4 + 1, -1, np.int32)
            grown[: len(self._row_of)] = self._row_of
            self._row_of = grown
        self._row_of[[row[0] for row in rows]] = [table.row_of.get(row[1], -1) for row in rows]
        self._revision = max(row[2] for row in rows)

    def mask(self, hits: TextHits, count: int) -> Mask:
        """Shape (count,): the rows that were hit."""
        mask = np.zeros(count, np.bool_)
        rows = self._row_of[hits.documents]
        mask[rows[rows >= 0]] = True
        return mask

    def scores(self, hits: TextHits, count: int) -> NDArray[np.float64]:
        """Shape (count,): each row's relevance; 0 for those that were not hit."""
        scores = np.zeros(count, np.float64)
        rows = self._row_of[hits.documents]
        scores[rows[rows >= 0]] = hits.scores[rows >= 0]
        return scores


class TextReader:
    """Reads the index. Thread-safe; keeps its connections."""

    def __init__(self, index: TextIndex) -> None:
        self._index = index
        self._idle: list[sqlite3.Connection] = []
        self._lock = threading.Lock()

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """One state of the index until the end of the block."""
        with self._lock:
            reader = self._idle.pop() if self._idle else self._index.connect(read_only=True)
        try:
            reader.execute("BEGIN")
            reader.execute("SELECT 1 FROM counter").fetchone()  # from here on nothing changes
            yield reader
            reader.execute("COMMIT")
        except BaseException:
            reader.close()
            raise
        with self._lock:
            self._idle.append(reader)

    def find(
        self,
        reader: sqlite3.Connection,
        dataset_id: str,
        query: TextQuery | str,
        ranked: bool,
        records: int,
    ) -> TextHits:
        """The documents of a dataset of so many `records` that match, in a snapshot of the index. Their
        relevance is 1 where it is not asked for (`ranked`). Raises UnprocessableEntityError when the query
        names a field that does not exist."""
        columns = self._index.columns(reader, dataset_id)
        if columns is None:
            return NO_HITS
        text, field = (query, None) if isinstance(query, str) else (query.q, query.field)
        if field is not None and field not in columns:
            raise UnprocessableEntityError(f"Field `{field}` not found in dataset")
        expression = to_fts5(text, list(columns.values()) if field is None else [columns[field]])
        if expression is None:
            return NO_HITS
        table = f"text_{dataset_id}"
        match = f"FROM {table} WHERE {table} MATCH ?"
        if not ranked or records > MOST_RANKED:
            found = reader.execute(f"SELECT rowid {match}", (expression,)).fetchall()
            if not found:
                return NO_HITS
            if not ranked or len(found) > MOST_RANKED:
                return TextHits(np.array(found, np.int64)[:, 0], np.ones(len(found)))
        scored = np.array(reader.execute(f"SELECT rowid, -bm25({table}) {match}", (expression,)).fetchall())
        return TextHits(scored[:, 0].astype(np.int64), scored[:, 1]) if len(scored) else NO_HITS
