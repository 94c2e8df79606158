"""Examples and negatives as the datasets that a sentence-transformers loss takes.

A loss wants the same columns in every row. Rows with and without negatives therefore are datasets of their own, and the
trainer takes batches from each in proportion:

    pairs    question, the text that answers it
    harder   question, the text that answers it, texts that do not
    asked    text, a question that it answers, one that it does not: the tutorial's arrangement
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Literal

from training.dedup import normalise
from training.examples import Example
from training.negatives import Negative

# Negatives that came with triplets give at most this many rows of ``asked``, as a share of the examples: each embeds a whole
# text again, and most of them are far from the text anyway.
_MOST_STORED = 0.25

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
    ``pairs``. A chunk comes once in ``asked``, with one negative question: every chunk of
    which people refused a question, and a share of those that only have stored negatives, drawn with the seed.
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
    answered: dict[str, tuple[bool, list[str]]] = {}  # chunk → (refused by people, its row)
    refused = {(one.dataset, one.record_id) for one in negatives if one.source == "refused"}
    for example in examples:
        key = example.dataset, example.record_id
        if texts[key] or always:
            row = _filled(texts[key], width, example, examples, chance)
            _append(harder, example.query, example.text, *row)
        else:
            _append(pairs, example.query, example.text)
        if questions[key] and (key in refused or example.chunk_id not in answered):
            answered[example.chunk_id] = (key in refused, [example.text, example.query, questions[key][0]])
    for row in _some(list(answered.values()), math.ceil(_MOST_STORED * len(examples)), chance):
        _append(asked, *row)
    named: tuple[tuple[SetName, Columns], ...] = (("pairs", pairs), ("harder", harder), ("asked", asked))
    return {name: columns for name, columns in named if columns["anchor"]}


def same_thing(examples: Sequence[Example], groups: Mapping[str, str]) -> dict[str, str]:
    """Text or question → what it counts as when a batch must not hold the same thing twice: a chunk's text and its body
    are one, near duplicates are one, and so are spellings of a question."""
    same = {example.text: f"chunk {groups.get(example.chunk_id, example.chunk_id)}" for example in examples}
    same.update({example.query: f"question {normalise(example.query)}" for example in examples})
    return same


def _some(rows: Sequence[tuple[bool, list[str]]], stored: int, chance: random.Random) -> list[list[str]]:
    """All rows that people refused, and ``stored`` of the others."""
    others = [place for place, (is_refused, _) in enumerate(rows) if not is_refused]
    chosen = set(chance.sample(others, min(stored, len(others))))
    return [row for place, (is_refused, row) in enumerate(rows) if is_refused or place in chosen]


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
