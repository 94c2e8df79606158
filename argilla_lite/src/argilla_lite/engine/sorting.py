"""Argilla's sort orders as SQL. Records without a value come last in both directions, as Elasticsearch has it."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import (
    MetadataFilterScope,
    Order,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
)

from argilla_lite.engine import schema
from argilla_lite.engine.sql import Sql, json_path
from argilla_lite.engine.values import JsonValue

_RECORD_COLUMNS = {"id", "external_id", "inserted_at", "updated_at", "status"}
TIE_BREAK = Sql("r.inserted_at, r.id")


def order_by(reader: sqlite3.Connection, dataset_id: str, sort: Sequence[Order]) -> Sql:
    """An ORDER BY list for explicit orders; equal records come in the order in which they were added.

    Raises:
        UnprocessableEntityError: A question, property or record column is unknown.
    """
    parts: list[Sql] = []
    for order in sort:
        descending = str(order.order) == "desc"
        key = _key(reader, dataset_id, order, descending)
        parts.append(key + Sql("DESC NULLS LAST" if descending else "ASC NULLS LAST"))
    text = ", ".join(part.text for part in [*parts, TIE_BREAK])
    return Sql(text, tuple(parameter for part in parts for parameter in part.parameters))


def random_order(user_id: object) -> Sql:
    """A number in (0, 1] per record that differs between users and never changes for one.

    So that annotators who work on a dataset at once do not all get the same records first.
    """
    return Sql("(shuffled(?, r.id) + 1) / 4294967296.0", (str(user_id),))


def _key(reader: sqlite3.Connection, dataset_id: str, order: Order, descending: bool) -> Sql:
    scope = order.scope
    if isinstance(scope, RecordFilterScope):
        if str(scope.property) not in _RECORD_COLUMNS:
            raise UnprocessableEntityError(f"Unknown record property `{scope.property}`")
        return Sql(f"r.{scope.property}")
    if isinstance(scope, MetadataFilterScope):
        numeric = schema.metadata_type(reader, dataset_id, scope.metadata_property) != "terms"
        return JsonValue("r.metadata", json_path(scope.metadata_property), numeric).key(descending)
    if isinstance(scope, SuggestionFilterScope):
        return _suggestion_key(reader, dataset_id, scope, descending)
    if isinstance(scope, ResponseFilterScope):
        return _response_key(reader, dataset_id, scope, descending)
    raise UnprocessableEntityError(f"Unknown sort scope {scope!r}")


def _suggestion_key(
    reader: sqlite3.Connection, dataset_id: str, scope: SuggestionFilterScope, descending: bool
) -> Sql:
    question = schema.question(reader, dataset_id, scope.question)
    name = scope.property if scope.property not in {None, "None"} else "value"
    if name in {"agent", "type"}:
        key = Sql(f"s.{name}")
    elif name in {"score", "value"}:
        key = JsonValue(f"s.{name}", "$", name == "score" or question.type == "rating").key(descending)
    else:
        raise UnprocessableEntityError(f"Unknown suggestion property `{name}`")
    rows = Sql("FROM suggestions AS s WHERE s.record_id = r.id AND s.question_id = ?)", (question.id,))
    return Sql("(SELECT") + key + rows


def _response_key(
    reader: sqlite3.Connection, dataset_id: str, scope: ResponseFilterScope, descending: bool
) -> Sql:
    of_user = Sql("AND a.user_id = ?)", (scope.user.id.hex,)) if scope.user else Sql(")")
    rows = Sql("FROM responses AS a WHERE a.record_id = r.id") + of_user
    best = "max" if descending else "min"
    if not scope.question:
        return Sql(f"(SELECT {best}(a.status)") + rows
    question = schema.question(reader, dataset_id, scope.question)
    numeric = question.type == "rating"
    value = JsonValue('a."values"', json_path(question.name, "value"), numeric).key(descending)
    # Several people's ratings count with their mean, as upstream asks Elasticsearch for.
    return Sql(f"(SELECT {'avg' if numeric else best}(") + value + Sql(")") + rows
