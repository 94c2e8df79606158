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
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from curation import DatasetName
from training.prepare.dedup import normalise
from training.prepare.examples import Example
from training.prepare.negatives import Negative
from training.prepare.taught import choose_refused

# Negatives that came with triplets give at most this many rows of ``asked``, as a share of the examples: each embeds a whole
# text again, and most of them are far from the text anyway.
_MOST_STORED = 0.25

Columns = dict[str, list[str]]
_Key = tuple[DatasetName, str]
SetName = Literal["pairs", "harder", "asked"]

# What the first column of a dataset holds, then all others: for models that want prompts.
SIDES: dict[SetName, tuple[Literal["query", "document"], Literal["query", "document"]]] = {
    "pairs": ("query", "document"),
    "harder": ("query", "document"),
    "asked": ("document", "query"),
}


def training_sets(
    examples: Sequence[Example],
    negatives: Sequence[Negative],
    wanted: int,
    always: bool,
    seed: int,
    groups: Mapping[str, str] | None = None,
    accepted: Sequence[Example] = (),
) -> dict[SetName, Columns]:
    """The datasets that are not empty, each as column → values.

    A row of ``harder`` has ``wanted`` negative texts (at least one). What people refused comes first, in as many rows as
    that takes; the last one is completed with mined texts, then with texts of other examples that nobody accepted for the
    question (here or in ``accepted``; near duplicates by ``groups``, chunk → the one that stands for it, are no others). An example that is there
    several times takes its rows in turn. With ``always`` (the triplet loss) every example is such a row, and there are no
    ``pairs``. ``asked`` has a row for each question that people refused (training.taught bounds both), and one for a share
    of the chunks that only have stored negatives, drawn with the seed. Raises ValueError where no two texts differ and a
    negative is needed.
    """
    found = _sorted(examples, negatives)
    chance = random.Random(seed)  # noqa: S311 - not a secret
    width = max(1, wanted)
    right: dict[str, set[str]] = defaultdict(set)
    for example in (*examples, *accepted):
        right[normalise(example.query)].add(_group(example.chunk_id, groups))
    pairs: Columns = {"anchor": [], "positive": []}
    harder: Columns = {"anchor": [], "positive": [], **{_negative(number): [] for number in range(width)}}
    asked: Columns = {"anchor": [], "positive": [], _negative(0): []}
    answered: list[_Answer] = []
    times = Counter((one.dataset, one.record_id) for one in examples)
    for key, example in {(one.dataset, one.record_id): one for one in examples}.items():
        parts = list(_parts(found.texts[key], width))
        if not parts and (found.mined[key] or always):
            parts = [[]]
        rows = [
            _filled([*part, *found.mined[key]], width, example, examples, right, groups, chance)
            for part in parts
        ]
        for turn in range(max(times[key], len(rows))):
            if rows:
                _append(harder, example.query, example.text, *rows[turn % len(rows)])
            else:
                _append(pairs, example.query, example.text)
        for question in found.questions[key]:
            answered.append(_Answer(example.chunk_id, True, [example.text, example.query, question]))
        for question in found.stored[key][:1]:
            answered.append(_Answer(example.chunk_id, False, [example.text, example.query, question]))
    for row in _some(answered, math.ceil(_MOST_STORED * len(examples)), chance):
        _append(asked, *row)
    named: tuple[tuple[SetName, Columns], ...] = (("pairs", pairs), ("harder", harder), ("asked", asked))
    return {name: columns for name, columns in named if columns["anchor"]}


def same_thing(
    examples: Sequence[Example], groups: Mapping[str, str], negatives: Sequence[Negative] = ()
) -> dict[str, str]:
    """Text or question → what it counts as when a batch must not hold the same thing twice: a chunk's text and its body
    are one, near duplicates are one, and so are spellings of a question. A text that stands in two chunks makes them one."""
    told = [(one.text, f"chunk {_group(one.chunk_id, groups)}") for one in examples]
    told += [
        (one.text, f"chunk {_group(one.chunk_id, groups)}")
        for one in negatives
        if one.kind == "text" and one.chunk_id
    ]
    told += [(one.query, f"question {normalise(one.query)}") for one in examples]
    told += [(one.text, f"question {normalise(one.text)}") for one in negatives if one.kind == "question"]
    leader: dict[str, str] = {}
    same: dict[str, str] = {}
    for value, thing in told:
        leader[_leader(thing, leader)] = _leader(same.setdefault(value, thing), leader)
    return {value: _leader(thing, leader) for value, thing in same.items()}


def _leader(thing: str, leader: Mapping[str, str]) -> str:
    """The one that stands for all that ``thing`` was found to be the same as."""
    while leader.get(thing, thing) != thing:
        thing = leader[thing]
    return thing


def right_texts(examples: Sequence[Example], same: Mapping[str, str]) -> dict[str, set[str]]:
    """Question → all texts that answer it, each as what it counts as (``same_thing`` of these ``examples``)."""
    found: dict[str, set[str]] = defaultdict(set)
    for one in examples:
        found[same[one.query]].add(same[one.text])
    return dict(found)


def told_apart(
    columns: Columns, same: Mapping[str, str], right: Mapping[str, Set[str]] | None = None
) -> tuple[Columns, list[set[str]]]:
    """The columns with each value as what it counts as (``same_thing``), and for each row what no row beside it may hold: the
    ``right`` texts of its questions (``right_texts``), of which it holds one.

    A negative that is right in no row and for no question may meet itself in a batch: whoever is pushed from it once may be
    pushed twice.
    """
    answers = right or {}
    things = {name: [same.get(value, value) for value in values] for name, values in columns.items()}
    rows = [set(row) for row in zip(*things.values(), strict=True)]
    others = [set().union(*(answers.get(one, ()) for one in row)) - row for row in rows]
    known = {one for name in ("anchor", "positive") for one in things[name]}.union(*others)
    for name, values in things.items():
        if name not in ("anchor", "positive"):
            things[name] = [one if one in known else f"{name} of row {row}" for row, one in enumerate(values)]
    return things, others


@dataclass
class _Found:
    """By example: refused texts and questions, mined texts, the stored question."""

    texts: dict[_Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    questions: dict[_Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    mined: dict[_Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    stored: dict[_Key, list[str]] = field(default_factory=lambda: defaultdict(list))


class _Answer(NamedTuple):
    """A row of ``asked``, the chunk that it is about, and whether people refused its last question."""

    chunk_id: str
    is_refused: bool
    row: list[str]


def _sorted(examples: Sequence[Example], negatives: Sequence[Negative]) -> _Found:
    found = _Found()
    for negative in choose_refused(examples, negatives).negatives:
        kind = found.texts if negative.kind == "text" else found.questions
        key = (negative.dataset, negative.record_id)
        if negative.text not in kind[key]:
            kind[key].append(negative.text)
    for negative in negatives:
        if negative.source != "refused":
            kind = found.mined if negative.kind == "text" else found.stored
            kind[negative.dataset, negative.record_id].append(negative.text)
    return found


def _parts(texts: Sequence[str], width: int) -> Iterator[Sequence[str]]:
    """``texts`` in rows of ``width``."""
    for start in range(0, len(texts), width):
        yield texts[start : start + width]


def _some(answered: Sequence[_Answer], stored: int, chance: random.Random) -> list[list[str]]:
    """All rows that people refused, and ``stored`` of the others: one for each chunk that has no refused one."""
    refused = {one.chunk_id for one in answered if one.is_refused}
    rest: dict[str, int] = {}
    for place, one in enumerate(answered):
        if one.chunk_id not in refused:
            rest.setdefault(one.chunk_id, place)
    chosen = set(chance.sample(list(rest.values()), min(stored, len(rest))))
    return [one.row for place, one in enumerate(answered) if one.is_refused or place in chosen]


def _filled(
    found: Sequence[str],
    width: int,
    example: Example,
    examples: Sequence[Example],
    right: Mapping[str, Set[str]],
    groups: Mapping[str, str] | None,
    chance: random.Random,
) -> list[str]:
    row = list(dict.fromkeys(found))[:width]
    accepted = right[normalise(example.query)]
    for _ in range(20 * width):
        if len(row) == width:
            break
        other = chance.choice(examples)
        if (
            _group(other.chunk_id, groups) not in accepted
            and other.text not in row
            and other.text != example.text
        ):
            row.append(other.text)
    if not row:  # hardly any other texts
        others = [one for one in examples if one.text != example.text]
        if not others:
            raise ValueError("training needs two texts that differ: one is the other's negative")
        surely = (one.text for one in others if _group(one.chunk_id, groups) not in accepted)
        row.append(next(surely, others[0].text))
    while len(row) < width:  # say the same negative twice
        row.append(row[-1])
    return row


def _group(chunk_id: str, groups: Mapping[str, str] | None) -> str:
    return (groups or {}).get(chunk_id, chunk_id)


def _negative(number: int) -> str:
    return f"negative_{number + 1}"


def _append(columns: Columns, *values: str) -> None:
    for column, value in zip(columns.values(), values, strict=True):
        column.append(value)
