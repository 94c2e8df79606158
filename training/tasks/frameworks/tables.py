"""Examples as tables of the datasets library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from training.tasks.examples import Example, TrainingData
from training.tasks.shapes import TaskKind


def as_datasets(data: TrainingData, table: Callable[[Sequence[Example]], Any] | None = None) -> Any:
    """The ``table`` of the examples, or a DatasetDict of train and test where something is held out. By
    default it has the columns of the task and the record's ``id``; labels are a ClassLabel, of several labels
    a list of them."""
    from datasets import DatasetDict

    made = table or partial(_table, data)
    return (
        DatasetDict(train=made(data.train), test=made(data.held_out)) if data.held_out else made(data.train)
    )


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
