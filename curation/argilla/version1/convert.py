"""From version 1's records to what Argilla 2 takes. Argilla refuses a whole batch for one value that it does
not take, so each is looked at before; what cannot come over is noted."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
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
        old = _Conversion(dataset, record, left_out)
        if not old.fields:
            old.note("a record whose fields are all empty")
            continue
        external_id = record.external_id or f"v1-{number}"
        if external_id in taken:
            old.note("an external id that another record has too (it got a suffix)")
            external_id = f"{external_id}-v1-{number}"
        taken.add(external_id)
        responses = [old.response(user, one) for user, one in old.numbered()]
        suggestions = [old.suggestion(one) for one in record.suggestions]
        made.append(
            NewRecord(
                external_id=external_id,
                fields=old.fields,
                metadata=old.metadata(),
                vectors=old.vectors(),
                responses=[one for one in responses if one is not None],
                suggestions=[one for one in suggestions if one is not None],
            )
        )
    return made


@dataclass(frozen=True)
class _Conversion:
    """One record on its way."""

    dataset: OldDataset
    record: OldRecord
    left_out: LeftOut

    def note(self, what: str) -> None:
        self.left_out.note(what, self.record.key)

    @cached_property
    def fields(self) -> dict[str, str]:
        given, known = self.record.fields, self.dataset.fields
        for name in sorted(set(given) - set(known)):
            self.note(f"the field {name}, which the dataset does not have")
        texts = {name: str(given[name]) for name in known if given.get(name) is not None}
        made = {name: storable(text) for name, text in texts.items()}
        if made != texts:
            self.note("characters that no database takes (they are \ufffd now)")
        return made

    def numbered(self) -> list[tuple[str, OldResponse]]:
        """The responses with their users; those whose user version 1 did not know are numbered."""
        unknown = 0
        made: dict[str, OldResponse] = {}
        for one in self.record.responses:
            unknown += one.user is None
            user = one.user or f"unknown {unknown}"
            if user in made:
                self.note("a second response of the same user")
            else:
                made[user] = one
        return list(made.items())

    def response(self, user: str, old: OldResponse) -> NewResponse | None:
        status = str(old.status)
        if status not in _STATUSES:
            self.note(f"the status {old.status!r} of a response (it is a draft now)")
            status = "draft"
        values: dict[str, Any] = {}
        for name, value in old.values.items():
            question = self.dataset.questions.get(name)
            if question is None:
                self.note(f"answers to {name}, which is no question of the dataset")
            elif wrong := fault(question, value, self.fields, status == "submitted"):
                self.note(f"an answer to {name} that {wrong}")
            else:
                values[name] = _clean(question, value)
        required = [one.name for one in self.dataset.questions.values() if one.required]
        missing = [name for name in required if name not in values]
        if status == "submitted" and missing:
            self.note(f"that a response without an answer to {missing[0]} was submitted (it is a draft now)")
            status = "draft"
        if status != "discarded" and not values:
            self.note("a response without any answer")
            return None
        return NewResponse(user, status, values)

    def suggestion(self, old: OldSuggestion) -> JsonObject | None:
        question = self.dataset.questions.get(old.question)
        if question is None:
            self.note(f"suggestions for {old.question}, which is no question of the dataset")
            return None
        if wrong := fault(question, old.value, self.fields):
            self.note(f"a suggestion for {old.question} that {wrong}")
            return None
        value = _clean(question, old.value)
        made: JsonObject = {"question": question.name, "value": value}
        if old.type in ("model", "human"):
            made["type"] = old.type
        elif old.type is not None:
            self.note(f"the type {old.type!r} of a suggestion")
        if old.agent is not None:
            if _AGENT.fullmatch(old.agent) and len(old.agent) <= _LONGEST_AGENT:
                made["agent"] = old.agent
            else:
                self.note(f"the agent {old.agent!r} of a suggestion")
        score = old.score
        if question.type == "span" and score is None:  # version 1 had them in the spans
            scores = [one.get("score") for one in old.value]
            score = scores if scores and all(one is not None for one in scores) else None
        if score is not None:
            if _is_score(score, value):
                made["score"] = score
            else:
                self.note("the score of a suggestion: it must be from 0 to 1, one for each value")
        return made

    def metadata(self) -> dict[str, Any]:
        made = {}
        for name, value in self.record.metadata.items():
            known = self.dataset.metadata.get(name)
            if known is None and not self.dataset.allow_extra_metadata:
                self.note(f"the metadata {name}, which the dataset does not have")
            elif not _is_json(value) or (known is not None and not _fits(known["settings"], value)):
                self.note(f"metadata {name} that its property does not allow")
            else:
                made[name] = float(value) if known and known["settings"]["type"] == "float" else value
        return made

    def vectors(self) -> dict[str, list[float]]:
        made = {}
        for name, value in self.record.vectors.items():
            known = self.dataset.vectors.get(name)
            if known is None or len(value) != known["dimensions"] or not all(map(math.isfinite, value)):
                self.note(f"a vector {name} that does not fit the dataset's settings")
            else:
                made[name] = [float(one) for one in value]
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
