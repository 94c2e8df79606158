"""Examples and negatives as the datasets that a sentence-transformers loss takes.

A loss wants the same columns in every row. Rows with and without negatives therefore are datasets of their own, and the
trainer takes batches from each in proportion:

    pairs    question, the text that answers it
    harder   question, the text that answers it, texts that do not
    asked    text, a question that it answers, one that it does not: the tutorial's arrangement
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from training.dedup import normalise
from training.examples import Example
from training.negatives import Negative

Columns = dict[str, list[str]]
SetName = Literal["pairs", "harder", "asked"]

# What the first column of a dataset holds, then all others: for models that want prompts.
SIDES: dict[SetName, tuple[Literal["query", "document"], Literal["query", "document"]]] = {
    "pairs": ("query", "document"),
    "harder": ("query", "document"),
    "asked": ("document", "query"),
}


def training_sets(
    examples: Sequence[Example], negatives: Sequence[Negative], wanted: int, always: bool, seed: int
) -> dict[SetName, Columns]:
    """The datasets that are not empty, each as column → values.

    A row of ``harder`` has ``wanted`` negative texts (at least one), refused ones before mined ones; what it lacks is
    filled up with texts of other examples. With ``always`` (the triplet loss) every example is such a row, and there are no
    ``pairs``. A chunk comes once in ``asked``, with the first of its negative questions.
    """
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    questions: dict[tuple[str, str], list[str]] = defaultdict(list)
    for negative in sorted(negatives, key=lambda one: one.source == "mined"):
        kind = texts if negative.kind == "text" else questions
        kind[negative.dataset, negative.record_id].append(negative.text)
    chance = random.Random(seed)  # noqa: S311 - not a secret
    width = max(1, wanted)
    pairs: Columns = {"anchor": [], "positive": []}
    harder: Columns = {"anchor": [], "positive": [], **{_negative(number): [] for number in range(width)}}
    asked: Columns = {"anchor": [], "positive": [], _negative(0): []}
    answered: set[str] = set()
    for example in examples:
        key = example.dataset, example.record_id
        if texts[key] or always:
            row = _filled(texts[key], width, example, examples, chance)
            _append(harder, example.query, example.text, *row)
        else:
            _append(pairs, example.query, example.text)
        if questions[key] and example.chunk_id not in answered:
            answered.add(example.chunk_id)
            _append(asked, example.text, example.query, questions[key][0])
    named: tuple[tuple[SetName, Columns], ...] = (("pairs", pairs), ("harder", harder), ("asked", asked))
    return {name: columns for name, columns in named if columns["anchor"]}


def same_thing(examples: Sequence[Example], groups: Mapping[str, str]) -> dict[str, str]:
    """Text or question → what it counts as when a batch must not hold the same thing twice: a chunk's text and its body
    are one, near duplicates are one, and so are spellings of a question."""
    same = {example.text: f"chunk {groups.get(example.chunk_id, example.chunk_id)}" for example in examples}
    same.update({example.query: f"question {normalise(example.query)}" for example in examples})
    return same


def _filled(
    found: Sequence[str],
    width: int,
    example: Example,
    examples: Sequence[Example],
    chance: random.Random,
) -> list[str]:
    row = list(dict.fromkeys(found))[:width]
    for _ in range(20 * width):
        if len(row) == width:
            break
        other = chance.choice(examples)
        if other.chunk_id != example.chunk_id and other.text not in row and other.text != example.text:
            row.append(other.text)
    while len(row) < width:  # hardly any other texts: say the same negative twice
        row.append(row[-1] if row else next(one.text for one in examples if one.text != example.text))
    return row


def _negative(number: int) -> str:
    return f"negative_{number + 1}"


def _append(columns: Columns, *values: str) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)
