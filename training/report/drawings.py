"""Geometry of the charts, in pixels of their view boxes; the template turns it into SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from training.judge.comparison import SIDES, ComparedSet
from training.judge.gate import GateVerdict
from training.judge.intervals import Interval

WIDTH = 760
_LABELS = 250
_ROW = 26
_TOP = 24


@dataclass(frozen=True)
class Whisker:
    """One interval of a forest plot: a line from ``x1`` to ``x2`` and a dot at ``x``."""

    label: str
    interval: Interval
    y: float
    x1: float
    x: float
    x2: float
    strong: bool


@dataclass(frozen=True)
class Forest:
    """Intervals below each other, on one scale. ``zero`` and ``margin``: where no change and −margin lie."""

    rows: Sequence[Whisker]
    height: float
    zero: float
    margin: float
    ticks: Sequence[tuple[float, str]]


@dataclass(frozen=True)
class Bar:
    """A bar from ``x`` of ``width``, or from ``y`` of ``height``."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str
    value: str = ""


@dataclass(frozen=True)
class Bars:
    """Bars, and labels at (x, y)."""

    bars: Sequence[Bar]
    labels: Sequence[tuple[float, float, str]]
    height: float
    baseline: float = 0.0


def forest(verdict: GateVerdict, margin: float) -> Forest | None:
    """All questions, the earlier and the new ones, and every slice that counts."""
    named: list[tuple[str, Interval | None]] = [
        ("all questions", verdict.interval),
        ("held out before", verdict.earlier),
        ("held out since", verdict.fresh),
        *((f"{one.by}: {one.value}", one.change) for one in verdict.slices),
    ]
    found = [(label, interval) for label, interval in named if interval is not None]
    if not found:
        return None
    low = min(-2 * margin, -0.05, *(one.low for _, one in found))
    high = max(0.05, *(one.high for _, one in found))

    def place(value: float) -> float:
        return round(_LABELS + (value - low) / (high - low) * (WIDTH - _LABELS - 20), 1)

    rows = [
        Whisker(
            label,
            one,
            _TOP + number * _ROW + _ROW / 2,
            place(one.low),
            place(one.estimate),
            place(one.high),
            number == 0,
        )
        for number, (label, one) in enumerate(found)
    ]
    step = next((size for size in (0.02, 0.05, 0.1, 0.2) if (high - low) / size <= 9), 0.5)
    first = int(low / step) - 1
    ticks = [
        (place(number * step), f"{number * step:+.2f}" if number else "0")
        for number in range(first, int(high / step) + 2)
        if low <= number * step <= high
    ]
    return Forest(rows, _TOP + len(rows) * _ROW + 26, place(0.0), place(-margin), ticks)


def dimension_bars(found: ComparedSet, metric: str) -> Bars:
    """One group of bars per Matryoshka dimension: base, served, candidate."""
    sizes = sorted({*found.base, *found.served, *found.candidate}, reverse=True)
    best = max(
        (scores[size].metrics[metric] for side in SIDES for scores in [found.side(side)] for size in scores),
        default=0.0,
    )
    top, tall = 18.0, 170.0
    group = WIDTH / max(1, len(sizes))
    wide = min(52.0, group / 4)
    bars, labels = [], []
    for number, size in enumerate(sizes):
        start = number * group + (group - 3.3 * wide) / 2
        for place, side in enumerate(SIDES):
            scores = found.side(side).get(size)
            if scores is None:
                continue
            value = scores.metrics[metric]
            height = round(value / (best or 1.0) * tall, 1)
            bars.append(
                Bar(
                    round(start + place * 1.1 * wide, 1),
                    top + tall - height,
                    wide,
                    height,
                    side,
                    f"{side}, {size} dimensions: {metric} {value:.4f}",
                    f"{value:.3f}",
                )
            )
        labels.append((number * group + group / 2, top + tall + 20, f"{size} dimensions"))
    return Bars(bars, labels, top + tall + 32, top + tall)


def question_bars(changes: Sequence[tuple[float, str]]) -> Bars:
    """(change, text) of every question, from the largest gain to the largest loss."""
    ordered = sorted(changes, key=lambda one: -one[0])
    tall = 90.0
    most = max((abs(change) for change, _ in ordered), default=0.0) or 1.0
    wide = WIDTH / max(1, len(ordered))
    bars = []
    for number, (change, text) in enumerate(ordered):
        height = round(abs(change) / most * tall, 1)
        if height > 0:
            y = tall - height if change > 0 else tall
            kind = "gain" if change > 0 else "loss"
            bars.append(
                Bar(
                    round(number * wide, 2),
                    y,
                    round(max(0.6, wide - 0.6), 2),
                    height,
                    kind,
                    f"{change:+.3f} {text}",
                )
            )
    return Bars(bars, [], 2 * tall, tall)


def shares(counts: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """(label, value, per cent of the largest) for bars that CSS draws."""
    most = max(counts.values(), default=0.0) or 1.0
    return [(label, value, round(100 * value / most, 1)) for label, value in counts.items()]
