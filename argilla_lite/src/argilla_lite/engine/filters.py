"""Argilla's filters, evaluated on a table's columns."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TypeVar

import numpy as np
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
from numpy.typing import NDArray

from argilla_lite.engine import dates
from argilla_lite.engine.columns import Column, Entries, Mask
from argilla_lite.engine.table import Table

_Key = TypeVar("_Key")


def mask(table: Table, filter: Filter) -> Mask:
    """Which rows a filter lets through: shape (table.count,); rows of deleted records may be among them.
    Raises UnprocessableEntityError when a bound is no number or date, or a question or property unknown."""
    if isinstance(filter, AndFilter):
        result = np.ones(table.count, np.bool_)
        for one in filter.filters:
            result &= mask(table, one)
        return result
    scope = filter.scope
    if isinstance(scope, RecordFilterScope):
        return _record(table, filter, str(scope.property))
    if isinstance(scope, MetadataFilterScope):
        return _any(table, metadata_column(table, scope), filter)
    if isinstance(scope, SuggestionFilterScope):
        return _any(table, suggestion_column(table, scope), filter)
    if isinstance(scope, ResponseFilterScope):
        return _response(table, filter, scope)
    raise UnprocessableEntityError(f"Unknown filter scope {scope!r}")


def metadata_column(table: Table, scope: MetadataFilterScope) -> Column:
    """Raises UnprocessableEntityError for an unknown property."""
    return _known(table.metadata, scope.metadata_property, f"Metadata property `{scope.metadata_property}`")


def suggestion_column(table: Table, scope: SuggestionFilterScope) -> Column:
    """Raises UnprocessableEntityError for an unknown question, or an unknown property of its suggestions."""
    part = scope.property if scope.property not in {None, "None"} else "value"
    _known(table.responses, scope.question, f"Question `{scope.question}`")
    return _known(table.suggestions, (scope.question, str(part)), f"Suggestion property `{part}`")


def response_column(table: Table, question: str) -> Column:
    """Raises UnprocessableEntityError for an unknown question."""
    return _known(table.responses, question, f"Question `{question}`")


def response_entries(table: Table, column: Column, scope: ResponseFilterScope) -> Entries:
    """What anybody, or the scope's user, answered."""
    entries = column.live(table.generations)
    return entries if scope.user is None else entries.of_user(table.user(scope.user.id.hex))


def _known(columns: Mapping[_Key, Column], key: _Key, what: str) -> Column:
    column = columns.get(key)
    if column is None:
        raise UnprocessableEntityError(f"{what} not found in dataset")
    return column


def _any(table: Table, column: Column, filter: TermsFilter | RangeFilter) -> Mask:
    entries = column.live(table.generations)
    return entries.rows_where(_matches(entries, filter), table.count)


def _record(table: Table, filter: TermsFilter | RangeFilter, name: str) -> Mask:
    if name in {"inserted_at", "updated_at"}:
        moments = table.inserted if name == "inserted_at" else table.updated
        if isinstance(filter, TermsFilter):
            return np.isin(moments, [dates.micros(value, upper=False) for value in filter.values])
        low = None if filter.ge is None else dates.micros(filter.ge, upper=False)
        high = None if filter.le is None else dates.micros(filter.le, upper=True)
        return _between(moments, low, high)
    if name == "id":
        return _ids(table, filter)
    if name == "status":
        return _any(table, table.statuses, filter)
    if name == "external_id":
        return _any(table, table.external_ids, filter)
    raise UnprocessableEntityError(f"Unknown record property `{name}`")


def _ids(table: Table, filter: TermsFilter | RangeFilter) -> Mask:
    result = np.zeros(table.count, np.bool_)
    if isinstance(filter, TermsFilter):
        wanted = (table.row_of.get(_hex(value)) for value in filter.values)
        result[[row for row in wanted if row is not None]] = True
        return result
    low, high = (None if one is None else _hex(one) for one in (filter.ge, filter.le))
    chosen = [(low is None or one >= low) and (high is None or one <= high) for one in table.ids]
    return np.array(chosen, np.bool_)


def _hex(value: object) -> str:
    return str(value).replace("-", "").lower()


def _response(table: Table, filter: TermsFilter | RangeFilter, scope: ResponseFilterScope) -> Mask:
    if scope.question:
        entries = response_entries(table, response_column(table, scope.question), scope)
        return entries.rows_where(_matches(entries, filter), table.count)
    if scope.property != "status" or not isinstance(filter, TermsFilter):
        raise UnprocessableEntityError("Responses can be filtered by a question's value or by status terms")
    entries = response_entries(table, table.response_statuses, scope)
    given = [str(value) for value in filter.values if value != "pending"]
    wanted = entries.column.codes_of(given)
    result = entries.rows_where(np.isin(entries.values, wanted), table.count)
    if len(given) < len(filter.values):
        # Pending is no status of a response: it means that there is none (of this user, or of anybody).
        result |= ~entries.rows_where(np.ones(len(entries.rows), np.bool_), table.count)
    return result


def _matches(entries: Entries, filter: TermsFilter | RangeFilter) -> Mask:
    """Which of the entries satisfy the filter."""
    column = entries.column
    if isinstance(filter, TermsFilter):
        if column.kind == "terms":
            return np.isin(entries.values, column.codes_of(filter.values))
        numbers = [number for value in filter.values if (number := _number(value)) is not None]
        if column.kind == "integer":
            whole = [int(number) for number in numbers if number == int(number)]
            return np.isin(entries.values, np.array([one for one in whole if abs(one) < 2**63], np.int64))
        return np.isin(entries.values, np.array(numbers, np.float64))
    if column.kind == "terms":
        low, high = (None if one is None else str(one) for one in (filter.ge, filter.le))
        return np.isin(entries.values, column.codes_between(low, high))
    least, greatest = _bound(filter.ge), _bound(filter.le)
    if column.kind == "integer":
        least = None if least is None else _within_64_bits(math.ceil(least))
        greatest = None if greatest is None else _within_64_bits(math.floor(greatest))
    return _between(entries.values, least, greatest)


def _between(values: NDArray[np.int64] | NDArray[np.float64], low: float | None, high: float | None) -> Mask:
    result = np.ones(len(values), np.bool_)
    if low is not None:
        result &= values >= low
    if high is not None:
        result &= values <= high
    return result


def _within_64_bits(number: int) -> int:
    return min(max(number, -(2**63)), 2**63 - 1)


def _number(value: object) -> int | float | None:
    """The number that a text says; None for other text and for what is not finite."""
    try:
        return int(str(value))
    except ValueError:
        pass
    try:
        number = float(str(value))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _bound(value: object) -> int | float | None:
    if value is None:
        return None
    number = _number(value)
    if number is None:
        raise UnprocessableEntityError(f"`{value}` is not a number")
    return number
