"""What people decided about answers: which are to be imitated, which were preferred, and which questions are
held out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from curation import SILENT, Progress, content_id, matches_in_meaning, normalise, original
from serving import CuratedAnswer, Vectors
from training.tasks.generations import judged, preferred
from training.tasks.reading import open_source
from training.tasks.selection import Selection

_ONE_IN = 3  # questions that is held out


@dataclass(frozen=True)
class Lesson:
    """An accepted answer to a question; with ``rejected``, another one that people liked less."""

    question: str
    answer: str
    rejected: str = ""


@dataclass
class Lessons:
    """``train`` is learned from. ``held_out`` maps questions to all accepted answers to them: no model learns
    from any of those, nor from a question that says the same. ``leaks`` counts lessons left out for that."""

    train: list[Lesson] = field(default_factory=list)
    held_out: dict[str, list[str]] = field(default_factory=dict)
    leaks: int = 0

    @property
    def accepted(self) -> list[Lesson]:
        return [one for one in self.train if not one.rejected]

    @property
    def preferences(self) -> list[Lesson]:
        return [one for one in self.train if one.rejected]

    @property
    def digest(self) -> str:
        """Of all that was decided."""
        learned = sorted(f"{one.question}\n{one.answer}\n{one.rejected}" for one in self.train)
        asked = sorted(f"{question}\n{sorted(answers)}" for question, answers in self.held_out.items())
        return content_id(*learned, "held out", *asked)


def is_held_out(question: str) -> bool:
    """Each question has its side for good, by its hash, whoever answers it and however often."""
    return int(content_id("held-out answer", normalise(question))[:8], 16) % _ONE_IN == 0


def read_decided(datasets: Iterable[Any], progress: Progress = SILENT) -> list[Lesson]:
    """What was decided in the datasets of `clayloop generations`. Raises ArgillaError when they cannot be
    read."""
    found: list[Lesson] = []
    for dataset in datasets:
        source = open_source(dataset)
        for row in source.rows(Selection(), progress):
            record = row.sample(source.schema)
            question, answers = original(record["instruction"]), judged(record)
            if answers and answers[0].is_good:
                found.append(Lesson(question, answers[0].text))
            if pair := preferred(record):
                better, worse = pair
                found.append(Lesson(question, better.text, worse.text))
    return found


def sort_out(
    decided: Sequence[Lesson],
    written: Iterable[CuratedAnswer],
    vectors_of: Callable[[Sequence[str]], Vectors],
    threshold: float,
) -> Lessons:
    """Put each lesson on its side. ``written`` are answers that people wrote themselves; stale ones teach
    nothing. Questions whose cosine (``vectors_of``) is at least ``threshold`` say the same."""
    corrections = (Lesson(one.question, one.text) for one in written if not one.is_stale)
    lessons = list(dict.fromkeys([*decided, *corrections]))
    held_out: dict[str, list[str]] = defaultdict(list)
    spelt: Mapping[str, str] = {normalise(one.question): one.question for one in reversed(lessons)}
    for one in lessons:
        if is_held_out(one.question) and not one.rejected:
            held_out[spelt[normalise(one.question)]].append(one.answer)
    train = [one for one in lessons if not is_held_out(one.question)]
    leaks: set[int] = set()
    if train and held_out:
        asked, reserved = vectors_of([one.question for one in train]), vectors_of(list(held_out))
        leaks = {match.index for match in matches_in_meaning(asked, reserved, threshold)}
    kept = [one for place, one in enumerate(train) if place not in leaks]
    return Lessons(kept, dict(held_out), len(leaks))
