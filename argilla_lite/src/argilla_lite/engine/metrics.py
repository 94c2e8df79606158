"""Progress and the figures behind the filter menus."""

from __future__ import annotations

import numpy as np
from argilla_server.search_engine.base import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    TermsMetrics,
)

from argilla_lite.engine.columns import Entries
from argilla_lite.engine.table import Table

_MOST_TERMS = 2**14  # as upstream


def progress(table: Table) -> dict[str, int]:
    """Records in all, completed and pending."""
    counts = _counts(table.statuses.live(table.generations))
    return {"total": int(table.alive.sum()), "completed": 0, "pending": 0, **counts}


def user_progress(table: Table, user_id: str) -> dict[str, int]:
    """A user's responses in all, submitted, draft and discarded."""
    counts = _counts(table.response_statuses.live(table.generations).of_user(table.user(user_id)))
    return {"total": sum(counts.values()), "submitted": 0, "draft": 0, "discarded": 0, **counts}


def for_property(table: Table, name: str) -> MetadataMetrics:
    """Of a metadata property: counts per term (most frequent first), or least and greatest number."""
    column = table.metadata[name]
    entries = column.live(table.generations)
    if column.kind == "terms":
        counts = sorted(_counts(entries).items(), key=lambda pair: (-pair[1], pair[0]))
        values = [TermsMetrics.TermCount(term=term, count=count) for term, count in counts[:_MOST_TERMS]]
        return TermsMetrics(total=sum(count for _, count in counts), values=values)
    least = entries.values.min().item() if len(entries.values) else None
    greatest = entries.values.max().item() if len(entries.values) else None
    if column.kind == "integer":
        return IntegerMetadataMetrics(min=least, max=greatest)
    return FloatMetadataMetrics(min=least, max=greatest)


def _counts(entries: Entries) -> dict[str, int]:
    terms = entries.column.terms
    counts = np.bincount(entries.values, minlength=len(terms)).tolist()
    return {term: count for term, count in zip(terms, counts, strict=True) if count}
