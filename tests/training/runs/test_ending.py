"""Interrupted at the very end, or raced there: what is said is what is served."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Literal

import pytest

from curation import Corpus, Home, StateError
from serving import ReleaseStore, reindex
from tests.training import rounds
from tests.training.material import triplet
from tests.training.runs.loop import (
    CHUNKS,
    DECISIONS,
    before_a_run_promotes,
    full_disk,
    retrain,
    stop,
)
from training.report.text import render_summary
from training.runs.run import Run, RunStore


@pytest.fixture(scope="module")
def unclosed(bootstrapped: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home where a run has promoted its release and then could not write its record."""
    home = rounds.copied(bootstrapped, tmp_path_factory.mktemp("unclosed") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "finish", full_disk)
        with pytest.raises(StateError, match="disk is full"):
            retrain(home, tiny_model)
    return home


@pytest.fixture
def home(unclosed: Home, tmp_path: Path) -> Home:
    return rounds.copied(unclosed, tmp_path / "home")


def test_the_next_retrain_closes_a_run_that_had_promoted(home: Home, tiny_model: Path) -> None:
    store = ReleaseStore(home)
    old, new = store.ids()
    summary = retrain(home, tiny_model)
    assert (summary.outcome, summary.release_after, store.current_id()) == ("promoted", new, new)
    (run,) = RunStore(home).list()
    assert (run.status, run.outcome, run.release_after, run.release_before) == (
        "finished",
        "promoted",
        new,
        old,
    )


@pytest.mark.parametrize("recorded", [True, False], ids=["step finished", "step interrupted"])
def test_also_when_the_release_before_was_deleted_as_operators_may(
    home: Home, tiny_model: Path, recorded: bool
) -> None:
    store, runs = ReleaseStore(home), RunStore(home)
    old, new = store.ids()
    if not recorded:
        run = runs.open(runs.list()[0])
        step = run.record.step("publish")
        assert step is not None
        step.status = run.record.status = "failed"
        run.save()
        shutil.rmtree(run.folder / "publish")
    shutil.rmtree(store.folder(old))
    assert retrain(home, tiny_model).outcome == "nothing-new"
    (closed,) = runs.list()
    assert (closed.status, closed.outcome, closed.release_after) == ("finished", "promoted", new)
    assert closed.verdict
    assert not (runs.folder(closed.id) / "fit").exists()
    assert retrain(home, tiny_model).outcome == "nothing-new"
    assert store.current_id() == new


def test_what_was_promoted_since_is_not_said_to_be_replaced(home: Home, tiny_model: Path) -> None:
    store = ReleaseStore(home)
    old, new = store.ids()
    store.promote(old)
    summary = retrain(home, tiny_model)
    assert (summary.outcome, summary.release_after) == ("nothing-new", None)
    assert f"Promoted as {new}, but somebody has promoted {old} since." in summary.verdict
    (closed,) = RunStore(home).list()
    assert (closed.status, closed.outcome, closed.release_after) == ("finished", "rejected", None)
    assert "Served now" not in render_summary(summary)
    assert store.current_id() == old
    assert retrain(home, tiny_model).outcome == "nothing-new", "the rollback stays"
    assert store.current_id() == old


def test_a_promotion_right_before_its_own_is_left_alone(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "raced")
    store = ReleaseStore(home)
    other = store.current_id() or ""
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    assert reindex(home, fewer, rounds.serving(tiny_model)) is not None
    compared = store.current_id()
    before_a_run_promotes(monkeypatch, lambda: store.promote(other))
    summary = retrain(home, tiny_model)
    kept = store.ids()[-1]
    assert (summary.outcome, summary.release_after) == ("rejected", None)
    assert summary.verdict == (
        f"Not promoted: somebody promoted {other} while this run compared with {compared}. "
        f"The candidate is kept as {kept}."
    )
    assert store.current_id() == other
    assert store.verify(kept).run_id == summary.run
    assert RunStore(home).get(summary.run or "").overtaken, "what it read counts as new again"


def test_a_release_deleted_before_its_promotion_is_published_again(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "deleted")
    store = ReleaseStore(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseStore, "promote", full_disk)
        with pytest.raises(StateError, match="disk is full"):
            retrain(home, tiny_model)
    shutil.rmtree(store.folder(store.ids()[-1]))
    summary = retrain(home, tiny_model)
    assert (summary.outcome, summary.release_after) == ("promoted", store.current_id())
    assert summary.resumed


def test_stopped_by_ctrl_c_it_goes_on_even_if_somebody_answers_meanwhile(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "stopped")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.runs.steps.train_candidate", stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(home, tiny_model)
    (stopped,) = RunStore(home).list()
    summary = retrain(home, tiny_model, decisions=[*DECISIONS, triplet(CHUNKS[5], "One more question")])
    assert (summary.outcome, summary.run, summary.resumed) == ("promoted", stopped.id, True)
    assert summary.decisions["total"] == len(DECISIONS)


@pytest.mark.parametrize("status", ["finished", "abandoned"])
def test_what_a_kill_left_of_a_closed_run_is_removed_by_the_nextretrain(
    home: Home, tiny_model: Path, status: Literal["finished", "abandoned"]
) -> None:
    assert retrain(home, tiny_model).outcome == "promoted"
    (record,) = RunStore(home).list()
    run = RunStore(home).open(record)
    run.record.status = status
    run.save()
    kept = sorted(path.name for path in run.folder.iterdir() if path.is_dir())
    for heavy in ("fit/model", "index"):
        (run.folder / heavy).mkdir(parents=True, exist_ok=True)
        (run.folder / heavy / "weights").write_text("heavy")
    retrain(home, tiny_model)
    left = sorted(path.name for path in run.folder.iterdir() if path.is_dir())
    assert left == (kept if status == "finished" else [])
    assert not (run.folder / "fit").exists()
    assert (run.folder / "run.log").exists()
