"""Somebody goes back, or indexes anew, around a promotion that a run was killed in."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import pytest

from curation import SILENT, Corpus, Home, StateError
from serving import ReleaseStore, reindex
from tests.serving.promoter import POINTS, kill_promotion
from tests.training import rounds
from tests.training.runs.loop import (
    CHUNKS,
    CORPUS,
    DECISIONS,
    before_a_run_promotes,
    full_disk,
    quick_settings,
    retrain,
    stop,
)
from training.decide import Choice, Due, is_due
from training.ledger.selection import EVERYTHING, select
from training.prepare.prepared import RunContext
from training.runs.run import Run, RunStore
from training.runs.situation import read_situation


def _watcher(home: Home, model: Path, corpus: Corpus = CORPUS) -> Choice:
    """What a watcher would do now."""
    store = ReleaseStore(home)
    context = RunContext(
        home, corpus, quick_settings(), rounds.serving(model), store, store.current(), SILENT
    )
    found = read_situation(context, select(DECISIONS, EVERYTHING), datetime.now(timezone.utc))
    return is_due(found, Due(min_accepted=20))


@pytest.fixture(scope="module")
def about_to_promote(bootstrapped: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home where a run was stopped right before it promoted its release."""
    home = rounds.copied(bootstrapped, tmp_path_factory.mktemp("about") / "home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseStore, "promote", stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(home, tiny_model)
    return home


@pytest.fixture
def about_to_publish(bootstrapped: Home, tiny_model: Path, tmp_path: Path) -> Home:
    """A home where a run was stopped before it put its release together."""
    home = rounds.copied(bootstrapped, tmp_path / "home")
    with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("training.runs.steps.build_release", stop)
        retrain(home, tiny_model)
    return home


@pytest.mark.parametrize(
    ("point", "status", "documents"),
    [
        ("before the line", "running", "same documents"),
        ("in the line", "running", "same documents"),
        ("after the line", "running", "same documents"),
        ("after the line", "failed", "other documents"),
        ("after the pointer", "failed", "same documents"),
        ("after the pointer", "running", "other documents"),
    ],
)
def test_killed_while_it_promotes_a_run_does_not_undo_a_rollback(
    about_to_promote: Home,
    tiny_model: Path,
    tmp_path: Path,
    point: str,
    status: Literal["running", "failed"],
    documents: str,
) -> None:
    home = rounds.copied(about_to_promote, tmp_path / "killed")
    store, runs = ReleaseStore(home), RunStore(home)
    old, new = store.ids()
    run = runs.open(runs.list()[0])
    run.record.process, run.record.status = 2**22 + 1, status
    run.save()
    kill_promotion(home, new, old, run.id, point)
    store.promote(old)
    begun = point in ("after the line", "after the pointer")
    assert (_watcher(home, tiny_model).what == "resume") != begun, "the watcher has nothing to finish there"
    if not begun:
        return  # nothing was promoted that anybody could have taken back
    if point == "after the pointer":
        shutil.rmtree(store.folder(new))  # as operators may
    corpus = CORPUS if documents == "same documents" else Corpus(documents=[], chunks=CHUNKS[:-1])
    assert _watcher(home, tiny_model, corpus).what == "skip", "nor does it train anew"
    decisions = DECISIONS if documents == "same documents" else []
    summary = retrain(home, tiny_model, decisions=decisions, corpus=corpus)
    assert summary.outcome == "nothing-new"
    (closed,) = runs.list()
    assert (closed.status, closed.outcome, closed.release_after) == ("finished", "rejected", None)
    assert f"somebody has promoted {old} since" in closed.verdict
    assert store.current_id() == old
    assert retrain(home, tiny_model).outcome == "nothing-new"
    assert store.current_id() == old


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_it_promotes_a_run_is_finished_when_nobody_went_back(
    about_to_promote: Home, tiny_model: Path, tmp_path: Path, point: str
) -> None:
    home = rounds.copied(about_to_promote, tmp_path / "killed")
    store = ReleaseStore(home)
    old, new = store.ids()
    run = RunStore(home).list()[0]
    kill_promotion(home, new, old, run.id, point)
    summary = retrain(home, tiny_model)
    assert (summary.outcome, summary.run, summary.release_after) == ("promoted", run.id, new)
    assert (store.ids(), store.current_id()) == ([old, new], new)
    assert [(line.release, line.by) for line in store.promotions.lines()][1:] == [(new, run.id)]


def test_a_disk_that_fills_after_the_promotion_does_not_undo_a_rollback(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    home = rounds.copied(bootstrapped, tmp_path / "full")
    store = ReleaseStore(home)
    old = store.current_id() or ""

    def full(self: Run, name: str, *rest: Any) -> Path:
        folder = step(self, name, *rest)
        return folder if name != "publish" else full_disk()

    step = Run.step
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "step", full)
        with pytest.raises(StateError, match="disk is full"):
            retrain(home, tiny_model)
    assert store.current_id() != old
    store.promote(old)
    summary = retrain(home, tiny_model)
    assert (summary.outcome, store.current_id()) == ("nothing-new", old), "the rollback stays"
    assert f"somebody has promoted {old} since" in RunStore(home).list()[0].verdict


def test_what_a_run_read_while_somebody_indexed_anew_is_learned_after_all(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(bootstrapped.root, tmp_path / "raced")
    home, serving = Home(tmp_path / "raced"), rounds.serving(tiny_model)
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    before_a_run_promotes(monkeypatch, lambda: reindex(home, fewer, serving))
    summary = retrain(home, tiny_model)
    assert (summary.outcome, summary.release_after) == ("rejected", None)
    found = _watcher(home, tiny_model, fewer)
    assert (found.what, found.why[:30]) == (
        "new",
        f"{len(DECISIONS)} accepted decisions wait to be trained on"[:30],
    )
    again = retrain(home, tiny_model, corpus=fewer)
    assert (again.outcome, again.release_after) == ("promoted", ReleaseStore(home).current_id())


def test_what_a_killed_try_left_half_written_is_in_no_release(
    about_to_publish: Home, tiny_model: Path
) -> None:
    """Files are written under another name first, and a kill leaves that."""
    store, run = ReleaseStore(about_to_publish), RunStore(about_to_publish).list()[0]
    staging = store.root / f".staging-{run.id}"
    staging.mkdir(exist_ok=True)
    (staging / ".README.md.a1b2c3d4.part").write_text("half a ca")
    summary = retrain(about_to_publish, tiny_model)
    assert (summary.outcome, summary.resumed) == ("promoted", True)
    assert not [name for name in store.current().files if name.endswith(".part")]
