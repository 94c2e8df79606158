"""Geometry of the charts, in pixels of their view boxes; the template turns it into SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from training.judge.comparison import SIDES, ComparedSet
from training.judge.gate import GateVerdict
from training.judge.intervals import Interval

WIDTH = 760
_LABELS = 250
_ROW = 26
_TOP = 24

# What a chart is drawn from: the template knows its keys.
Drawing = dict[str, Any]


def forest(verdict: GateVerdict, margin: float) -> Drawing | None:
    """Intervals below each other, on one scale: all questions, the earlier and the new ones, and every slice
    that counts. Each row is a line from ``x1`` to ``x2`` and a dot at ``x``; no change lies at ``zero``."""
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
        {
            "label": label,
            "interval": one,
            "y": _TOP + number * _ROW + _ROW / 2,
            "x1": place(one.low),
            "x": place(one.estimate),
            "x2": place(one.high),
        }
        for number, (label, one) in enumerate(found)
    ]
    step = next((size for size in (0.02, 0.05, 0.1, 0.2) if (high - low) / size <= 9), 0.5)
    first = int(low / step) - 1
    ticks = [
        (place(number * step), f"{number * step:+.2f}" if number else "0")
        for number in range(first, int(high / step) + 2)
        if low <= number * step <= high
    ]
    return {
        "rows": rows,
        "height": _TOP + len(rows) * _ROW + 26,
        "zero": place(0.0),
        "margin": place(-margin),
        "ticks": ticks,
    }


def dimension_bars(found: ComparedSet, metric: str) -> Drawing:
    """One group of bars per Matryoshka dimension: base, served, candidate."""
    values = {
        (size, side): scores.metrics[metric] for side in SIDES for size, scores in found.side(side).items()
    }
    sizes = sorted({size for size, _ in values}, reverse=True)
    best = max(values.values(), default=0.0) or 1.0
    top, tall = 18.0, 170.0
    group = WIDTH / max(1, len(sizes))
    wide = min(52.0, group / 4)
    bars, labels = [], []
    for number, size in enumerate(sizes):
        start = number * group + (group - 3.3 * wide) / 2
        for place, side in enumerate(SIDES):
            value = values.get((size, side))
            if value is None:
                continue
            height = round(value / best * tall, 1)
            bar = _bar(round(start + place * 1.1 * wide, 1), top + tall - height, wide, height)
            title = f"{side}, {size} dimensions: {metric} {value:.4f}"
            bars.append({**bar, "kind": side, "title": title, "value": f"{value:.3f}"})
        labels.append((number * group + group / 2, top + tall + 20, f"{size} dimensions"))
    return {"bars": bars, "labels": labels, "height": top + tall + 32, "baseline": top + tall}


def question_bars(changes: Sequence[tuple[float, str]]) -> Drawing:
    """(change, text) of every question, from the largest gain to the largest loss."""
    ordered = sorted(changes, key=lambda one: -one[0])
    tall = 90.0
    most = max((abs(change) for change, _ in ordered), default=0.0) or 1.0
    wide = WIDTH / max(1, len(ordered))
    bars = []
    for number, (change, text) in enumerate(ordered):
        height = round(abs(change) / most * tall, 1)
        if height > 0:
            top, kind = (tall - height, "gain") if change > 0 else (tall, "loss")
            bar = _bar(round(number * wide, 2), top, round(max(0.6, wide - 0.6), 2), height)
            bars.append({**bar, "kind": kind, "title": f"{change:+.3f} {text}"})
    return {"bars": bars, "height": 2 * tall, "baseline": tall}


def _bar(x: float, y: float, width: float, height: float) -> Drawing:
    return {"x": x, "y": y, "width": width, "height": height}


def shares(counts: Mapping[str, float]) -> list[tuple[str, float, float]]:
    """(label, value, per cent of the largest) for bars that CSS draws."""
    most = max(counts.values(), default=0.0) or 1.0
    return [(label, value, round(100 * value / most, 1)) for label, value in counts.items()]
