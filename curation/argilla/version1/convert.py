"""From version 1's records to what Argilla 2 takes. Argilla refuses a whole batch for one value that it does
not take, so each is looked at before; what cannot come over is noted."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from curation.argilla.api import JsonObject, storable
from curation.argilla.version1.left_out import LeftOut
from curation.argilla.version1.records import OldRecord, OldResponse, OldSuggestion
from curation.argilla.version1.settings import OldDataset, Question

_STATUSES = ("submitted", "discarded", "draft")
_AGENT = re.compile(r"[a-zA-Z0-9\-_:./\s]*[a-zA-Z0-9][a-zA-Z0-9\-_:./\s]*")
_LONGEST_AGENT = 200


@dataclass(frozen=True)
class NewResponse:
    """``user`` is version 1's id, or "unknown 1" and so on where it had none."""

    user: str
    status: str
    values: Mapping[str, Any]


@dataclass(frozen=True)
class NewRecord:
    """``suggestions`` have the name of their ``question`` instead of its id."""

    external_id: str
    fields: Mapping[str, str]
    metadata: Mapping[str, Any] = field(default_factory=dict)
    vectors: Mapping[str, list[float]] = field(default_factory=dict)
    responses: Sequence[NewResponse] = ()
    suggestions: Sequence[JsonObject] = ()


def convert(dataset: OldDataset, records: Sequence[OldRecord], left_out: LeftOut) -> list[NewRecord]:
    """Everything of the records that Argilla 2 takes; the rest is noted."""
    made: list[NewRecord] = []
    taken: set[str] = set()
    for number, record in enumerate(records):
        fields = _fields(dataset, record, left_out)
        if not fields:
            left_out.note("a record whose fields are all empty", record.key)
            continue
        external_id = record.external_id or f"v1-{number}"
        if external_id in taken:
            left_out.note("an external id that another record has too (it got a suffix)", record.key)
            external_id = f"{external_id}-v1-{number}"
        taken.add(external_id)
        responses = [_response(dataset, record, one, fields, left_out) for one in _numbered(record, left_out)]
        suggestions = [_suggestion(dataset, record, one, fields, left_out) for one in record.suggestions]
        made.append(
            NewRecord(
                external_id=external_id,
                fields=fields,
                metadata=_metadata(dataset, record, left_out),
                vectors=_vectors(dataset, record, left_out),
                responses=[one for one in responses if one is not None],
                suggestions=[one for one in suggestions if one is not None],
            )
        )
    return made


def needed_fields(dataset: OldDataset, records: Sequence[NewRecord], left_out: LeftOut) -> list[JsonObject]:
    """The fields for Argilla 2: one that a record lacks cannot be required."""
    made = []
    for name, payload in dataset.fields.items():
        there = all(name in record.fields for record in records)
        if payload["required"] and not there:
            left_out.note(f"that the field {name} is required: some records lack it")
        made.append({**payload, "required": payload["required"] and there})
    return made


def fault(question: Question, value: Any, fields: Mapping[str, str], submitted: bool = False) -> str:
    """Why Argilla 2 does not take ``value`` as an answer; empty where it does."""
    try:
        return _fault(question, value, fields, submitted)
    except (TypeError, KeyError, AttributeError):
        return "cannot be read"


def _fault(question: Question, value: Any, fields: Mapping[str, str], submitted: bool) -> str:
    if question.type == "text":
        return "" if isinstance(value, str) else "is no text"
    if question.type in ("label_selection", "rating"):
        return "" if value in question.options else "is none of the question's options"
    if not isinstance(value, list):
        return "is no list"
    if question.type == "multi_label_selection":
        if not value or len(set(value)) < len(value):
            return "has no label" if not value else "has a label twice"
        return "" if set(value) <= set(question.options) else "has a label that the question lacks"
    if question.type == "ranking":
        return _ranking_fault(question, value, submitted)
    return _span_fault(question, value, fields)


def _ranking_fault(question: Question, value: list[Any], submitted: bool) -> str:
    named = [one.get("value") for one in value]
    if set(named) - set(question.options) or len(set(named)) < len(named):
        return "ranks something twice, or what the question lacks"
    ranks = [one.get("rank") for one in value]
    whole = all(isinstance(rank, int) and 1 <= rank <= len(question.options) for rank in ranks)
    return "does not rank all" if submitted and (len(named) < len(question.options) or not whole) else ""


def _span_fault(question: Question, value: list[Any], fields: Mapping[str, str]) -> str:
    text = fields.get(question.field)
    if text is None:
        return "marks a field that the record lacks"
    if any(not 0 <= one["start"] < one["end"] <= len(text) for one in value):
        return "marks what is not in the field"
    if any(one["label"] not in question.options for one in value):
        return "has a label that the question lacks"
    limits = sorted((one["start"], one["end"]) for one in value)
    overlap = any(before[1] > after[0] for before, after in pairwise(limits))
    return "has spans that overlap" if overlap and not question.overlapping else ""


def _numbered(record: OldRecord, left_out: LeftOut) -> list[tuple[str, OldResponse]]:
    """The responses with their users; those whose user version 1 did not know are numbered."""
    unknown = 0
    made: dict[str, OldResponse] = {}
    for one in record.responses:
        unknown += one.user is None
        user = one.user or f"unknown {unknown}"
        if user in made:
            left_out.note("a second response of the same user", record.key)
        else:
            made[user] = one
    return list(made.items())


def _response(
    dataset: OldDataset,
    record: OldRecord,
    given: tuple[str, OldResponse],
    fields: Mapping[str, str],
    left_out: LeftOut,
) -> NewResponse | None:
    user, old = given
    status = str(old.status)
    if status not in _STATUSES:
        left_out.note(f"the status {old.status!r} of a response (it is a draft now)", record.key)
        status = "draft"
    values: dict[str, Any] = {}
    for name, value in old.values.items():
        question = dataset.questions.get(name)
        if question is None:
            left_out.note(f"answers to {name}, which is no question of the dataset", record.key)
        elif wrong := fault(question, value, fields, status == "submitted"):
            left_out.note(f"an answer to {name} that {wrong}", record.key)
        else:
            values[name] = _clean(question, value)
    if status == "submitted":
        missing = [one.name for one in dataset.questions.values() if one.required and one.name not in values]
        if missing:
            left_out.note(
                f"that a response without an answer to {missing[0]} was submitted (it is a draft now)",
                record.key,
            )
            status = "draft"
    if status != "discarded" and not values:
        left_out.note("a response without any answer", record.key)
        return None
    return NewResponse(user, status, values)


def _suggestion(
    dataset: OldDataset, record: OldRecord, old: OldSuggestion, fields: Mapping[str, str], left_out: LeftOut
) -> JsonObject | None:
    question = dataset.questions.get(old.question)
    if question is None:
        left_out.note(f"suggestions for {old.question}, which is no question of the dataset", record.key)
        return None
    if wrong := fault(question, old.value, fields):
        left_out.note(f"a suggestion for {old.question} that {wrong}", record.key)
        return None
    value = _clean(question, old.value)
    made: JsonObject = {"question": question.name, "value": value}
    if old.type in ("model", "human"):
        made["type"] = old.type
    elif old.type is not None:
        left_out.note(f"the type {old.type!r} of a suggestion", record.key)
    if old.agent is not None:
        if _AGENT.fullmatch(old.agent) and len(old.agent) <= _LONGEST_AGENT:
            made["agent"] = old.agent
        else:
            left_out.note(f"the agent {old.agent!r} of a suggestion", record.key)
    score = old.score
    if question.type == "span" and score is None:  # version 1 had them in the spans
        scores = [one.get("score") for one in old.value]
        score = scores if scores and all(one is not None for one in scores) else None
    if score is not None:
        if _is_score(score, value):
            made["score"] = score
        else:
            left_out.note("the score of a suggestion: it must be from 0 to 1, one for each value", record.key)
    return made


def _is_score(score: Any, value: Any) -> bool:
    if isinstance(value, list) != isinstance(score, list) or (
        isinstance(score, list) and len(score) != len(value)
    ):
        return False
    return all(
        isinstance(one, (int, float)) and 0 <= one <= 1
        for one in (score if isinstance(score, list) else [score])
    )


def _clean(question: Question, value: Any) -> Any:
    """``value`` with nothing beside what Argilla 2 asks for."""
    if question.type == "text":
        return storable(value)
    if question.type == "ranking":
        return [{"value": one["value"], "rank": one.get("rank")} for one in value]
    if question.type == "span":
        return [{name: one[name] for name in ("start", "end", "label")} for one in value]
    return int(value) if question.type == "rating" else value  # early JSON lines have 3.0


def _fields(dataset: OldDataset, record: OldRecord, left_out: LeftOut) -> dict[str, str]:
    for name in sorted(set(record.fields) - set(dataset.fields)):
        left_out.note(f"the field {name}, which the dataset does not have", record.key)
    texts = {name: str(record.fields[name]) for name in dataset.fields if record.fields.get(name) is not None}
    made = {name: storable(text) for name, text in texts.items()}
    if made != texts:
        left_out.note("characters that no database takes (they are \ufffd now)", record.key)
    return made


def _metadata(dataset: OldDataset, record: OldRecord, left_out: LeftOut) -> dict[str, Any]:
    made = {}
    for name, value in record.metadata.items():
        known = dataset.metadata.get(name)
        if known is None and not dataset.allow_extra_metadata:
            left_out.note(f"the metadata {name}, which the dataset does not have", record.key)
        elif not _is_json(value) or (known is not None and not _fits(known["settings"], value)):
            left_out.note(f"metadata {name} that its property does not allow", record.key)
        else:
            made[name] = float(value) if known and known["settings"]["type"] == "float" else value
    return made


def _is_json(value: Any) -> bool:
    """Whether it holds no number that JSON does not have."""
    try:
        json.dumps(value, allow_nan=False)
    except ValueError:
        return False
    return True


def _fits(settings: Mapping[str, Any], value: Any) -> bool:
    if settings["type"] == "terms":
        several = value if isinstance(value, list) else [value]
        allowed = settings.get("values")
        return allowed is None or all(one in allowed for one in several)
    wanted = int if settings["type"] == "integer" else (int, float)
    if not isinstance(value, wanted) or isinstance(value, bool):
        return False
    low, high = settings.get("min"), settings.get("max")
    return (low is None or value >= low) and (high is None or value <= high)


def _vectors(dataset: OldDataset, record: OldRecord, left_out: LeftOut) -> dict[str, list[float]]:
    made = {}
    for name, value in record.vectors.items():
        known = dataset.vectors.get(name)
        if known is None or len(value) != known["dimensions"] or not all(map(math.isfinite, value)):
            left_out.note(f"a vector {name} that does not fit the dataset's settings", record.key)
        else:
            made[name] = [float(one) for one in value]
    return made
