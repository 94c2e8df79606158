"""Conditions that a person writes on the command line, as Argilla's search understands them.

Each is one of

    metadata.source == pypi:scrapy          also metadata.tokens >= 20, metadata.rank <= 3
    metadata.origin in heading, sentence-pair
    status == completed                     or pending
    response.is_positive_relevant == yes    somebody's submitted answer
    suggestion.is_positive_relevant == no   what was suggested to the annotators
    updated_at >= 2026-11-01                also inserted_at; dates are UTC

and everything else is text that the record must hold (quote it if it looks like one of the above). All must
hold: Argilla's filters know no "or" and no "not".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import argilla as rg

from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import RemoteDataset, find_all
from curation.argilla.schemas import DATASETS
from curation.errors import SettingsError
from curation.records.decision import DatasetName, Vote
from curation.settings import ArgillaSettings

_CONDITION = re.compile(
    r"^(?P<left>[A-Za-z_]+)(?:\.(?P<name>[\w.-]+?))?\s*"
    r"(?P<operator>==|>=|<=|!=|=|<|>|\bin\b)\s*(?P<right>.*)$",
    re.DOTALL,
)
_NAMED = ("metadata", "response", "suggestion")
_TIMES = ("inserted_at", "updated_at")
_LEFT = (*_NAMED, *_TIMES, "status")
_HINT = "For example: 'metadata.source == pypi:scrapy', 'metadata.tokens >= 20', or words to look for."


@dataclass(frozen=True)
class Condition:
    """``left`` (and, for metadata, response and suggestion, its ``name``) compared with ``values``."""

    left: str
    name: str
    operator: str
    values: tuple[str, ...]


def parse_condition(written: str) -> Condition | str:
    """A condition, or the text to look for. Raises SettingsError for what is nearly a condition."""
    text = written.strip()
    if not text:
        raise SettingsError("An empty filter was given.", _HINT)
    if len(text) > 1 and text[0] == text[-1] == '"':
        return text[1:-1]
    found = _CONDITION.match(text)
    if found is None or (found["operator"] == "in" and found["left"] not in _LEFT):
        return text
    left, name = found["left"], found["name"] or ""
    operator, right = found["operator"], found["right"].strip()
    if left not in _LEFT:
        raise SettingsError(f"The filter {text!r} compares {left!r}, and Argilla has no such thing.", _HINT)
    if (left in _NAMED) != bool(name):
        raise SettingsError(
            f"The filter {text!r} is not clear: {left} of what?"
            if left in _NAMED
            else f"The filter {text!r} names {name!r}, and {left} has no parts.",
            _HINT,
        )
    if operator not in ("==", "in", ">=", "<="):
        raise SettingsError(f"The filter {text!r} uses {operator!r}: Argilla knows ==, in, >= and <=.", _HINT)
    values = right.strip("[]()").split(",") if operator == "in" else [right]
    cleaned = tuple(value.strip().strip("\"'") for value in values)
    if not all(cleaned):
        raise SettingsError(f"The filter {text!r} compares with nothing.", _HINT)
    if left == "status" and (operator in (">=", "<=") or not set(cleaned) <= {"pending", "completed"}):
        raise SettingsError(f"The filter {text!r} cannot hold: a status is pending or completed.", _HINT)
    if left in _TIMES and operator not in (">=", "<="):
        raise SettingsError(f"The filter {text!r}: a time is compared with >= or <=.", _HINT)
    return Condition(left, name, operator, cleaned)


def find_matching_records(
    client: rg.Argilla,
    settings: ArgillaSettings,
    written: Sequence[str],
    kinds: Sequence[DatasetName] = DATASETS,
) -> set[tuple[DatasetName, str]]:
    """Dataset and record id (our own) of every record that passes all conditions.

    In a dataset that lacks what a condition names, no record passes. Raises SettingsError for a condition
    that cannot be read or that names what no dataset has, ArgillaError when Argilla cannot be asked.
    """
    parsed = [parse_condition(one) for one in written]
    text = " ".join(one for one in parsed if isinstance(one, str))
    conditions = [one for one in parsed if isinstance(one, Condition)]
    api = Api.of(client)
    datasets = [(kind, dataset) for kind, both in find_all(api, settings, kinds).items() for dataset in both]
    for condition in conditions:
        if datasets and not any(_knows(dataset, condition) for _, dataset in datasets):
            known = sorted({name for _, dataset in datasets for name in _names(dataset, condition.left)})
            raise SettingsError(
                f"No dataset has {condition.left}.{condition.name}.", f"There is: {', '.join(known)}."
            )
    matching: set[tuple[DatasetName, str]] = set()
    for kind, dataset in datasets:
        if all(_knows(dataset, condition) for condition in conditions):
            filters = [_filter(dataset, condition) for condition in conditions]
            found = api.search_all(dataset.id, filters, text)
            matching |= {(kind, str(one.get("external_id") or one["id"])) for one in found}
    return matching


def votes_match(written: Sequence[str], votes: Sequence[Vote]) -> bool:
    """Whether ``votes`` pass those conditions that are about responses. Argilla's search cannot tell this
    for records with answers that must not count."""
    parsed = [parse_condition(one) for one in written]
    return all(
        any(vote.question == one.name and vote.value in one.values for vote in votes)
        for one in parsed
        if isinstance(one, Condition) and one.left == "response"
    )


def _names(dataset: RemoteDataset, left: str) -> list[str]:
    return list(dataset.filters) if left == "metadata" else list(dataset.questions)


def _knows(dataset: RemoteDataset, condition: Condition) -> bool:
    return condition.left not in _NAMED or condition.name in _names(dataset, condition.left)


def _filter(dataset: RemoteDataset, condition: Condition) -> JsonObject:
    left, values = condition.left, condition.values
    if left == "metadata":
        scope = {"entity": "metadata", "metadata_property": condition.name}
        if dataset.filters[condition.name]["type"] != "terms":
            return _range(scope, condition, [_number(condition, value) for value in values])
    elif left == "response":
        scope = {"entity": "response", "question": condition.name}
    elif left == "suggestion":
        scope = {"entity": "suggestion", "question": condition.name, "property": "value"}
    else:
        scope = {"entity": "record", "property": left}
        if left in _TIMES:
            return _range(scope, condition, list(values))
    if condition.operator in (">=", "<="):
        raise SettingsError(
            f"{condition.left}.{condition.name} is no number: {condition.operator} means nothing for it.",
            _HINT,
        )
    return {"type": "terms", "scope": scope, "values": list(values)}


def _range(scope: JsonObject, condition: Condition, values: Sequence[float | str]) -> JsonObject:
    if condition.operator == "in":
        raise SettingsError(
            f"{condition.name or condition.left} is a number or a time: use ==, >= or <=.", _HINT
        )
    limits: JsonObject = {}
    if condition.operator in ("==", ">="):
        limits["ge"] = values[0]
    if condition.operator in ("==", "<="):
        limits["le"] = values[0]
    return {"type": "range", "scope": scope, **limits}


def _number(condition: Condition, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise SettingsError(f"metadata.{condition.name} is a number, and {value!r} is none.", _HINT) from None
