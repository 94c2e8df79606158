"""Progress and the figures behind the filter menus, counted in Argilla's own tables."""

from __future__ import annotations

import sqlite3

from argilla_server.search_engine.base import (
    FloatMetadataMetrics,
    IntegerMetadataMetrics,
    MetadataMetrics,
    TermsMetrics,
)

from argilla_lite.engine.sql import json_path

_MOST_TERMS = 2**14  # as upstream


def progress(reader: sqlite3.Connection, dataset_id: str) -> dict[str, int]:
    """Records in all, completed and pending."""
    counts = dict(
        reader.execute(
            "SELECT status, count(*) FROM records WHERE dataset_id = ? GROUP BY status", (dataset_id,)
        )
    )
    return {"total": sum(counts.values()), "completed": 0, "pending": 0, **counts}


def user_progress(reader: sqlite3.Connection, dataset_id: str, user_id: str) -> dict[str, int]:
    """A user's responses in all, submitted, draft and discarded."""
    counts = dict(
        reader.execute(
            "SELECT a.status, count(*) FROM responses AS a JOIN records AS r ON r.id = a.record_id"
            " WHERE a.user_id = ? AND r.dataset_id = ? GROUP BY a.status",
            (user_id, dataset_id),
        )
    )
    return {"total": sum(counts.values()), "submitted": 0, "draft": 0, "discarded": 0, **counts}


def for_property(reader: sqlite3.Connection, dataset_id: str, name: str, kind: str) -> MetadataMetrics:
    """Counts per term (most frequent first), or least and greatest number.

    Args:
        reader: Connection to Argilla's database.
        dataset_id: 32 hex digits.
        name: The metadata property's name.
        kind: terms, integer or float.
    """
    path = json_path(name)
    if kind == "terms":
        rows = reader.execute(
            "SELECT CASE j.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' ELSE CAST(j.value AS TEXT) END AS term,"
            " count(*) AS number FROM records AS r, json_each(r.metadata, ?) AS j"
            " WHERE r.dataset_id = ? AND j.type NOT IN ('null', 'object', 'array') GROUP BY term"
            " ORDER BY number DESC, term",
            (path, dataset_id),
        ).fetchall()
        values = [TermsMetrics.TermCount(term=term, count=count) for term, count in rows[:_MOST_TERMS]]
        return TermsMetrics(total=sum(count for _, count in rows), values=values)
    least, greatest = reader.execute(
        "SELECT min(v), max(v) FROM (SELECT json_extract(metadata, ?) AS v FROM records WHERE dataset_id = ?)"
        " WHERE typeof(v) IN ('integer', 'real')",
        (path, dataset_id),
    ).fetchone()
    if kind == "integer":
        return IntegerMetadataMetrics(min=least, max=greatest)
    return FloatMetadataMetrics(min=least, max=greatest)
