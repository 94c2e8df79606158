"""From records to examples, and which of them are held out."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from curation import ClayloopError, SettingsError, StateError
from training.tasks.rows import Question, Row, Schema
from training.tasks.shapes import WANTED, Columns, TaskKind, answer_place, columns_of, not_empty
from training.tasks.task import TrainingTask
from training.tasks.unify import Unification, first_place, unify

log = logging.getLogger(__name__)

_NUMBERS = ("rating", "ranking")  # a rating that nobody gave is no gap: few use all of a scale


@dataclass(frozen=True)
class Example:
    """What one record teaches once. ``users`` are those whose answers it comes from."""

    record: str
    users: tuple[str, ...]
    columns: Columns


@dataclass(frozen=True)
class TrainingData:
    """The examples of a task, apart by record: no record is on both sides.

    ``labels`` are those that occur, in the question's order; empty for tasks without. ``multi`` says that a
    text may have several. ``unlearned`` are the question's labels that nobody gave.
    """

    kind: TaskKind
    train: Sequence[Example]
    held_out: Sequence[Example]
    labels: tuple[str, ...] = ()
    multi: bool = False
    unlearned: tuple[str, ...] = ()
    records: int = 0
    unification: Unification | None = None
    notes: Sequence[str] = field(default_factory=tuple)

    @property
    def examples(self) -> list[Example]:
        return [*self.train, *self.held_out]

    def answers_by_user(self) -> dict[str, int]:
        """How many examples each user's answers are in."""
        return dict(Counter(user for one in self.examples for user in one.users).most_common())


@dataclass(frozen=True)
class Split:
    """How much is trained on; the rest is held out. All of it for 1."""

    train_size: float = 1.0
    seed: int = 42

    def __post_init__(self) -> None:
        given: object = self.train_size
        if isinstance(given, bool) or not isinstance(given, (int, float)) or not 0 < given <= 1:
            raise SettingsError(
                f"train_size is {self.train_size!r}.", "Give the share to train on, above 0, at most 1."
            )


def make_data(
    schema: Schema, rows: Sequence[Row], task: TrainingTask, split: Split, all_labels: bool = True
) -> TrainingData:
    """The examples of ``task`` (checked against ``schema``). Raises SettingsError or StateError where nothing
    can be learned, or with ``all_labels`` a label that nobody gave could not be, naming the record and what
    to do."""
    if not rows:
        raise StateError(
            f"No record of {schema.dataset!r} was selected.", "Widen filter_by, or look into the dataset."
        )
    unification: Unification | None = None
    if task.formatting_func is not None:
        examples = list(_formatted(schema, rows, task))
    else:
        examples, unification = _by_names(schema, rows, task)
    if not examples:
        raise _nothing(schema, rows, task)
    notes = []
    if task.kind == "token_classification":
        examples, dropped = _without_overlaps(examples)
        if dropped:
            notes.append(f"{dropped:,} spans overlap longer ones and are not learned")
    train, held_out = _split(examples, split)
    labels = _labels_of(schema, task, examples)
    multi = any(isinstance(one.columns.get("label"), list) for one in examples)
    if multi and not all(isinstance(one.columns["label"], list) for one in examples):
        raise SettingsError(
            "The formatting_func returned single labels for some records and lists for others.",
            "Return a list for each record, or a single label for each.",
        )
    options = _options(schema, task)
    data = TrainingData(
        task.kind,
        train,
        held_out,
        labels,
        multi,
        tuple(one for one in options if one not in labels),
        len(rows),
        unification,
        (*notes, *_notes(train, labels)),
    )
    _check_classes(data, task)
    question = task.question(schema) if data.unlearned else None
    if question is not None and question.type not in _NUMBERS:
        if all_labels:
            raise _never_given(data, question, schema)
        log.warning("Nobody gave these labels, so they are not learned: %s", ", ".join(data.unlearned))
    for note in data.notes:
        log.warning("%s", note)
    return data


def labels_in(columns: Mapping[str, Any]) -> list[str]:
    """The labels of an example: none where it has no classes."""
    if "spans" in columns:
        return [span["label"] for span in columns["spans"]]
    label = columns.get("label")
    if isinstance(label, list):
        return [str(one) for one in label]
    return [label] if isinstance(label, str) else []


def _formatted(schema: Schema, rows: Sequence[Row], task: TrainingTask) -> Iterator[Example]:
    assert task.formatting_func is not None  # noqa: S101
    for row in rows:
        sample = row.sample(schema)
        users = tuple(dict.fromkeys(one.user for several in row.answers.values() for one in several))
        try:
            for columns in columns_of(task.kind, task.formatting_func(sample), row.id):
                yield Example(row.id, users, columns)
        except ClayloopError:
            raise
        except Exception as error:
            raise SettingsError(
                f"The formatting_func failed for record {row.id!r}: {type(error).__name__}: {error}",
                f"The record has {', '.join(sample)}. A question holds a list of answers, which is empty "
                "where nobody answered: return None for such records.",
            ) from error


def _by_names(
    schema: Schema, rows: Sequence[Row], task: TrainingTask
) -> tuple[list[Example], Unification | None]:
    question = task.question(schema)
    if question is None:
        return [Example(row.id, (), _texts(row, task)) for row in rows], None
    unification = unify(question, task.strategy or "", rows)
    examples = []
    for row in rows:
        values = unification.values.get(row.id, [])
        answers = row.answers.get(question.name, ())
        for place, value in enumerate(values):
            alone = len(values) > 1 or task.strategy == "first"
            users = (answers[place].user,) if alone else tuple(one.user for one in answers)
            columns = _texts(row, task)
            columns.update(_label(task, question, value, columns, row.id))
            examples.append(Example(row.id, users, columns))
    return examples, unification


def _texts(row: Row, task: TrainingTask) -> Columns:
    return {
        column: not_empty(row.fields.get(name), f"the field {name!r}", row.id)
        for column, name in task.texts.items()
    }


def _label(task: TrainingTask, question: Question, value: Any, columns: Columns, record: str) -> Columns:
    """The column that a unified answer fills."""
    if task.kind == "question_answering":
        return _answer(question, value, columns["context"], record)
    if question.type == "ranking":
        return {task.column: first_place(value, question, record)}
    if question.type == "rating":
        ratings = [float(one) for one in question.options]
        if task.kind == "sentence_similarity":  # from 0 for the lowest to 1 for the highest
            return {task.column: (float(value) - min(ratings)) / ((max(ratings) - min(ratings)) or 1)}
        nearest = min(ratings, key=lambda one: (abs(one - float(value)), -one))
        return {task.column: question.options[ratings.index(nearest)]}
    if question.type == "text":
        return {task.column: not_empty(value, f"the answer to {question.name!r}", record)}
    return {task.column: value}


def _answer(question: Question, value: Any, context: str, record: str) -> Columns:
    if question.type == "text":
        answer = not_empty(value, f"the answer to {question.name!r}", record)
        return {"answer": answer, "start": answer_place(context, answer, record)}
    if len(value) != 1:
        raise SettingsError(
            f"Record {record!r}: {len(value)} spans answer {question.name!r}, and one must.",
            "Leave such records out with a formatting_func that returns None for them.",
        )
    start, end = value[0]["start"], value[0]["end"]
    return {"answer": context[start:end], "start": start}


def _split(examples: Sequence[Example], split: Split) -> tuple[list[Example], list[Example]]:
    records = list(dict.fromkeys(one.record for one in examples))
    if split.train_size == 1:
        return list(examples), []
    random.Random(split.seed).shuffle(records)  # noqa: S311 - a split is no secret
    count = round(len(records) * split.train_size)
    if not 0 < count < len(records):
        raise StateError(
            f"{len(records)} records cannot be split with train_size={split.train_size}.",
            "Annotate more records, or give train_size=1 to hold nothing out.",
        )
    trained = set(records[:count])
    return (
        [one for one in examples if one.record in trained],
        [one for one in examples if one.record not in trained],
    )


def _options(schema: Schema, task: TrainingTask) -> tuple[str, ...]:
    """The labels that the task's question offers: none for tasks without classes."""
    question = None if task.formatting_func else task.question(schema)
    scored = question and question.type == "rating" and task.kind == "sentence_similarity"
    if question is None or scored or task.kind == "question_answering":
        return ()
    return question.options


def _labels_of(schema: Schema, task: TrainingTask, examples: Sequence[Example]) -> tuple[str, ...]:
    there = {label for one in examples for label in labels_in(one.columns)}
    ordered = [one for one in _options(schema, task) if one in there]
    return (*ordered, *sorted(there - set(ordered)))


def _check_classes(data: TrainingData, task: TrainingTask) -> None:
    """Raises StateError where there is but one class to learn."""
    classes = [_classes_in(one.columns) for one in data.train]
    classified = data.kind == "text_classification" or (data.kind == "sentence_similarity" and all(classes))
    if classified and all(one == classes[0] for one in classes):
        where = f"The question {task.label!r}" if task.label else "The formatting_func"
        elsewhere = any(_classes_in(one.columns) != classes[0] for one in data.held_out)
        raise StateError(
            f"{where} gives all {len(data.train)} texts to train on the same label: "
            f"{', '.join(classes[0]) or 'none at all'}.",
            "There is nothing to tell apart. Annotate records of another class, or widen filter_by."
            + " Held-out records have other labels: a larger train_size may help." * elsewhere,
        )
    if data.kind == "token_classification" and not any(one.columns["spans"] for one in data.train):
        raise StateError(
            f"None of the {len(data.train)} texts to train on has a span.",
            "Annotate some, or widen filter_by.",
        )


def _classes_in(columns: Mapping[str, Any]) -> list[str]:
    """The labels of an example in order; a whole number, which similarity may have, is one too."""
    label = columns.get("label")
    return [str(label)] if isinstance(label, int) else sorted(labels_in(columns))


def _without_overlaps(examples: Sequence[Example]) -> tuple[list[Example], int]:
    made = [
        replace(one, columns={**one.columns, "spans": _longest(one.columns["spans"])}) for one in examples
    ]
    before, after = (sum(len(one.columns["spans"]) for one in several) for several in (examples, made))
    return made, before - after


def _longest(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans in their order, without those that overlap a longer one (or an earlier one as long): a token
    has but one label."""
    kept: list[Mapping[str, Any]] = []
    for span in sorted(spans, key=lambda one: (one["start"] - one["end"], one["start"])):
        if all(span["end"] <= other["start"] or other["end"] <= span["start"] for other in kept):
            kept.append(span)
    return [dict(one) for one in sorted(kept, key=lambda one: int(one["start"]))]


def _notes(train: Sequence[Example], labels: Sequence[str]) -> Iterator[str]:
    trained = {label for one in train for label in labels_in(one.columns)}
    if only := [one for one in labels if one not in trained]:
        yield f"Only held-out records have these labels, so they cannot be learned: {', '.join(only)}"


def _never_given(data: TrainingData, question: Question, schema: Schema) -> StateError:
    several = len(data.unlearned) > 1
    return StateError(
        f"Nobody gave the label{'s' * several} {', '.join(data.unlearned)} of the question "
        f"{question.name!r} in the {data.records:,} selected records of {schema.dataset!r}: a model would "
        f"never find {'them' if several else 'it'}.",
        "Annotate records of every label, or train without: ArgillaTrainer(…, all_labels=False), or "
        "`clayloop train --some-labels`.",
    )


def _nothing(schema: Schema, rows: Sequence[Row], task: TrainingTask) -> StateError:
    """Why there is no example at all."""
    unanswered = not any(row.answers for row in rows)
    if task.formatting_func is not None:
        return StateError(
            f"The formatting_func returned None, or yielded nothing, for all {len(rows)} records of "
            f"{schema.dataset!r}." + " None of them has a submitted answer." * unanswered,
            f"For {task.kind} it must return {WANTED[task.kind]} for records to learn from.",
        )
    if unanswered:
        return StateError(
            f"None of the {len(rows)} selected records of {schema.dataset!r} has a submitted answer: all are "
            "pending.",
            "Annotate some in Argilla; drafts and discarded responses do not count.",
        )
    return StateError(
        f"Nobody answered the question {task.label!r} in the {len(rows)} selected records of "
        f"{schema.dataset!r}.",
        "Answer it in Argilla, or learn from another question.",
    )
