"""What the page is made of, read from folders that the other rooms wrote, whole and damaged."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from curation import AnnotatorProgress, ClayloopError, DatasetProgress, Home, write_json
from dashboards.data.commands import dry_run
from dashboards.data.frames import (
    annotator_frame,
    dimension_frame,
    guard_frame,
    run_frame,
    score_frame,
    step_frame,
)
from dashboards.data.loop_tables import dry_run_table
from dashboards.data.releases import read_releases
from dashboards.data.runs import read_runs
from dashboards.data.services import read_services
from tests.dashboards.state import add_release, add_run, evaluation, gate, kill, told
from training import Preview

EVALUATION = {
    "release_before": "r0001-00000000",
    "holdout": [{"id": "q1"}, {"id": "q2"}],
    "served": {
        "384": {"metrics": {"ndcg@10": 0.6, "mrr@10": 0.5, "recall@10": 0.7}, "questions": {}},
        "64": {"metrics": {"ndcg@10": 0.5}, "questions": {}},
    },
    "candidate": {
        "64": {"metrics": {"ndcg@10": 0.63}, "questions": {}},
        "384": {"metrics": {"ndcg@10": 0.7, "mrr@10": 0.65, "recall@10": 0.8}, "questions": {}},
    },
}
SCORES = {"ndcg@10": 0.7, "mrr@10": 0.65, "recall@10": 0.8, "recall@1": 0.5}


def test_an_empty_home_has_nothing_and_stays_empty(home: Home) -> None:
    assert not read_releases(home).rows
    assert read_releases(home).served is None
    assert not read_runs(home, 5).rows
    assert read_services(home) == {}
    assert not home.root.exists()


def test_releases_come_oldest_first_with_the_served_one_marked(home: Home) -> None:
    first = add_release(home)
    second = add_release(home, metrics=SCORES, trained_on={"examples": 300})
    third = add_release(home, metrics=SCORES, promote=False)
    view = read_releases(home)
    assert [row.id for row in view.rows] == [first.id, second.id, third.id]
    assert [row.served for row in view.rows] == [False, True, False]
    assert view.served is not None and view.served.examples == 300
    assert view.served.release.parent == first.id
    assert view.served.before("ndcg@10") is None


def test_the_evaluation_compares_with_the_release_before_on_the_same_questions(home: Home) -> None:
    first = add_release(home)
    add_release(home, metrics=SCORES, evaluation=EVALUATION)
    base, served = read_releases(home).rows
    assert served.before("ndcg@10") == 0.6 and served.evaluation.questions == 2
    assert base.id == first.id and base.metrics["ndcg@10"] == 0.6
    table = dimension_frame(served)
    assert table["Dimension"].tolist() == [384, 64]
    assert table["NDCG@10"].tolist() == [0.7, 0.63]
    assert table["Keeps"].tolist() == pytest.approx([100, 90])


def test_a_run_that_asked_nothing_gives_no_release_a_figure(home: Home) -> None:
    add_release(home)
    add_release(home, evaluation=evaluation(0.0, 0.0, questions=0))
    assert [dict(row.metrics) for row in read_releases(home).rows] == [{}, {}]


@pytest.mark.parametrize("content", ["{", "[]", '{"candidate": {"x": 1}}', '{"served": 3}'])
def test_a_damaged_evaluation_costs_the_details_only(home: Home, content: str) -> None:
    release = add_release(home, metrics=SCORES, evaluation=EVALUATION)
    (home.releases / release.id / "evaluation.json").write_text(content)
    view = read_releases(home)
    assert "evaluation.json" in view.damaged[release.id].message
    assert view.served is not None and view.served.metrics["ndcg@10"] == 0.7
    assert dimension_frame(view.served).empty


def test_one_damaged_release_does_not_hide_the_others(home: Home) -> None:
    broken = add_release(home)
    whole = add_release(home)
    (home.releases / broken.id / "release.json").write_text("{")
    view = read_releases(home)
    assert [row.id for row in view.rows] == [whole.id]
    assert "release.json" in view.damaged[broken.id].message


@pytest.mark.parametrize("pointer", ["../../etc", "", "\x00", "r0099-00000000"])
def test_a_broken_pointer_is_told(home: Home, pointer: str) -> None:
    add_release(home)
    (home.releases / "current").write_text(pointer)
    view = read_releases(home)
    assert view.served is None and view.pointer is not None
    assert len(view.rows) == 1


def test_the_chart_has_the_three_metrics_of_each_release(home: Home) -> None:
    add_release(home, metrics=SCORES)
    table = score_frame(read_releases(home).rows)
    assert table["metric"].tolist() == ["NDCG@10", "MRR@10", "Recall@10"]
    assert table["served"].all()


def test_a_run_shows_how_sure_its_verdict_was(home: Home) -> None:
    judged, damaged, _ = (add_run(home, number=number) for number in (1, 2, 3))
    write_json(judged.folder / "judge" / "gate.json", gate())
    (judged.folder / "report.html").write_text("<p>")
    write_json(damaged.folder / "judge" / "gate.json", {**gate(), "interval": {"low": "x"}})
    rows = {row.id: row for row in read_runs(home, 5).rows}
    assert len(rows) == 3 and rows[damaged.id].gate is None
    row = rows[judged.id]
    assert row.gate is not None and row.change == "+0.050 [+0.010, +0.090]"
    assert row.report == judged.folder / "report.html"
    assert run_frame([row])["Change"].tolist() == ["+0.050 [+0.010, +0.090]"]
    assert guard_frame(row.gate.guards)["Holds"].tolist() == ["✗ failed", "✓"]


def test_runs_come_newest_first_and_damaged_ones_are_named(home: Home) -> None:
    old, new, broken = (add_run(home, number=number) for number in (1, 2, 3))
    (broken.folder / "run.json").write_text('{"id": 1}')
    (home.runs / "not-a-run").mkdir()
    view = read_runs(home, 5)
    assert {row.id for row in view.rows} == {old.id, new.id}
    assert list(view.damaged) == [broken.id]
    assert len(read_runs(home, 1).rows) + len(read_runs(home, 1).damaged) == 1


def test_a_run_at_work_tells_its_step_and_a_killed_one_is_no_longer_running(home: Home) -> None:
    run = add_run(home, outcome=None)
    (row,) = read_runs(home, 5).rows
    assert row.running and row.current is not None and row.current.name == "evaluate"
    assert row.seconds == pytest.approx(5 * 12.5)
    kill(run)
    (row,) = read_runs(home, 5).rows
    assert row.outcome == "interrupted" and not row.running


def test_a_run_whose_number_went_to_a_later_process_is_interrupted(home: Home) -> None:
    run = add_run(home, outcome=None)
    path = run.folder / "run.json"
    record = json.loads(path.read_text())
    for moment in (record, *record["steps"]):
        for key in ("created_at", "started"):
            if key in moment:
                moment[key] = "2020-01-01T00:00:00Z"
    path.write_text(json.dumps(record))
    assert read_runs(home, 5).rows[0].outcome == "interrupted"


def test_runs_and_steps_as_tables(home: Home) -> None:
    add_run(home, "rejected", release_after=None)
    (row,) = read_runs(home, 5).rows
    table = run_frame([row]).iloc[0]
    assert table["Outcome"] == "✗ rejected" and table["Duration"] == "1 min 15 s" and table["Release"] == "–"
    steps = step_frame(row.steps)
    assert steps["Peak memory"].tolist() == ["850 MB"] * 6


def test_progress_of_annotators() -> None:
    people = (
        AnnotatorProgress(username="simulated-annotator", submitted=30),
        AnnotatorProgress(username="<script>\n", submitted=10, draft=2, discarded=1),
    )
    progress = DatasetProgress(
        dataset="chunks", name="c", total=40, completed=30, pending=10, annotators=people
    )
    missing = DatasetProgress(dataset="triplets", name="t", exists=False, annotators=people)
    table = annotator_frame([progress, missing])
    assert table["Kind"].tolist() == ["simulated", "person"]
    assert table["Annotator"].tolist() == ["simulated-annotator", "<script>"]
    assert table["Share"].tolist() == [75, 25]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ('{"argilla": "http://127.0.0.1:6900", "bot": "https://example.org/x"}', {"argilla", "bot"}),
        ('{"argilla": "javascript:alert(1)", "bot": "http://", "model": 7, "x": "http://["}', set()),
        ("[1]", set()),
        ("{", set()),
    ],
)
def test_only_web_addresses_become_links(home: Home, content: str, kept: set[str]) -> None:
    home.root.mkdir()
    home.services.write_text(content)
    assert set(read_services(home)) == kept


def test_a_folder_in_place_of_a_file_is_no_reason_to_fail(home: Home) -> None:
    home.services.mkdir(parents=True)
    run = add_run(home)
    Path(run.folder / "run.json").unlink()
    Path(run.folder / "run.json").mkdir()
    assert read_services(home) == {}
    assert not read_runs(home, 5).rows


def test_a_dry_run_is_what_the_command_line_says(home: Home) -> None:
    plan = Preview(
        would_train=True,
        verdict="Would train.",
        release_before="r0001-00000000",
        new=3,
        withdrawn=0,
        fates={"train": 2, "unused": 1},
        reasons={"unused": {"undecided": 1}},
    )
    script = f"print({plan.model_dump_json()!r})"
    (found,) = dry_run(told(home).model_copy(update={"command": (sys.executable, "-c", script)}))
    assert found == plan
    table = dry_run_table(found)
    assert table["Decisions"].tolist() == [2, 1]
    assert table["Because"].tolist() == ["", "undecided"]
    broken = told(home).model_copy(update={"command": (sys.executable, "-c", "raise SystemExit('no')")})
    with pytest.raises(ClayloopError, match="exit code 1: no"):
        dry_run(broken)
