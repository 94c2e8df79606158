"""How far a run at work is, and how long it will take."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from curation import Home, write_json
from dashboards.data.progress import at_work
from dashboards.data.runs import RunRow
from training import StepRecord

NOW = datetime(2026, 11, 30, 12, 0, tzinfo=timezone.utc)
RUN = "20261130-120000-abcdef"


def earlier(**seconds: float) -> RunRow:
    """A run that ended, with what its steps took."""
    steps = [
        StepRecord(name=name, status="finished", started=NOW, seconds=taken)
        for name, taken in seconds.items()
    ]
    return RunRow("20261129-120000-abcdef", NOW - timedelta(days=1), "promoted", steps=steps)


def fitting(since: float) -> RunRow:
    """A run that has trained for so many seconds."""
    started = NOW - timedelta(seconds=since)
    steps = [
        StepRecord(name="prepare", status="finished", started=started, seconds=5.0),
        StepRecord(name="fit", status="running", started=started),
    ]
    return RunRow(RUN, started, "running", steps=steps)


def note(home: Home, done: int, total: int, began: float, at: float = 0.0) -> None:
    told = {"what": "Training", "done": done, "total": total, "unit": "examples"}
    times = {"started": NOW - timedelta(seconds=began), "at": NOW - timedelta(seconds=at)}
    write_json(home.runs / RUN / "progress.json", {**told, **times})


def test_time_left_is_what_the_share_says_and_what_later_steps_usually_take(home: Home) -> None:
    others = [earlier(prepare=5, fit=60, index=20, judge=30, publish=10)]
    found = at_work(home, fitting(since=40), others, NOW)
    assert (found.step, found.task, found.seconds_left) == (2, None, 20 + 60)
    note(home, done=10, total=40, began=40)
    found = at_work(home, fitting(since=40), others, NOW)
    assert found.task is not None and found.task.share == 0.25
    assert found.seconds_left == pytest.approx(3 * 40 + 60)


def test_nothing_is_made_up(home: Home) -> None:
    assert at_work(home, fitting(since=40), [], NOW).seconds_left is None
    note(home, done=10, total=40, began=100, at=90)
    assert at_work(home, fitting(since=40), [], NOW).task is None, "it is of the step before"
    (home.runs / RUN / "progress.json").write_text("{")
    assert at_work(home, fitting(since=40), [], NOW).task is None


def test_a_clock_that_was_set_back_gives_no_negative_time(home: Home) -> None:
    note(home, done=10, total=40, began=-50, at=-40)
    found = at_work(home, fitting(since=-100), [earlier(fit=60)], NOW)
    assert found.seconds_left is not None and 0 <= found.seconds_left <= 60


def test_steps_that_a_run_left_out_do_not_come_any_more(home: Home) -> None:
    judging = RunRow(
        RUN,
        NOW,
        "running",
        steps=[
            StepRecord(name="prepare", status="finished", started=NOW, seconds=5.0),
            StepRecord(name="judge", status="running", started=NOW),
        ],
    )
    others = [earlier(prepare=5, fit=600, index=20, judge=30, publish=10)]
    assert at_work(home, judging, others, NOW).seconds_left == 30 + 10
