"""What Argilla is told that a query finds."""

from __future__ import annotations

import numpy as np
from argilla_server.search_engine.base import SearchResponseItem, SearchResponses
from numpy.typing import NDArray

from argilla_lite.engine.columns import Rows
from argilla_lite.engine.table import Table


def responses(table: Table, rows: Rows, scores: NDArray[np.float64] | None, total: int) -> SearchResponses:
    """The records in these rows, in order, with their scores (None: they were sorted), of `total` that were
    found."""
    each = [None] * len(rows) if scores is None else scores.tolist()
    items = [
        SearchResponseItem(record_id=table.ids[row], score=score)
        for row, score in zip(rows.tolist(), each, strict=True)
    ]
    return SearchResponses(items=items, total=total)
