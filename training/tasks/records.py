"""Predictions as Argilla records with suggestions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from curation import SettingsError
from training.tasks.rows import Question
from training.tasks.task import TrainingTask

# What Argilla takes as a suggestion's agent.
_NOT_IN_AGENTS, _LONGEST_AGENT = re.compile(r"[^a-zA-Z0-9_:./\s-]"), 200


def as_records(
    task: TrainingTask, question: Question | None, asked: Sequence[Any], found: Sequence[Any], agent: str
) -> list[Any]:
    """An rg.Record for each prediction, with a suggestion where something was found: Argilla takes no empty
    ones. Raises SettingsError where the task does not say which fields and question they are for."""
    if question is None or question.type == "ranking":
        raise SettingsError(
            "These predictions are no answers to a question of the dataset.",
            "Make the task from names of fields and a question, not from a formatting_func or a ranking.",
        )
    import argilla as rg

    records, name = [], _NOT_IN_AGENTS.sub(" ", agent).strip()[:_LONGEST_AGENT]
    for one, prediction in zip(asked, found, strict=True):
        given = one if isinstance(one, dict) else {"text": one}
        value, score = _answer(question, prediction)
        suggestions = []
        if value not in ("", []):
            suggestions.append(rg.Suggestion(question.name, value, score=score, agent=name))
        fields = {field: given[column] for column, field in task.texts.items()}
        records.append(rg.Record(fields=fields, suggestions=suggestions))
    return records


def _answer(question: Question, prediction: Any) -> tuple[Any, Any]:
    """The value of a suggestion, and its score."""
    if question.type == "span":
        spans = [prediction] if isinstance(prediction, dict) else prediction
        label = question.options[0]
        return (
            [{"start": one["start"], "end": one["end"], "label": one.get("label", label)} for one in spans],
            [one["score"] for one in spans] if all("score" in one for one in spans) else None,
        )
    if question.type == "text":
        return prediction.get("answer", prediction.get("text")), prediction.get("score")
    value = int(prediction["label"]) if question.type == "rating" else prediction["label"]
    return value, prediction["score"]
