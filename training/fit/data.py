"""Examples and negatives as the datasets that training reads, and which rows may not meet in a batch.
Also the report of a training, and the error of one that diverged.

A loss wants the same columns in every row. Rows with and without negatives are therefore datasets of their
own, and the trainer takes batches from each in proportion:

    pairs    question, the text that answers it
    harder   question, the text that answers it, a text that does not
    asked    text, a question that it answers, a question that it does not
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Hashable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel

from curation import StateError, normalise
from training.ledger.rows import LedgerRow, Negative, RecordKey

# Negatives that came with triplets give at most this many rows of ``asked``, as a share of the examples: each
# row embeds a whole text again, and most of them are far from the text anyway.
_MOST_STORED = 0.25

SetName = Literal["pairs", "harder", "asked"]
Columns = dict[str, list[str]]


@dataclass(frozen=True)
class TrainingMaterial:
    """What a model is trained on.

    All ``negatives`` are used; each is set against one of the ``examples``. ``groups`` maps a chunk's id to
    that of its near duplicates' representative. ``accepted`` are pairs that are not trained on but may be
    right: none of them is a negative.
    """

    examples: Sequence[LedgerRow]
    negatives: Sequence[Negative] = ()
    groups: Mapping[str, str] = field(default_factory=dict)
    accepted: Sequence[LedgerRow] = ()


class FitReport(BaseModel):
    """What a training did. ``rows`` counts the training rows of each dataset, ``batch_size`` those of a full
    batch of all processes together. ``loss`` is the mean training loss, summed over the Matryoshka
    dimensions. ``computing`` are the seconds spent in forward and backward passes."""

    examples: int
    rows: dict[str, int]
    batch_size: int
    steps: int
    epochs: float
    dimensions: list[int]
    precision: str
    loss: float
    seconds: float
    computing: float

    def __str__(self) -> str:
        seconds = max(self.seconds, 0.001)
        return (
            f"{self.steps} steps of {self.batch_size} examples in {self.precision}, "
            f"{sum(self.rows.values()) * self.epochs / seconds:.1f} examples/s, "
            f"loss {self.loss}, {self.computing / seconds:.0%} of the time in passes"
        )


def training_sets(material: TrainingMaterial, seed: int) -> dict[SetName, Columns]:
    """The datasets that are not empty, each as column → values.

    Each negative text is a row of ``harder``, and an example without one is a row of ``pairs``. Each question
    that people refused is a row of ``asked``. So is one stored question of a chunk, for a share of the chunks
    of which people refused none, drawn with ``seed``.
    """
    texts, questions = (defaultdict[RecordKey, dict[str, None]](dict) for _ in range(2))
    stored: dict[RecordKey, str] = {}
    for negative in material.negatives:
        if negative.kind == "text":
            texts[negative.example][negative.text] = None
        elif negative.source == "refused":
            questions[negative.example][negative.text] = None
        else:
            stored.setdefault(negative.example, negative.text)

    refused = {one.chunk_id for one in material.examples if one.key in questions}
    standing: dict[str, RecordKey] = {}  # chunk → the example whose stored question may be taken
    for one in material.examples:
        if one.key in stored and one.chunk_id not in refused:
            standing.setdefault(one.chunk_id, one.key)
    most = min(len(standing), math.ceil(_MOST_STORED * len(material.examples)))
    for key in random.Random(seed).sample(list(standing.values()), most):  # noqa: S311 - not a secret
        questions[key][stored[key]] = None

    pairs = [(one.query, one.text) for one in material.examples if one.key not in texts]
    harder = [(one.query, one.text, wrong) for one in material.examples for wrong in texts[one.key]]
    asked = [(one.text, one.query, wrong) for one in material.examples for wrong in questions[one.key]]
    columns = ("anchor", "positive", "negative")
    sets: dict[SetName, Sequence[tuple[str, ...]]] = {"pairs": pairs, "harder": harder, "asked": asked}
    return {
        name: dict(zip(columns, map(list, zip(*rows, strict=True)), strict=False))
        for name, rows in sets.items()
        if rows
    }


def side_of(name: SetName, column: str) -> Literal["query", "document"]:
    """What a column of a dataset holds: for models that want a prompt before it."""
    return "query" if (column == "anchor") == (name != "asked") else "document"


@dataclass(frozen=True)
class SameThings:
    """What counts as the same thing in a batch. ``thing`` maps a text or question to the thing that it is.
    ``answers`` maps a question's thing to those of the texts that answer it."""

    thing: Mapping[str, Hashable]
    answers: Mapping[Hashable, Set[Hashable]]


def same_things(material: TrainingMaterial) -> SameThings:
    """A chunk's text and its body are the same thing, and so are near duplicates, spellings of a question,
    and two chunks that hold the same text."""
    from scipy.cluster.hierarchy import DisjointSet

    accepted = [*material.examples, *material.accepted]
    things = DisjointSet()

    def same(value: str, kind: str, name: str) -> None:
        things.add(value)
        things.add((kind, name))
        things.merge(value, (kind, name))

    for one in accepted:
        same(one.text, "chunk", material.groups.get(one.chunk_id, one.chunk_id))
        same(one.query, "question", normalise(one.query))
    for negative in material.negatives:
        if negative.kind == "question":
            same(negative.text, "question", normalise(negative.text))
        elif negative.chunk_id:
            same(negative.text, "chunk", material.groups.get(negative.chunk_id, negative.chunk_id))
    answers: dict[Hashable, set[Hashable]] = defaultdict(set)
    for one in accepted:
        answers[things[one.query]].add(things[one.text])
    return SameThings({value: things[value] for value in things if isinstance(value, str)}, dict(answers))


def told_apart(
    columns: Columns, sameness: SameThings
) -> tuple[dict[str, list[Hashable]], list[set[Hashable]]]:
    """The columns with things instead of values, and for each row the things that no other row of its batch
    may hold: the other right texts of its questions.

    A negative that is a right text nowhere may come twice in a batch: nothing in it is pulled to it.
    """
    things = {
        name: [sameness.thing.get(value, value) for value in values] for name, values in columns.items()
    }
    rows = [set(row) for row in zip(*things.values(), strict=True)]
    own = [set(pair) for pair in zip(things["anchor"], things["positive"], strict=True)]
    answers = [set().union(*(sameness.answers.get(one, ()) for one in row)) for row in rows]
    barred = [found - mine for found, mine in zip(answers, own, strict=True)]
    right = {*things["anchor"], *things["positive"]}.union(*barred)
    if "negative" in things:
        things["negative"] = [
            one if one in right else ("negative", row) for row, one in enumerate(things["negative"])
        ]
    return things, barred


def has_diverged(model: Any, loss: float) -> bool:
    """Whether the mean training ``loss`` is not a number, or the weights are of no use."""
    import torch

    # Squared: weights of 1e20 are numbers, but what is computed with them is none.
    return not math.isfinite(loss) or not all(
        bool(torch.isfinite(weights.square().sum())) for weights in model.parameters()
    )


def diverged() -> StateError:
    """The error that says so."""
    return StateError(
        "Training diverged: the loss is not a number, or weights are beyond all bounds.",
        "Lower training.fit.learning_rate (3e-5 suits most models) and start again; the served release is "
        "untouched.",
    )
