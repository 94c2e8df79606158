"""The parts that a holdout is looked at in: a mean can hide that one kind of question got worse."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from training.judge.comparison import ComparedSet, at, means
from training.judge.intervals import Interval, mean_interval
from training.judge.questions import HoldoutQuestion
from training.settings import SLICE_QUERIES, GateSettings

BY = ("source", "section", "origin", "style")


class Slice(BaseModel):
    """The questions whose ``by`` is ``value``. ``base``, ``served`` and ``candidate`` are means of the
    deciding metric at full dimension; ``change`` is candidate − served, ``alone`` the same at the confidence
    of a single interval; None with fewer questions than count."""

    model_config = ConfigDict(frozen=True)

    by: str
    value: str
    queries: int
    base: float
    served: float
    candidate: float
    change: Interval | None = None
    alone: Interval | None = None


def slices(found: ComparedSet, settings: GateSettings) -> list[Slice]:
    """Every slice of the holdout, the largest first. A property that all questions share makes none.

    The intervals are at a confidence that is shared out among all slices that count (Bonferroni): with twenty
    slices, one in twenty would otherwise seem to drop by chance.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    sections = sections_of(found.questions)
    for row, question in enumerate(found.questions):
        for by in BY:
            value = sections[row] if by == "section" else str(getattr(question, by))
            groups[by, value or "none"].append(row)
    parts = {key: rows for key, rows in groups.items() if len(rows) < len(found.questions)}
    counted = sum(len(rows) >= SLICE_QUERIES for rows in parts.values())
    shared = 1 - (1 - settings.confidence) / max(1, counted)
    differences = found.differences(settings.metric)
    made = []
    for (by, value), rows in parts.items():
        ids, changes = [found.questions[row].id for row in rows], [differences[row] for row in rows]
        counts = len(rows) >= SLICE_QUERIES
        made.append(
            Slice(
                by=by,
                value=value,
                queries=len(rows),
                base=means(at(found.base), ids)[settings.metric],
                served=means(at(found.served), ids)[settings.metric],
                candidate=means(at(found.candidate), ids)[settings.metric],
                change=mean_interval(changes, shared) if counts else None,
                alone=mean_interval(changes, settings.confidence) if counts else None,
            )
        )
    return sorted(made, key=lambda one: (BY.index(one.by), -one.queries, one.value))


def sections_of(questions: Sequence[HoldoutQuestion]) -> list[str]:
    """The section of each question: its path cut at the first level where two parts or more have enough
    questions to count, or, where no level has that, at the first that tells questions apart."""
    parts = [question.path.split("/") if question.path else [question.section] for question in questions]
    first: list[str] | None = None
    for level in range(1, max(map(len, parts), default=1) + 1):
        cut = ["/".join(part[:level]) for part in parts]
        sizes = Counter(cut)
        if sum(size >= SLICE_QUERIES for size in sizes.values()) >= 2:
            return cut
        if first is None and len(sizes) > 1:
            first = cut
    return first or ["/".join(part) for part in parts]
