"""Argilla's sort orders on a table's columns. Records without a value come last in both directions, as in
Elasticsearch."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.search_engine.base import (
    MetadataFilterScope,
    Order,
    RecordFilterScope,
    ResponseFilterScope,
    SuggestionFilterScope,
)
from numpy.typing import NDArray

from argilla_lite.engine.columns import Rows
from argilla_lite.engine.filters import metadata_column, response_column, response_entries, suggestion_column
from argilla_lite.engine.table import Table


def ordered(table: Table, rows: Rows, sort: Sequence[Order]) -> Rows:
    """`rows` by the given orders; equal ones stay as they are. Raises UnprocessableEntityError when a
    question, property or record column is unknown."""
    for order in reversed(sort):
        descending = str(order.order) == "desc"
        key = _key(table, order, descending)[rows]
        # NaN, which is no value, sorts last: negating the others keeps it there.
        rows = rows[np.argsort(-key if descending else key, kind="stable")]
    return rows


def random_scores(table: Table, user_id: object) -> NDArray[np.float64]:
    """Shape (table.count,): a number in (0, 1] per record that differs between users and never changes for
    one.

    So that annotators who work on a dataset at once do not all get the same records first. The orders of two
    users have nothing to do with each other: the ids' bits are mixed with splitmix64 (Steele et al. 2014).
    """
    seed = int.from_bytes(hashlib.blake2b(str(user_id).encode(), digest_size=8).digest(), "big")
    with np.errstate(over="ignore"):
        mixed = _mix(_mix(table.id_bits) ^ np.uint64(seed))
    scores: NDArray[np.float64] = ((mixed >> np.uint64(11)) + np.uint64(1)).astype(np.float64) / 2.0**53
    return scores


def _mix(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    bits = bits + np.uint64(0x9E3779B97F4A7C15)
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    mixed: NDArray[np.uint64] = bits ^ (bits >> np.uint64(31))
    return mixed


def _key(table: Table, order: Order, descending: bool) -> NDArray[np.float64]:
    scope = order.scope
    if isinstance(scope, RecordFilterScope):
        return _record_key(table, str(scope.property), descending)
    if isinstance(scope, MetadataFilterScope):
        entries = metadata_column(table, scope).live(table.generations)
        return entries.key(table.count, descending)
    if isinstance(scope, SuggestionFilterScope):
        entries = suggestion_column(table, scope).live(table.generations)
        return entries.key(table.count, descending)
    if isinstance(scope, ResponseFilterScope):
        column = response_column(table, scope.question) if scope.question else table.response_statuses
        # Several people's ratings count with their mean, as upstream asks Elasticsearch for.
        entries = response_entries(table, column, scope)
        return entries.key(table.count, descending, mean=column.kind == "integer")
    raise UnprocessableEntityError(f"Unknown sort scope {scope!r}")


def _record_key(table: Table, name: str, descending: bool) -> NDArray[np.float64]:
    if name in {"inserted_at", "updated_at"}:  # microseconds of our time fit into a float
        return (table.inserted if name == "inserted_at" else table.updated).astype(np.float64)
    if name in {"status", "external_id"}:
        column = table.statuses if name == "status" else table.external_ids
        return column.live(table.generations).key(table.count, descending)
    if name == "id":
        return np.argsort(np.argsort(np.array(table.ids, "S32"), kind="stable")).astype(np.float64)
    raise UnprocessableEntityError(f"Unknown record property `{name}`")
