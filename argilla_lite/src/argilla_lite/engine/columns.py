"""Values of a dataset's records as arrays: what filters compare, sorts order and metrics count.

As in Elasticsearch every field is multi-valued: a list matches when any member does; sorting takes its least
member ascending and its greatest descending. Of a span the label counts, of a ranking the option.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

Kind = Literal["terms", "integer", "float"]
Mask = NDArray[np.bool_]
Rows = NDArray[np.intp]

_LEAST, _MOST = -(2**63), 2**63 - 1


class Column:
    """Entries (row, value, user): any number per row.

    An entry counts as long as its generation is its row's: a row that changes gets the next generation and
    its entries anew, and the old ones need not be looked for. Terms are kept as codes of a vocabulary;
    integers exactly, as 64 bits hold them.
    """

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        self._codes: dict[str, int] = {}
        self._ranks: NDArray[np.float64] | None = None
        self._rows: NDArray[np.int32] = np.empty(0, np.int32)
        self._generations: NDArray[np.int32] = np.empty(0, np.int32)
        self._users: NDArray[np.int32] = np.empty(0, np.int32)
        self._values: NDArray[Any] = np.empty(0, np.float64 if kind == "float" else np.int64)
        self._new: tuple[list[int], list[int], list[int], list[Any]] = ([], [], [], [])

    def add(self, row: int, generation: int, value: object, user: int = -1) -> None:
        """Adds a value as Argilla stores it: a scalar, a list of scalars, spans, ranked options, or None."""
        rows, generations, users, values = self._new
        for one in _members(value):
            stored = self._stored(one)
            if stored is not None:
                rows.append(row)
                generations.append(generation)
                users.append(user)
                values.append(stored)

    def live(self, generations: NDArray[np.int32]) -> Entries:
        """The entries that count. `generations` of shape (rows,): the present one of each row."""
        self._flush()
        counts = generations[self._rows] == self._generations
        if counts.all():
            return Entries(self, self._rows, self._values, self._users)
        return Entries(self, self._rows[counts], self._values[counts], self._users[counts])

    def codes_of(self, values: Sequence[object]) -> NDArray[np.int64]:
        """Codes of those of the terms that any record ever had."""
        found = (self._codes.get(_as_text(value)) for value in values)
        return np.array([code for code in found if code is not None], np.int64)

    def codes_between(self, low: str | None, high: str | None) -> NDArray[np.int64]:
        """Codes of the terms from `low` to `high`."""
        chosen = [
            code
            for term, code in self._codes.items()
            if (low is None or term >= low) and (high is None or term <= high)
        ]
        return np.array(chosen, np.int64)

    @property
    def terms(self) -> list[str]:
        """The vocabulary, by code."""
        return list(self._codes)

    def ranks(self) -> NDArray[np.float64]:
        """The place of each term in their order, by code."""
        if self._ranks is None or len(self._ranks) != len(self._codes):
            order = sorted(self._codes.items())
            self._ranks = np.empty(len(order), np.float64)
            self._ranks[[code for _, code in order]] = np.arange(len(order))
        return self._ranks

    def _stored(self, value: object) -> int | float | None:
        if self.kind == "terms":
            return self._codes.setdefault(_as_text(value), len(self._codes))
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None  # left behind by a property of another type: not to be compared with numbers
        if self.kind == "float":
            return float(value)
        if not math.isfinite(value) or value != int(value):
            return None
        return min(max(int(value), _LEAST), _MOST)

    def _flush(self) -> None:
        rows, generations, users, values = self._new
        if not rows:
            return
        self._rows = np.concatenate([self._rows, np.array(rows, np.int32)])
        self._generations = np.concatenate([self._generations, np.array(generations, np.int32)])
        self._users = np.concatenate([self._users, np.array(users, np.int32)])
        self._values = np.concatenate([self._values, np.array(values, self._values.dtype)])
        self._new = ([], [], [], [])


class Entries:
    """The entries of a column that count. All arrays have one item per entry."""

    def __init__(
        self, column: Column, rows: NDArray[np.int32], values: NDArray[Any], users: NDArray[np.int32]
    ) -> None:
        self.column = column
        self.rows = rows
        self.values = values
        self.users = users

    def of_user(self, user: int) -> Entries:
        """Those of one user."""
        chosen = self.users == user
        return Entries(self.column, self.rows[chosen], self.values[chosen], self.users[chosen])

    def rows_where(self, matches: Mask, count: int) -> Mask:
        """Shape (count,): the rows of which any entry matches."""
        mask = np.zeros(count, np.bool_)
        mask[self.rows[matches]] = True
        return mask

    def key(self, count: int, descending: bool, mean: bool = False) -> NDArray[np.float64]:
        """Shape (count,): what to sort each row by, NaN for those without an entry: if `descending` its
        greatest value, otherwise its least; or the `mean` (of several people's ratings, as upstream asks
        Elasticsearch for)."""
        values = self._comparable()
        if mean:
            with np.errstate(invalid="ignore"):
                sums = np.bincount(self.rows, weights=values, minlength=count)
                return np.asarray(sums / np.bincount(self.rows, minlength=count), np.float64)
        worst = -np.inf if descending else np.inf
        key = np.full(count, worst)
        (np.maximum if descending else np.minimum).at(key, self.rows, values)
        present = np.zeros(count, np.bool_)
        present[self.rows] = True
        key[~present] = np.nan
        return key

    def _comparable(self) -> NDArray[np.float64]:
        if self.column.kind == "terms":
            ranks: NDArray[np.float64] = self.column.ranks()[self.values]
            return ranks
        if self.column.kind == "integer" and len(self.values) and np.abs(self.values).max() > 2**53:
            # Beyond what a float tells apart their order is enough.
            return np.unique(self.values, return_inverse=True)[1].astype(np.float64)
        return self.values.astype(np.float64)


def _members(value: object) -> Iterator[object]:
    for member in value if isinstance(value, list) else [value]:
        if isinstance(member, dict):
            member = member.get("label", member.get("value"))
        if member is not None and not isinstance(member, (list, dict)):
            yield member


def _as_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
