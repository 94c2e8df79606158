"""What the demo says about itself, whichever way it went."""

from __future__ import annotations

import pytest

from clayloop.demo.report import DemoReport, asked_again
from clayloop.demo.summary import print_report
from clayloop.demo.visitors import Found


def found(places: dict[str, int], release: str = "r1") -> list[Found]:
    return [
        Found(need=need, question=f"how does {need} work?", release=release, sources=("a.md",), right=right)
        for need, right in places.items()
    ]


BEFORE = found({"d01": 0, "d02": 1, "d03": 3, "d04": 2})
AFTER = found({"d01": 1, "d02": 1, "d03": 0, "d04": 2}, "r2")


def test_shares_are_counted_for_annotated_needs_and_for_others() -> None:
    gains = asked_again(BEFORE, AFTER, {"d01", "d02"})
    assert gains is not None
    assert gains.model_dump(mode="json") == {
        "annotated": {"needs": 2, "right_first": [0.5, 1.0], "right_among": [0.5, 1.0]},
        "others": {"needs": 2, "right_first": [0.0, 0.0], "right_among": [1.0, 0.5]},
    }
    assert asked_again([], [], set()) is None
    assert asked_again(BEFORE[:1], AFTER[:1], {"d01"}) is None, "one half only compares nothing"


def test_the_table_shows_gains_and_losses(capsys: pytest.CaptureFixture[str]) -> None:
    report = DemoReport(source="docs", release_before="r1", release_after="r2", verdict="promoted")
    report.before, report.after = BEFORE, AFTER
    report.asked_again = asked_again(BEFORE, AFTER, {"d01", "d02"})
    print_report(report)
    said = capsys.readouterr().out
    rows = [" ".join(line.replace("│", " ").split()) for line in said.splitlines()]
    assert "annotated 1 → 2 of 2 1 → 2 of 2" in rows
    assert "not annotated 0 → 0 of 2 2 → 1 of 2" in rows
    assert "how does d01 work? - 1" in rows
    assert "how does d03 work? 3 -" in rows, "what got worse is shown too"
    assert "d02" not in said, "what stayed is not"
    assert "nothing could change" not in said


def test_a_round_that_promoted_nothing_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    report = DemoReport(source="docs", release_before="r1", release_after="r1", verdict="rejected")
    report.reason = "not promoted: worse by 0.01"
    report.before = report.after = BEFORE
    report.asked_again = asked_again(BEFORE, BEFORE, {"d01", "d02"})
    print_report(report)
    said = capsys.readouterr().out
    assert "still serves the release from before (rejected)" in said
    assert "not promoted: worse by 0.01" in said
    assert "1 → 1 of 2" in said
