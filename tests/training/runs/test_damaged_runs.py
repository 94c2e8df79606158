"""A run that was interrupted and can't be gone on with, since what it wrote is damaged or of another version."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

import pytest

from clayloop import WatchSettings, look
from curation import SILENT, Advance, Corpus, Home
from serving import ReleaseStore
from tests.training import rounds
from tests.training.test_ending import CHUNKS, DECISIONS, _retrain, _settings
from training.ledger.news import run_inputs
from training.prepare.selection import Selection
from training.runs.run import RunStore


@pytest.fixture(scope="module")
def interrupted(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a run that was stopped while it trained."""
    home = rounds.bootstrapped(tmp_path_factory.mktemp("interrupted") / "home", tiny_model, CHUNKS)

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.fit.tuning.fit", stop)
        with pytest.raises(KeyboardInterrupt):
            _retrain(home, tiny_model)
    return home


@pytest.fixture
def home(interrupted: Home, tmp_path: Path) -> Home:
    shutil.copytree(interrupted.root, tmp_path / "home")
    return Home(tmp_path / "home")


class Told:
    """Progress that remembers what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def task(
        self, description: str, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Advance]:
        return SILENT.task(description, total, unit)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _scribble(path: Path) -> None:
    """As many bytes as before, and no record any more."""
    content = path.read_bytes()
    path.write_bytes(b"\0" * 8 + content[8:])


@pytest.mark.parametrize("status", ["running", "failed"])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("read/decisions.jsonl", _cut),
        ("read/decisions.jsonl", _scribble),
        ("split/train.jsonl", _scribble),
        ("dedup/groups.json", Path.unlink),
        ("read", shutil.rmtree),
    ],
)
def test_a_damaged_run_is_given_up_and_a_new_one_made(
    home: Home,
    tiny_model: Path,
    name: str,
    damage: Callable[[Path], None],
    status: Literal["running", "failed"],
) -> None:
    runs = RunStore(home)
    run = runs.open(runs.list()[0])
    run.record.status = status
    run.save()
    damage(run.folder / name)
    told = Told()
    summary = _retrain(home, tiny_model, told)
    assert (summary.outcome, summary.resumed) == ("promoted", False)
    assert summary.decisions["total"] == len(DECISIONS)
    assert [record.status for record in runs.list()] == ["finished", "abandoned"]
    (given_up,) = [line for line in told.lines if line.startswith(f"Giving up run {run.id}: ")]
    assert name.partition("/")[0] in given_up, "it says what is damaged"
    assert ReleaseStore(home).current_id() == summary.release_after


def test_a_run_of_another_version_is_given_up_instead_of_misread(home: Home, tiny_model: Path) -> None:
    runs = RunStore(home)
    run = runs.open(runs.list()[0])
    run.record.inputs = run.record.inputs.model_copy(update={"format": 0})
    run.save()
    summary = _retrain(home, tiny_model)
    assert (summary.outcome, summary.resumed) == ("promoted", False)
    abandoned = runs.get(run.id)
    assert (abandoned.status, abandoned.verdict) == (
        "abandoned",
        "changed since it was interrupted: the version of clayloop",
    )


def test_what_a_finished_run_of_another_version_has_tried_is_not_tried_again(
    home: Home, tiny_model: Path
) -> None:
    runs, served = RunStore(home), ReleaseStore(home).current().id
    runs.abandon(runs.list()[0], "for this test")
    documents, serving = Corpus(documents=[], chunks=CHUNKS), rounds.serving(tiny_model)
    inputs = run_inputs(DECISIONS, documents, _settings(), serving, served, Selection())
    run = runs.create(inputs.model_copy(update={"format": 0}), served)
    run.step("read", lambda folder: "", SILENT)
    run.finish("rejected", "It was worse.", None)
    assert _retrain(home, tiny_model).outcome == "nothing-new"
    now = datetime.now(timezone.utc)
    found = look(home, documents, _settings(), serving, WatchSettings(), DECISIONS, "", now)
    assert found.why == ""
