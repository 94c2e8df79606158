"""How far a run at work is, and how long it will take."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median

from curation import Home
from dashboards.data.runs import RunRow
from dashboards.wording import aware
from training import STEPS, RunStore, TaskProgress, read_progress_of


@dataclass(frozen=True)
class AtWork:
    """``step`` is the number of the step from 1, ``task`` what it is at. ``seconds_left`` is None where
    nothing tells."""

    row: RunRow
    step: int
    task: TaskProgress | None
    seconds_left: float | None


def at_work(home: Home, row: RunRow, others: Sequence[RunRow], now: datetime) -> AtWork:
    """Of ``row``, a run at work. ``others`` are earlier runs: their steps took what these will take."""
    current = row.current
    task = read_progress_of(RunStore(home).folder(row.id))
    if current is None or task is None or aware(task.at) < aware(current.started):
        task = None  # of the step before
    step = STEPS.index(current.name) + 1 if current and current.name in STEPS else len(row.steps)
    return AtWork(row, step, task, _left(row, others, task, now))


def _left(row: RunRow, others: Sequence[RunRow], task: TaskProgress | None, now: datetime) -> float | None:
    current = row.current
    if current is None:
        return None
    usual = {name: _usual(name, others) for name in STEPS}
    # A run that trains nothing leaves steps out, so what stands before this one is done or never comes.
    later = [usual[name] for name in STEPS[STEPS.index(current.name) + 1 :]] if current.name in STEPS else []
    spent = max(0.0, (now - aware(current.started)).total_seconds())
    here = usual.get(current.name)
    rest = None if here is None else max(0.0, here - spent)
    if task is not None and task.share:
        taken = max(0.0, (aware(task.at) - aware(task.started)).total_seconds())
        rest = max(rest or 0.0, taken / task.share - taken)
    return None if rest is None else rest + sum(seconds for seconds in later if seconds is not None)


def _usual(step: str, runs: Sequence[RunRow]) -> float | None:
    found = [one.seconds for run in runs for one in run.steps if one.name == step and one.status != "running"]
    return median(found) if found else None
