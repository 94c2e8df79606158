"""Runs a query: text first, then the filters, on Argilla's own records."""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import Filter, Order, TextQuery

from argilla_lite.engine import filters, sorting
from argilla_lite.engine.sql import Sql
from argilla_lite.engine.text_index import TextIndex
from argilla_lite.engine.text_query import to_fts5


@dataclass(frozen=True)
class Hit:
    """A record that was found: id as 32 hex digits; score (BM25 times the random factor, if any)."""

    record_id: str
    score: float | None


@dataclass(frozen=True)
class Page:
    """Some of the hits, in order, and how many there are in all."""

    hits: list[Hit]
    total: int


_EMPTY = Page([], 0)


class Searcher:
    """Answers queries over one home's databases.

    Args:
        index: The text index.
    """

    def __init__(self, index: TextIndex) -> None:
        self._index = index

    def search(
        self,
        reader: sqlite3.Connection,
        dataset_id: str,
        query: TextQuery | str | None,
        filter: Filter | None,
        sort: Sequence[Order] | None,
        offset: int,
        limit: int,
        user_id: object | None,
    ) -> Page:
        """Finds records.

        Order: by `sort`; else by relevance times the user's random number, as upstream has it; else as added.

        Raises:
            UnprocessableEntityError: The query names something that does not exist.
        """
        found = self.candidates(reader, dataset_id, query, filter)
        if found is None:
            return _EMPTY
        score = Sql("h.score" if query is not None else "1.0")
        if user_id is not None and not sort:
            score = score + Sql("*") + sorting.random_order(user_id)
        if sort:
            order = sorting.order_by(reader, dataset_id, sort)
            score = Sql("NULL")
        elif query is not None or user_id is not None:
            order = Sql("score DESC,") + sorting.TIE_BREAK
        else:
            order = sorting.TIE_BREAK
        with_clause, source, condition = found
        statement = (
            with_clause
            + Sql("SELECT r.id,")
            + score
            + Sql("AS score, count(*) OVER () FROM")
            + source
            + Sql("WHERE")
            + condition
            + Sql("ORDER BY")
            + order
            + Sql("LIMIT ? OFFSET ?", (limit, offset))
        )
        rows = reader.execute(statement.text, statement.parameters).fetchall()
        if rows:
            return Page([Hit(row[0], row[1]) for row in rows], rows[0][2])
        if offset == 0 and limit > 0:
            return _EMPTY
        counted = with_clause + Sql("SELECT count(*) FROM") + source + Sql("WHERE") + condition
        return Page([], reader.execute(counted.text, counted.parameters).fetchone()[0])

    def matching(
        self,
        reader: sqlite3.Connection,
        dataset_id: str,
        query: TextQuery | str | None,
        filter: Filter | None,
    ) -> list[str]:
        """The ids of all records that a text query and a filter let through."""
        found = self.candidates(reader, dataset_id, query, filter)
        if found is None:
            return []
        with_clause, source, condition = found
        statement = with_clause + Sql("SELECT r.id FROM") + source + Sql("WHERE") + condition
        return [row[0] for row in reader.execute(statement.text, statement.parameters)]

    def candidates(
        self,
        reader: sqlite3.Connection,
        dataset_id: str,
        query: TextQuery | str | None,
        filter: Filter | None,
    ) -> tuple[Sql, Sql, Sql] | None:
        """WITH clause, FROM list and WHERE condition of what matches; None when nothing can."""
        condition = Sql("r.dataset_id = ?", (dataset_id,))
        if filter is not None:
            condition = condition + Sql("AND") + filters.condition(reader, dataset_id, filter)
        if query is None:
            return Sql(""), Sql("records AS r"), condition
        expression = self._expression(reader, dataset_id, query)
        if expression is None:
            return None
        table = f"text_{dataset_id}"
        # MATERIALIZED and CROSS JOIN make SQLite ask the text index first, whatever the filters are.
        hits = Sql(
            "WITH h (record_id, score) AS MATERIALIZED ("
            f"SELECT d.record_id, -bm25({table}) FROM text.{table} CROSS JOIN text.documents AS d"
            f" ON d.rowid = {table}.rowid WHERE {table} MATCH ?)",
            (expression,),
        )
        return hits, Sql("h CROSS JOIN records AS r ON r.id = h.record_id"), condition

    def _expression(self, reader: sqlite3.Connection, dataset_id: str, query: TextQuery | str) -> str | None:
        self._index.retry(dataset_id)
        columns = self._index.columns(reader, dataset_id)
        if columns is None:
            self._index.ensure(dataset_id)
            columns = self._index.columns(reader, dataset_id)
            if columns is None:
                return None
        text, field = (query, None) if isinstance(query, str) else (query.q, query.field)
        if field is None:
            return to_fts5(text, list(columns.values()))
        if field not in columns:
            raise UnprocessableEntityError(f"Field `{field}` not found in dataset")
        return to_fts5(text, [columns[field]])
