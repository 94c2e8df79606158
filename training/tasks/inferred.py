"""Making a task from names alone, as the command line gives them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from curation import SettingsError
from training.tasks.reading import open_source
from training.tasks.rows import Schema
from training.tasks.shapes import SENTENCES, TASKS, WANTED, FormattingFunc, TaskKind
from training.tasks.task import LEARNS_FROM, TrainingTask

# The columns of each task that fields fill, and the one that a question fills.
_COLUMNS: Mapping[TaskKind, tuple[tuple[str, ...], str]] = {
    "text_classification": (("text",), "label"),
    "token_classification": (("text",), "spans"),
    "question_answering": (("question", "context"), "answer"),
    "text2text": (("text",), "target"),
    "sentence_similarity": (SENTENCES, "label"),
}


def infer_task(
    dataset: Any,
    kind: str,
    columns: Mapping[str, str],
    strategy: str | None = None,
    formatting_func: FormattingFunc | None = None,
) -> TrainingTask:
    """The task ``kind`` on ``dataset``. ``columns`` name the field or question for a column; one that is left
    out is the one of that name, else the only one that fits. With a ``formatting_func`` there is nothing to
    infer. Raises SettingsError where that is not clear."""
    name = kind.strip().lower().replace("-", "_")
    if name not in TASKS:
        raise SettingsError(f"There is no task {kind!r}.", f"There are {', '.join(TASKS)}.")
    task = name
    make: Callable[..., TrainingTask] = getattr(TrainingTask, f"for_{task}")
    if formatting_func is not None:
        if columns or strategy is not None:
            raise SettingsError(
                "Both a formatting_func and columns or a strategy were given.", "Give one or the other."
            )
        return make(formatting_func=formatting_func)
    if task not in _COLUMNS:
        raise SettingsError(
            f"{kind} needs a formatting_func.",
            f"Say --formatting-func MODULE:FUNCTION; it returns {WANTED[task]}.",
        )
    fields, label = _COLUMNS[task]
    if unknown := sorted(set(columns) - {*fields, label}):
        raise SettingsError(
            f"{kind} has no column {unknown[0]!r}.", f"Its columns: {', '.join((*fields, label))}."
        )
    schema = open_source(dataset).schema
    if task == "sentence_similarity":
        texts = [columns[one] for one in fields if one in columns]
        return TrainingTask.for_sentence_similarity(texts, columns.get(label), strategy)
    question = columns.get(label) or _question(schema, task, label)
    marks = task == "token_classification"  # the question knows its field
    named = {one: columns.get(one) or (None if marks else _field(schema, one)) for one in fields}
    return make(**named, **{label: question, f"{label}_strategy": strategy})


def _field(schema: Schema, column: str) -> str:
    texts = [name for name, kind in schema.fields.items() if kind == "text"]
    return _only(texts, column, "text field", schema)


def _question(schema: Schema, task: TaskKind, column: str) -> str:
    fitting = [one.name for one in schema.questions.values() if one.type in LEARNS_FROM[task]]
    return _only(fitting, column, f"question for {task}", schema)


def _only(names: list[str], column: str, what: str, schema: Schema) -> str:
    if column in names:
        return column
    if len(names) != 1:
        there = f"it has {', '.join(names)}" if names else "it has none"
        raise SettingsError(
            f"Which {what} of {schema.dataset!r} is {column}? There is none of that name; {there}.",
            f"Say --column {column}=NAME.",
        )
    return names[0]
