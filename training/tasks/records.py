"""Predictions as Argilla records with suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation import SettingsError
from training.tasks.rows import Question
from training.tasks.task import TrainingTask


def as_records(
    task: TrainingTask, question: Question | None, asked: Sequence[Any], found: Sequence[Any], agent: str
) -> list[Any]:
    """An rg.Record for each prediction. Raises SettingsError where the task does not say which fields and
    question they are for."""
    if question is None or question.type == "ranking":
        raise SettingsError(
            "These predictions are no answers to a question of the dataset.",
            "Make the task from names of fields and a question, not from a formatting_func or a ranking.",
        )
    import argilla as rg

    records = []
    for one, prediction in zip(asked, found, strict=True):
        given = one if isinstance(one, dict) else {"text": one}
        value, score = _answer(question, prediction)
        suggestion = rg.Suggestion(question.name, value, score=score, agent=agent)
        fields = {name: given[column] for column, name in task.texts.items()}
        records.append(rg.Record(fields=fields, suggestions=[suggestion]))
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
