"""Runs a query: text first, then the filters, then the order."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from argilla_server.search_engine.base import (
    Filter,
    Order,
    RecordFilterScope,
    SearchResponses,
    TermsFilter,
    TextQuery,
)

from argilla_lite.engine import filters, sorting
from argilla_lite.engine.columns import Mask
from argilla_lite.engine.results import responses
from argilla_lite.engine.tables import Dataset
from argilla_lite.engine.text_search import TextHits

_IDS = re.compile(r"[0-9a-f]{32}(?:[ |]+[0-9a-f]{32})*")


def named_records(dataset: Dataset, query: TextQuery | str | None) -> TermsFilter | None:
    """The records that a text query names by nothing but their external ids, of 32 hexadecimal digits; None
    where it says anything else or none is there. The page shows only what is pending for its reader, or
    answered by them: by its id any record can be opened."""
    text = (query.q if isinstance(query, TextQuery) else query or "").strip()
    if not _IDS.fullmatch(text):
        return None
    named = TermsFilter(scope=RecordFilterScope(property="external_id"), values=re.split("[ |]+", text))
    return named if filters.mask(dataset.table, named).any() else None


def search(
    dataset: Dataset,
    hits: TextHits | None,
    filter: Filter | None,
    sort: Sequence[Order] | None,
    offset: int,
    limit: int,
    user_id: object | None,
) -> SearchResponses:
    """Finds records: of those that a text query `hits` (None: there is no query) the ones that `filter` lets
    through.

    Order: by `sort`; else by relevance times the user's random number, as upstream has it; else as added.
    Raises UnprocessableEntityError when the query names something that does not exist.
    """
    table = dataset.table
    rows = table.rows(mask(dataset, hits, filter))
    scores = None
    if sort:
        rows = sorting.ordered(table, rows, sort)
    elif hits is not None or user_id is not None:
        scores = np.ones(table.count) if hits is None else dataset.documents.scores(hits, table.count)
        if user_id is not None:
            scores *= sorting.random_scores(table, user_id)
        rows = rows[np.argsort(-scores[rows], kind="stable")]
    page = rows[offset : offset + limit]
    if sort:
        return responses(table, page, None, len(rows))
    return responses(table, page, np.ones(len(page)) if scores is None else scores[page], len(rows))


def mask(dataset: Dataset, hits: TextHits | None, filter: Filter | None) -> Mask | None:
    """Which rows a text query's hits and a filter let through: shape (table.count,); None for all."""
    chosen = None if filter is None else filters.mask(dataset.table, filter)
    if hits is not None:
        found = dataset.documents.mask(hits, dataset.table.count)
        chosen = found if chosen is None else chosen & found
    return chosen
