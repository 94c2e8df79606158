"""Similarity search: exact cosine over a matrix per vector setting, kept in memory and brought up to date.

The truth is Argilla's `vectors` table (JSON lists). What changed is told by the text index's revisions, which every
process raises when records are written; what vanished by comparing counts.
"""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

import json
import sqlite3
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from argilla_server.errors.future import UnprocessableEntityError
from numpy.typing import NDArray

from argilla_lite.engine.search import Hit, Page

_BATCH = 500
_MOST_BYTES = 1_000_000_000  # of vectors in memory, over all settings


@dataclass
class _Matrix:
    """Unit vectors of one vector setting: shape (capacity, dimensions), float32; row per record."""

    dimensions: int
    ids: list[str] = field(default_factory=list)
    rows: dict[str, int] = field(default_factory=dict)
    units: NDArray[np.float32] = field(init=False)
    revision: int = -1

    def __post_init__(self) -> None:
        self.units = np.empty((0, self.dimensions), np.float32)

    def put(self, record_id: str, vector: NDArray[np.float32]) -> None:
        row = self.rows.get(record_id, len(self.ids))
        if row >= len(self.units):
            grown = np.zeros((max(64, row * 3 // 2), self.dimensions), np.float32)
            grown[:row] = self.units[:row]
            self.units = grown
        self.units[row] = _unit(vector)
        if row == len(self.ids):
            self.ids.append(record_id)
            self.rows[record_id] = row

    def keep(self, record_ids: set[str]) -> None:
        kept = [row for row, record_id in enumerate(self.ids) if record_id in record_ids]
        self.units = (
            np.ascontiguousarray(self.units[kept]) if kept else np.empty((0, self.dimensions), np.float32)
        )
        self.ids = [self.ids[row] for row in kept]
        self.rows = {record_id: row for row, record_id in enumerate(self.ids)}


class VectorCache:
    """Holds the matrices and answers similarity queries. Thread-safe."""

    def __init__(self) -> None:
        self._matrices: OrderedDict[str, _Matrix] = OrderedDict()
        self._lock = threading.Lock()

    def most_similar(
        self,
        reader: sqlite3.Connection,
        dataset_id: str,
        setting_id: str,
        dimensions: int,
        value: Sequence[float],
        allowed: Sequence[str] | None,
        excluded: str | None,
        limit: int,
        threshold: float | None,
    ) -> Page:
        """The records whose vectors have the greatest cosine with `value`.

        Args:
            reader: Connection to Argilla's database with the text index attached.
            dataset_id: 32 hex digits, as all ids here.
            setting_id: The vector setting.
            dimensions: Its vectors' length.
            value: Shape (dimensions,).
            allowed: Only these records; None for all of the dataset.
            excluded: A record to leave out.
            limit: How many at most.
            threshold: Least score.

        Returns:
            Scores (1 + cosine) / 2 as Elasticsearch has them for knn; the total counts what is returned.

        Raises:
            UnprocessableEntityError: The vector has another length.
        """
        if len(value) != dimensions:
            raise UnprocessableEntityError(
                f"The vector has {len(value)} dimensions, {dimensions} are expected"
            )
        with self._lock:
            matrix = self._current(reader, dataset_id, setting_id, dimensions)
            ids = matrix.ids[:]
            units = matrix.units[: len(ids)]  # rows are only overwritten whole; growing makes a new array
            rows_of = matrix.rows
            rows = (
                np.arange(len(ids))
                if allowed is None
                else np.array(sorted(rows_of[one] for one in allowed if one in rows_of), dtype=np.intp)
            )
        if excluded is not None and excluded in rows_of:
            rows = rows[rows != rows_of[excluded]]
        if not len(rows):
            return Page([], 0)
        compared = units if len(rows) == len(units) else units[rows]
        scores = (compared @ _unit(np.array(value, np.float32)) + 1) / 2
        order = np.argsort(-scores, kind="stable")[:limit]
        hits = [Hit(ids[rows[one]], float(np.clip(scores[one], 0.0, 1.0))) for one in order]
        if threshold is not None:
            hits = [hit for hit in hits if hit.score is not None and hit.score >= threshold]
        return Page(hits, len(hits))

    def forget(self, dataset_settings: Sequence[str]) -> None:
        """Frees the matrices of settings that are gone."""
        with self._lock:
            for setting_id in dataset_settings:
                self._matrices.pop(setting_id, None)

    def _current(
        self, reader: sqlite3.Connection, dataset_id: str, setting_id: str, dimensions: int
    ) -> _Matrix:
        reader.execute("BEGIN")  # one snapshot for all that follows
        try:
            revision = reader.execute(
                "SELECT coalesce(max(revision), 0) FROM text.documents WHERE dataset_id = ?", (dataset_id,)
            ).fetchone()[0]
            matrix = self._matrices.get(setting_id)
            if matrix is None:
                matrix = _Matrix(dimensions)
                rows = reader.execute(
                    "SELECT record_id, value FROM vectors WHERE vector_settings_id = ? ORDER BY rowid",
                    (setting_id,),
                )
                self._put(matrix, rows)
                self._matrices[setting_id] = matrix
            elif revision != matrix.revision:
                changed = reader.execute(
                    "SELECT record_id FROM text.documents WHERE dataset_id = ? AND revision > ?",
                    (dataset_id, matrix.revision),
                ).fetchall()
                self._reload(reader, matrix, setting_id, [row[0] for row in changed])
            count = reader.execute(
                "SELECT count(*) FROM vectors WHERE vector_settings_id = ?", (setting_id,)
            ).fetchone()[0]
            if count != len(matrix.ids):
                # Deleted records, or written ones that the text index does not know yet.
                present = {
                    row[0]
                    for row in reader.execute(
                        "SELECT record_id FROM vectors WHERE vector_settings_id = ?", (setting_id,)
                    )
                }
                matrix.keep(present)
                self._reload(reader, matrix, setting_id, sorted(present - matrix.rows.keys()))
            matrix.revision = revision
        finally:
            reader.execute("COMMIT")
        self._matrices.move_to_end(setting_id)
        while (
            len(self._matrices) > 1 and sum(one.units.nbytes for one in self._matrices.values()) > _MOST_BYTES
        ):
            self._matrices.popitem(last=False)
        return matrix

    def _reload(
        self, reader: sqlite3.Connection, matrix: _Matrix, setting_id: str, record_ids: Sequence[str]
    ) -> None:
        # A query that runs meanwhile in another thread keeps the old array.
        matrix.units = matrix.units.copy()
        for start in range(0, len(record_ids), _BATCH):
            batch = record_ids[start : start + _BATCH]
            marks = ",".join("?" * len(batch))
            rows = reader.execute(
                f"SELECT record_id, value FROM vectors WHERE vector_settings_id = ? AND record_id IN ({marks})"
                " ORDER BY rowid",
                (setting_id, *batch),
            )
            self._put(matrix, rows)

    @staticmethod
    def _put(matrix: _Matrix, rows: sqlite3.Cursor) -> None:
        for record_id, raw in rows:
            vector = np.array(json.loads(raw), np.float32)
            if vector.shape == (matrix.dimensions,):
                matrix.put(record_id, vector)


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 and np.isfinite(length) else np.zeros_like(vector)
