"""The parts that a holdout is looked at in: a mean can hide that one kind of question got worse."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from training.judge.comparison import ComparedSet, at, means
from training.judge.intervals import Interval, mean_interval
from training.judge.questions import HoldoutQuestion
from training.settings import GateSettings

BY = ("source", "section", "origin", "style")
_NAMELESS = "none"


class Slice(BaseModel):
    """The questions whose ``by`` is ``value``. ``base``, ``served`` and ``candidate`` are means of the deciding metric at
    full dimension; ``change`` is candidate − served, ``alone`` the same at the confidence of a single interval; None with
    fewer questions than count."""

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

    The intervals are at a confidence that is shared out among all slices that count (Bonferroni): with twenty slices, one in
    twenty would otherwise seem to drop by chance.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    sections = sections_of(found.questions, settings.guards.slice_queries)
    for row, question in enumerate(found.questions):
        for by in BY:
            value = sections[row] if by == "section" else str(getattr(question, by))
            groups[by, value or _NAMELESS].append(row)
    parts = {key: rows for key, rows in groups.items() if len(rows) < len(found.questions)}
    counted = sum(len(rows) >= settings.guards.slice_queries for rows in parts.values())
    confidence = 1 - (1 - settings.confidence) / max(1, counted)
    differences = found.differences(settings.metric)
    made = [
        _slice(found, by, value, rows, differences, confidence, settings)
        for (by, value), rows in parts.items()
    ]
    return sorted(made, key=lambda one: (BY.index(one.by), -one.queries, one.value))


def sections_of(questions: Sequence[HoldoutQuestion], enough: int) -> list[str]:
    """The section of each question: its path cut at the first level where at least two parts have ``enough`` questions.

    Where no level has that, the first that tells questions apart. Questions of runs that kept no paths have the section
    that these noted.
    """
    parts = [question.path.split("/") if question.path else [question.section] for question in questions]
    first: list[str] | None = None
    for level in range(1, max(map(len, parts), default=1) + 1):
        cut = ["/".join(part[:level]) for part in parts]
        sizes = Counter(cut)
        if sum(size >= enough for size in sizes.values()) >= 2:
            return cut
        if first is None and len(sizes) > 1:
            first = cut
    return first or ["/".join(part) for part in parts]


def _slice(
    found: ComparedSet,
    by: str,
    value: str,
    rows: Sequence[int],
    differences: Sequence[float],
    confidence: float,
    settings: GateSettings,
) -> Slice:
    ids = [found.questions[row].id for row in rows]
    metric = settings.metric
    change = alone = None
    if len(rows) >= settings.guards.slice_queries:
        changes = [differences[row] for row in rows]
        change = mean_interval(changes, confidence, settings.resamples, settings.seed)
        alone = mean_interval(changes, settings.confidence, settings.resamples, settings.seed)
    return Slice(
        by=by,
        value=value,
        queries=len(rows),
        base=means(at(found.base), ids)[metric],
        served=means(at(found.served), ids)[metric],
        candidate=means(at(found.candidate), ids)[metric],
        change=change,
        alone=alone,
    )
