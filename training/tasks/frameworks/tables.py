"""Examples as tables of the datasets library."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.tasks.examples import Example, TrainingData
from training.tasks.shapes import TaskKind


def as_datasets(data: TrainingData) -> Any:
    """A Dataset with the columns of the task and the record's ``id``; a DatasetDict of train and test where
    something is held out. Labels are a ClassLabel, of several labels a list of them."""
    from datasets import DatasetDict

    if not data.held_out:
        return _table(data, data.train)
    return DatasetDict(train=_table(data, data.train), test=_table(data, data.held_out))


def _table(data: TrainingData, examples: Sequence[Example]) -> Any:
    from datasets import ClassLabel, Dataset, List

    rows = [_row(data.kind, one) for one in examples]
    made = Dataset.from_list(rows)
    if data.kind == "text_classification":
        classes = ClassLabel(names=list(data.labels))
        made = made.cast_column("label", List(classes) if data.multi else classes)
    return made


def _row(kind: TaskKind, example: Example) -> dict[str, Any]:
    columns = dict(example.columns)
    if kind == "question_answering":  # as in SQuAD
        answer, start = columns.pop("answer"), columns.pop("start")
        columns["answers"] = {"text": [answer], "answer_start": [start]}
    return {"id": example.record, **columns}
