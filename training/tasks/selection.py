"""Which records are used: conditions, order and number.

A condition is one of Argilla's: ("metadata.year", ">=", 2024), ("label.response", "==", "yes") or ("status",
"in", ["completed"]). A server evaluates them itself; for a folder and for records at hand it is done here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from typing import Any, NamedTuple

from curation import SettingsError
from training.tasks.rows import QUESTION_TYPES, Row, Schema

_RANGES: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": lambda have, limit: bool(have >= limit),
    "<=": lambda have, limit: bool(have <= limit),
}
_RESPONSE_STATUSES = ("submitted", "draft", "discarded")
_HINT = (
    'Give an rg.Query, an rg.Filter, conditions such as [("metadata.year", ">=", 2024)], or a dictionary '
    'such as {"response_status": ["submitted"], "metadata": {"year": {"ge": 2024}}}.'
)


class SortBy(NamedTuple):
    """Order by ``metadata.NAME``, ``inserted_at`` or ``updated_at``; ``order`` is asc or desc."""

    field: str
    order: str = "asc"


class Condition(NamedTuple):
    """One of Argilla's conditions; see the top of this file."""

    field: str
    operator: str
    value: Any


@dataclass(frozen=True)
class Selection:
    """Records that pass all ``conditions`` and hold all words of ``text``, ordered, then the first
    ``limit``. ``similar`` is an rg.Similar, which only a server can evaluate."""

    conditions: tuple[Condition, ...] = ()
    text: str = ""
    similar: Any = None
    order: tuple[SortBy, ...] = ()
    limit: int | None = None

    @property
    def searches(self) -> bool:
        return bool(self.conditions or self.text or self.similar)

    def checked(self, schema: Schema) -> Selection:
        """This one. Raises SettingsError for a condition on a question or a label that is not there."""
        for name, operator, value in self.conditions:
            first, _, last = name.partition(".")
            if last not in ("response", "suggestion", "score", "agent") or first == "metadata":
                continue
            question = schema.question(first, QUESTION_TYPES)
            given = value if operator == "in" else [value]
            unknown = [one for one in given if str(one) not in question.options]
            if (
                question.options
                and last in ("response", "suggestion")
                and operator in ("==", "in")
                and unknown
            ):
                raise SettingsError(
                    f"filter_by: the question {first!r} has no option {unknown[0]!r}.",
                    f"It has {', '.join(question.options)}.",
                )
        return self

    def describe(self) -> str:
        """What was selected, for people."""
        parts = [f"{name} {operator} {value!r}" for name, operator, value in self.conditions]
        parts += [f"text {self.text!r}"] if self.text else []
        parts += [f"similar by {self.similar.name}"] if self.similar is not None else []
        parts += [f"sorted by {one.field} {one.order}" for one in self.order]
        parts += [f"at most {self.limit} records"] if self.limit is not None else []
        return ", ".join(parts) or "all records"


def make_selection(filter_by: Any, sort_by: Any, max_records: Any) -> Selection:
    """From what a user gave. Raises SettingsError for what is no filter, order or number."""
    whole = isinstance(max_records, int) and not isinstance(max_records, bool)
    if max_records is not None and not (whole and max_records >= 1):
        raise SettingsError(f"max_records is {max_records!r}.", "Give a number from 1, or None for all.")
    given: Any = filter_by
    text, similar = "", None
    if isinstance(given, str):
        text, given = given, None
    elif hasattr(given, "has_search"):  # an rg.Query
        given, text, similar = given.filter, given.query or "", given.similar
    if hasattr(given, "conditions"):  # an rg.Filter
        given = given.conditions
    if isinstance(given, Mapping):
        given = list(_from_mapping(given))
    elif isinstance(given, tuple) and given and isinstance(given[0], str):
        given = [given]
    return Selection(
        conditions=tuple(_condition(one) for one in _sequence(given)),
        text=text,
        similar=similar,
        order=tuple(_sort_by(one) for one in _sequence(sort_by, "sort_by")),
        limit=max_records,
    )


def choose(rows: Sequence[Row], selection: Selection) -> list[Row]:
    """The rows that pass, ordered and cut, evaluated here. Raises SettingsError for what cannot be."""
    if selection.similar is not None:
        raise SettingsError(
            "Only an Argilla server can look for similar records, and this dataset is not read from one.",
            "Give the dataset of a server (client.datasets(NAME)), or leave rg.Similar out.",
        )
    words = set(_words(selection.text))
    kept = [
        row
        for row in rows
        if all(_passes(row, one) for one in selection.conditions)
        if not words or words <= set(_words(" ".join(map(str, row.fields.values()))))
    ]
    return arrange(kept, selection)


def arrange(rows: Sequence[Row], selection: Selection) -> list[Row]:
    """Ordered and cut. Rows without the value that is sorted by come last."""
    arranged = list(rows)
    for one in reversed(selection.order):
        there = [row for row in arranged if _value(row, one.field) is not None]
        without = [row for row in arranged if _value(row, one.field) is None]
        if arranged and not there:
            raise SettingsError(
                f"sort_by: no record has {one.field}.", "Sort by metadata.NAME, inserted_at or updated_at."
            )
        there.sort(key=partial(_value, name=one.field), reverse=one.order == "desc")
        arranged = there + without
    return arranged[: selection.limit]


def _from_mapping(given: Mapping[str, Any]) -> list[Condition]:
    """The conditions of a dictionary, as Argilla 1 had it."""
    made: list[Condition] = []
    for key, value in given.items():
        if key == "response_status":
            wanted = [value] if isinstance(value, str) else list(value)
            if unknown := [one for one in wanted if one not in _RESPONSE_STATUSES]:
                raise SettingsError(
                    f"filter_by: response_status cannot be {unknown[0]!r}.",
                    f"It is one of {', '.join(_RESPONSE_STATUSES)}.",
                )
            made.append(Condition("response.status", "in", wanted))
        elif key == "metadata" and isinstance(value, Mapping):
            for name, limits in value.items():
                made += _metadata(f"metadata.{name}", limits)
        else:
            raise SettingsError(f"filter_by: {key!r} is not known.", _HINT)
    return made


def _metadata(name: str, limits: Any) -> list[Condition]:
    if not isinstance(limits, Mapping):
        wanted = list(limits) if isinstance(limits, (list, tuple, set)) else [limits]
        return [Condition(name, "in", wanted)]
    if not limits or set(limits) - {"ge", "le"}:
        raise SettingsError(f"filter_by: {name} has the limits {sorted(limits)}.", "They are ge and le.")
    return [Condition(name, {"ge": ">=", "le": "<="}[key], limit) for key, limit in limits.items()]


def _condition(given: Any) -> Condition:
    if not isinstance(given, Sequence) or isinstance(given, str) or len(given) != 3:
        raise SettingsError(f"filter_by: {given!r} is no condition.", _HINT)
    made = Condition(str(given[0]).strip(), str(given[1]).strip(), given[2])
    if made.operator not in ("==", "in", ">=", "<="):
        raise SettingsError(f"filter_by: Argilla has no operator {made.operator!r}.", "==, in, >= and <=.")
    return made


def _sort_by(given: Any) -> SortBy:
    if isinstance(given, Mapping):
        made = SortBy(str(given.get("field")), str(given.get("order", "asc")))
    elif isinstance(given, str):
        made = SortBy(given)
    else:
        made = SortBy(*given)
    known = made.field in ("inserted_at", "updated_at") or made.field.startswith("metadata.")
    if not known or made.order not in ("asc", "desc"):
        raise SettingsError(
            f"sort_by: cannot sort by {made.field!r} {made.order!r}.",
            'For example SortBy("metadata.year", "desc"); also inserted_at and updated_at.',
        )
    return made


def _sequence(given: Any, name: str = "filter_by") -> Sequence[Any]:
    if given is None:
        return ()
    if isinstance(given, (str, SortBy, Mapping)):
        return [given]
    if name == "sort_by" and isinstance(given, tuple) and given[1:] in (("asc",), ("desc",)):
        return [given]
    if not isinstance(given, Sequence):
        raise SettingsError(f"{name}: {type(given).__name__} is not known.", _HINT)
    return given


def _passes(row: Row, condition: Condition) -> bool:
    name, operator, wanted = condition
    have = _values(row, name)
    if operator in _RANGES:
        limit = _time(wanted) if name in ("inserted_at", "updated_at") else wanted
        try:
            return any(_RANGES[operator](one, limit) for one in have)
        except TypeError as error:
            raise SettingsError(
                f"filter_by: {name} of record {row.id!r} is {have[0]!r}, which cannot be compared with "
                f"{wanted!r}.",
                "Compare numbers with numbers and times with times.",
            ) from error
    among = wanted if operator == "in" else [wanted]
    return any(one in among for one in have)


def _values(row: Row, name: str) -> list[Any]:
    """What a row has under the name that a condition gives."""
    first, _, last = name.partition(".")
    if name.startswith("metadata."):
        value = row.metadata.get(last)
        return [] if value is None else _parts(value)
    if name == "_server_id":
        return [row.server_id]
    if name == "response.status":
        if row.statuses is not None:
            return list(row.statuses)
        return ["submitted"] if row.answers else []
    if last == "response":
        return [part for one in row.answers.get(first, ()) for part in _parts(one.value)]
    if last in ("suggestion", "score", "agent"):
        suggested = row.suggestions.get(first)
        attribute = "value" if last == "suggestion" else last
        return [] if suggested is None else _parts(getattr(suggested, attribute))
    if name not in ("status", "id", "inserted_at", "updated_at"):
        raise SettingsError(f"filter_by: {name!r} is not known.", _HINT)
    value = _value(row, name)
    if value is None:
        raise SettingsError(
            f"filter_by: record {row.id!r} does not say its {name}: a folder keeps no times.",
            "Filter by what the folder has, or give the dataset of a server.",
        )
    return [value]


def _value(row: Row, name: str) -> Any:
    if name.startswith("metadata."):
        return row.metadata.get(name.partition(".")[2])
    return getattr(row, name)


def _parts(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _time(given: Any) -> datetime:
    made = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    return made if made.tzinfo else made.replace(tzinfo=timezone.utc)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())
