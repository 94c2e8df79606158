"""Somebody goes back, or indexes anew, around a promotion that a run was killed in: what a person chose stays."""

from __future__ import annotations

import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal

import pytest

from clayloop import WatchSettings, interrupted_run, look
from curation import Corpus, Home, StateError, write_json
from serving import ReleaseStore, reindex
from tests.serving.promoter import POINTS, kill_promotion
from tests.training import rounds
from tests.training.material import triplet
from tests.training.test_ending import CHUNKS, DECISIONS, When, _full_disk, _retrain, _settings
from training.retrain import retrain_from_annotations
from training.runs.run import RunStore


@pytest.fixture(scope="module")
def bootstrapped(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return rounds.bootstrapped(tmp_path_factory.mktemp("bootstrapped") / "home", tiny_model, CHUNKS)


@pytest.fixture(scope="module")
def about_to_promote(bootstrapped: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home where a run was stopped right before it promoted its release."""
    home = Home(tmp_path_factory.mktemp("about") / "home")
    shutil.copytree(bootstrapped.root, home.root)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ReleaseStore, "promote", stop)
        with pytest.raises(KeyboardInterrupt):
            _retrain(home, tiny_model)
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
    shutil.copytree(about_to_promote.root, tmp_path / "killed")
    home = Home(tmp_path / "killed")
    store, runs = ReleaseStore(home), RunStore(home)
    old, new = store.ids()
    run = runs.open(runs.list()[0])
    run.record.process, run.record.status = 2**22 + 1, status
    run.save()
    kill_promotion(home, new, old, run.id, point)
    store.promote(old)
    begun = point in ("after the line", "after the pointer")
    taken_up = interrupted_run(home, _settings())
    assert (taken_up is None) == begun, "the watcher has nothing to finish there"
    if not begun:
        return  # nothing was promoted that anybody could have taken back
    if point == "after the pointer":
        shutil.rmtree(store.folder(new))  # as operators may
    if documents == "same documents":
        # Answers that came since are not what this run is about.
        summary = _retrain(home, tiny_model, decisions=[*DECISIONS, triplet(CHUNKS[5], "One more question")])
        assert (summary.outcome, summary.run, summary.release_after) == ("rejected", run.id, None)
        assert f"somebody has promoted {old} since" in summary.verdict
    else:
        retrain_from_annotations(
            home,
            Corpus(documents=[], chunks=CHUNKS[:-1]),
            _settings().model_copy(update={"min_new": 1000}),
            rounds.serving(tiny_model),
            lambda: list(DECISIONS),
        )
    (closed,) = runs.list()
    assert (closed.status, closed.outcome, closed.release_after) == ("finished", "rejected", None)
    assert f"somebody has promoted {old} since" in closed.verdict
    assert store.current_id() == old
    assert _retrain(home, tiny_model).outcome == "nothing-new"
    assert store.current_id() == old


@pytest.mark.parametrize("point", POINTS)
def test_killed_while_it_promotes_a_run_is_finished_when_nobody_went_back(
    about_to_promote: Home, tiny_model: Path, tmp_path: Path, point: str
) -> None:
    shutil.copytree(about_to_promote.root, tmp_path / "killed")
    home = Home(tmp_path / "killed")
    store = ReleaseStore(home)
    old, new = store.ids()
    run = RunStore(home).list()[0]
    kill_promotion(home, new, old, run.id, point)
    summary = _retrain(home, tiny_model)
    assert (summary.outcome, summary.run, summary.release_after) == ("promoted", run.id, new)
    assert (store.ids(), store.current_id()) == ([old, new], new)
    assert [(line.release, line.by) for line in store.promotions.lines()][1:] == [(new, run.id)]


def test_a_disk_that_fills_after_the_promotion_does_not_undo_a_rollback(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(bootstrapped.root, tmp_path / "full")
    home = Home(tmp_path / "full")
    store = ReleaseStore(home)
    old = store.current_id() or ""

    def full(path: Path, *arguments: Any) -> None:
        if path.name == "promoted.json":
            _full_disk()
        write_json(path, *arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.runs.publishing.write_json", full)
        with pytest.raises(StateError, match="disk is full"):
            _retrain(home, tiny_model)
    assert store.current_id() != old
    store.promote(old)
    summary = _retrain(home, tiny_model)
    assert (summary.outcome, store.current_id()) == ("rejected", old)
    assert _retrain(home, tiny_model).outcome == "nothing-new", "the rollback stays"


def test_what_a_run_read_while_somebody_indexed_anew_is_learned_after_all(
    bootstrapped: Home, tiny_model: Path, tmp_path: Path
) -> None:
    shutil.copytree(bootstrapped.root, tmp_path / "raced")
    home, serving = Home(tmp_path / "raced"), rounds.serving(tiny_model)
    fewer = Corpus(documents=[], chunks=CHUNKS[:-1])
    summary = _retrain(home, tiny_model, When("publish", lambda: reindex(home, fewer, serving)))
    assert (summary.outcome, summary.release_after) == ("rejected", None)
    now = datetime.now(timezone.utc)
    found = look(home, fewer, _settings(), serving, WatchSettings(), DECISIONS, "", now)
    assert found.why.startswith(f"{len(DECISIONS)} new decisions were accepted")
    again = retrain_from_annotations(home, fewer, _settings(), serving, lambda: list(DECISIONS))
    assert (again.outcome, again.release_after) == ("promoted", ReleaseStore(home).current_id())
