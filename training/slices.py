"""The parts that a holdout is looked at in: a mean can hide that one kind of question got worse."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from training.comparison import ComparedSet, at, means
from training.gate_settings import GateSettings
from training.holdout import HoldoutQuestion
from training.intervals import Interval, mean_interval

BY = ("source", "section", "origin", "style")
_NAMELESS = "none"


class Slice(BaseModel):
    """The questions whose ``by`` is ``value``. ``base``, ``served`` and ``candidate`` are means of the deciding metric at
    full dimension; ``change`` is candidate − served, None with fewer questions than count."""

    model_config = ConfigDict(frozen=True)

    by: str
    value: str
    queries: int
    base: float
    served: float
    candidate: float
    change: Interval | None = None


def slices(found: ComparedSet, settings: GateSettings) -> list[Slice]:
    """Every slice of the holdout, the largest first. A property that all questions share makes none.

    The intervals are at a confidence that is shared out among all slices that count (Bonferroni): with twenty slices, one in
    twenty would otherwise seem to drop by chance.
    """
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for row, question in enumerate(found.questions):
        for by in BY:
            groups[by, str(getattr(question, by)) or _NAMELESS].append(row)
    parts = {key: rows for key, rows in groups.items() if len(rows) < len(found.questions)}
    counted = sum(len(rows) >= settings.guards.slice_queries for rows in parts.values())
    confidence = 1 - (1 - settings.confidence) / max(1, counted)
    differences = found.differences(settings.metric)
    made = [
        _slice(found, by, value, rows, differences, confidence, settings)
        for (by, value), rows in parts.items()
    ]
    return sorted(made, key=lambda one: (BY.index(one.by), -one.queries, one.value))


def questions_in(found: ComparedSet, by: str, value: str) -> Sequence[HoldoutQuestion]:
    """Those of one slice."""
    return [one for one in found.questions if (str(getattr(one, by)) or _NAMELESS) == value]


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
    change = None
    if len(rows) >= settings.guards.slice_queries:
        change = mean_interval(
            [differences[row] for row in rows], confidence, settings.resamples, settings.seed
        )
    return Slice(
        by=by,
        value=value,
        queries=len(rows),
        base=means(at(found.base), ids)[metric],
        served=means(at(found.served), ids)[metric],
        candidate=means(at(found.candidate), ids)[metric],
        change=change,
    )
