"""Argilla's filters as SQL conditions on its own tables. `r` is the records table's row in question."""

from __future__ import annotations

import sqlite3

from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import (
    AndFilter,
    Filter,
    MetadataFilterScope,
    RangeFilter,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
    TermsFilter,
)

from argilla_lite.engine import dates, schema
from argilla_lite.engine.sql import EVERYTHING, NOTHING, Sql, hex_id, join, json_path, marks
from argilla_lite.engine.values import JsonValue

_DATES = {"inserted_at", "updated_at"}
_RECORD_COLUMNS = _DATES | {"id", "external_id", "status"}
_NUMERIC_QUESTIONS = {"rating"}


def condition(reader: sqlite3.Connection, dataset_id: str, filter: Filter) -> Sql:
    """Translates a filter.

    Args:
        reader: To look up questions and properties.
        dataset_id: 32 hex digits.
        filter: As Argilla's handlers build it.

    Raises:
        UnprocessableEntityError: A bound is no number or date, or a question or property is unknown.
    """
    if isinstance(filter, AndFilter):
        parts = [condition(reader, dataset_id, one) for one in filter.filters]
        return join(" AND ", parts) if parts else EVERYTHING
    scope = filter.scope
    if isinstance(scope, RecordFilterScope):
        return _record(filter, str(scope.property))
    if isinstance(scope, MetadataFilterScope):
        numeric = schema.metadata_type(reader, dataset_id, scope.metadata_property) != "terms"
        value = JsonValue("r.metadata", json_path(scope.metadata_property), numeric)
        return value.satisfies(_comparison(filter, numeric))
    if isinstance(scope, SuggestionFilterScope):
        return _suggestion(reader, dataset_id, filter, scope)
    if isinstance(scope, ResponseFilterScope):
        return _response(reader, dataset_id, filter, scope)
    raise UnprocessableEntityError(f"Unknown filter scope {scope!r}")


def _record(filter: TermsFilter | RangeFilter, name: str) -> Sql:
    if name not in _RECORD_COLUMNS:
        raise UnprocessableEntityError(f"Unknown record property `{name}`")
    column = Sql(f"r.{name}")
    if name in _DATES:
        if isinstance(filter, TermsFilter):
            return (
                column + Sql("IN") + marks([dates.stored_form(value, upper=False) for value in filter.values])
            )
        low = None if filter.ge is None else dates.stored_form(filter.ge, upper=False)
        high = None if filter.le is None else dates.stored_form(filter.le, upper=True)
        return column + _between(low, high)
    if isinstance(filter, TermsFilter):
        values = (
            [hex_id(value) for value in filter.values] if name == "id" else [str(v) for v in filter.values]
        )
        return column + Sql("IN") + marks(values)
    return column + _comparison(filter, numeric=False)


def _suggestion(
    reader: sqlite3.Connection,
    dataset_id: str,
    filter: TermsFilter | RangeFilter,
    scope: SuggestionFilterScope,
) -> Sql:
    question = schema.question(reader, dataset_id, scope.question)
    name = scope.property if scope.property not in {None, "None"} else "value"
    if name in {"agent", "type"}:
        matches = Sql(f"s.{name}") + _comparison(filter, numeric=False)
    elif name in {"score", "value"}:
        numeric = name == "score" or question.type in _NUMERIC_QUESTIONS
        matches = JsonValue(f"s.{name}", "$", numeric).satisfies(_comparison(filter, numeric))
    else:
        raise UnprocessableEntityError(f"Unknown suggestion property `{name}`")
    opened = "EXISTS (SELECT 1 FROM suggestions AS s WHERE s.record_id = r.id AND s.question_id = ? AND ("
    return Sql(opened, (question.id,)) + matches + Sql("))")


def _response(
    reader: sqlite3.Connection,
    dataset_id: str,
    filter: TermsFilter | RangeFilter,
    scope: ResponseFilterScope,
) -> Sql:
    of_user = Sql("AND a.user_id = ?", (scope.user.id.hex,)) if scope.user else Sql("")
    opened = Sql("EXISTS (SELECT 1 FROM responses AS a WHERE a.record_id = r.id") + of_user
    if scope.question:
        question = schema.question(reader, dataset_id, scope.question)
        numeric = question.type in _NUMERIC_QUESTIONS
        value = JsonValue('a."values"', json_path(question.name, "value"), numeric)
        return opened + Sql("AND (") + value.satisfies(_comparison(filter, numeric)) + Sql("))")
    if scope.property != "status" or not isinstance(filter, TermsFilter):
        raise UnprocessableEntityError("Responses can be filtered by a question's value or by status terms")
    # Pending is no status of a response: it means that there is none (of this user, or of anybody).
    given = [str(value) for value in filter.values if value != "pending"]
    ways = []
    if len(given) < len(filter.values):
        ways.append(Sql("NOT") + opened + Sql(")"))
    if given:
        ways.append(opened + Sql("AND a.status IN") + marks(given) + Sql(")"))
    return join(" OR ", ways) if ways else NOTHING


def _comparison(filter: TermsFilter | RangeFilter, numeric: bool) -> Sql:
    if isinstance(filter, TermsFilter):
        if not numeric:
            return Sql("IN") + marks([str(value) for value in filter.values])
        numbers = [number for value in filter.values if (number := _number_or_none(value)) is not None]
        return Sql("IN") + marks(numbers)
    if numeric:
        return _between(_bound(filter.ge), _bound(filter.le))
    return _between(_text(filter.ge), _text(filter.le))


def _between(low: object, high: object) -> Sql:
    if low is None:
        return Sql("<= ?", (high,))
    if high is None:
        return Sql(">= ?", (low,))
    return Sql("BETWEEN ? AND ?", (low, high))


def _number_or_none(value: object) -> float | int | None:
    text = str(value)
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return None


def _bound(value: object) -> float | int | None:
    if value is None:
        return None
    number = _number_or_none(value)
    if number is None:
        raise UnprocessableEntityError(f"`{value}` is not a number")
    return number


def _text(value: object) -> str | None:
    return None if value is None else str(value)
