"""Similarity search: exact cosine over a matrix per vector setting, a row per row of the dataset's table."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import SearchResponses
from numpy.typing import NDArray

from argilla_lite.engine.columns import Mask
from argilla_lite.engine.results import responses
from argilla_lite.engine.source import Snapshot, parsed
from argilla_lite.engine.table import Table


class Vectors:
    """The unit vectors of one vector setting, an id of 32 hexadecimal digits. Not thread-safe."""

    def __init__(self, setting_id: str, dimensions: int) -> None:
        self._setting_id = setting_id
        self._dimensions = dimensions
        self._units: NDArray[np.float32] = np.empty((0, dimensions), np.float32)
        self._present: Mask = np.empty(0, np.bool_)
        self._revision = -1
        self._filled = -1
        self._complete = False
        self._first_rows: list[str] = []  # what is to be read ahead

    @property
    def bytes(self) -> int:
        return self._units.nbytes

    def follow(self, snapshot: Snapshot, table: Table) -> None:
        """Brings the matrix up to the snapshot's state; `table` has been already."""
        if self._filled != table.filled or not self._complete:
            self._begin(table)
            self._read(snapshot, table, None)
            self._complete, self._first_rows = True, []
        elif self._revision != table.revision:
            changed = snapshot.changed(table.dataset_id, self._revision)
            if changed:
                self._grow(table.count)
                self._present[[row for one in changed if (row := table.row_of.get(one)) is not None]] = False
                self._read(snapshot, table, changed)
        self._revision = table.revision

    def read_ahead(self, snapshot: Snapshot, table: Table, start: int, count: int) -> bool:
        """Reads the vectors of `count` rows from `start` (0 at the first call), so that others may use the
        table between two calls. `snapshot` is the state that `table` has. Returns whether there is more."""
        if self._complete:
            return False
        if start == 0:
            self._begin(table)
        elif self._filled != table.filled:
            return False  # all is other now: it is read when it is asked for
        # What has changed since the first call is read again by `follow`, which starts from its revision.
        rows = self._first_rows[start : start + count]
        self._read(snapshot, table, rows)
        self._complete = start + count >= len(self._first_rows)
        if self._complete:
            self._first_rows = []
        return not self._complete

    def _begin(self, table: Table) -> None:
        self._units = np.zeros((table.count, self._dimensions), np.float32)
        self._present = np.zeros(table.count, np.bool_)
        self._filled, self._revision, self._complete = table.filled, table.revision, False
        self._first_rows = table.ids[:]

    def most_similar(
        self,
        table: Table,
        value: Sequence[float],
        allowed: Mask | None,
        excluded: str | None,
        limit: int,
        threshold: float | None,
    ) -> SearchResponses:
        """The `limit` records whose vectors have the greatest cosine with `value`: of the rows `allowed`
        (shape (table.count,); None for all), without the record `excluded`.

        Scores are (1 + cosine) / 2, as Elasticsearch has them for knn, and at least `threshold`; the total
        counts what is returned. Raises UnprocessableEntityError for a vector of another length.
        """
        if len(value) != self._dimensions:
            raise UnprocessableEntityError(
                f"The vector has {len(value)} dimensions, {self._dimensions} are expected"
            )
        self._grow(table.count)
        mask = self._present[: table.count] & table.alive
        if allowed is not None:
            mask &= allowed
        if excluded is not None and excluded in table.row_of:
            mask[table.row_of[excluded]] = False
        rows = np.flatnonzero(mask)
        if not len(rows) or limit < 1:
            return SearchResponses(items=[], total=0)
        query = _unit(np.array(value, np.float32))
        # Copying a part of the matrix costs more than comparing all of it, unless the part is small.
        few = len(rows) * 4 < len(mask)
        cosines = self._units[rows] @ query if few else (self._units[: table.count] @ query)[rows]
        best = np.arange(len(rows))
        if limit < len(rows):
            # With all that are as similar as the last one, so that equal ones come in the order they were
            # added.
            last = np.partition(cosines, len(rows) - limit)[len(rows) - limit]
            best = np.flatnonzero(cosines >= last)
        best = best[np.argsort(-cosines[best], kind="stable")][:limit]
        scores = np.clip((cosines[best].astype(np.float64) + 1) / 2, 0.0, 1.0)
        if threshold is not None:
            best, scores = best[scores >= threshold], scores[scores >= threshold]
        return responses(table, rows[best], scores, len(best))

    def _grow(self, count: int) -> None:
        if count > len(self._units):
            grown = np.zeros((max(count, len(self._units) * 5 // 4), self._dimensions), np.float32)
            grown[: len(self._units)] = self._units
            present = np.zeros(len(grown), np.bool_)
            present[: len(self._present)] = self._present
            self._units, self._present = grown, present

    def _read(self, snapshot: Snapshot, table: Table, ids: Sequence[str] | None) -> None:
        for record_id, text in snapshot.vectors(table.dataset_id, self._setting_id, ids):
            row = table.row_of.get(record_id)
            vector = np.array(parsed(text), np.float32)
            if row is not None and vector.shape == (self._dimensions,):
                if row >= len(self._units):
                    self._grow(table.count)
                self._units[row] = _unit(vector)
                self._present[row] = True


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    length = float(np.linalg.norm(vector))
    return vector / length if length > 0 and np.isfinite(length) else np.zeros_like(vector)
