"""A run that was interrupted and can't be gone on with, since what it wrote is damaged."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from curation import Home
from serving import ReleaseStore
from tests.training import rounds
from tests.training.runs.loop import DECISIONS, Told, retrain
from training.runs.run import RunStore


@pytest.fixture(scope="module")
def interrupted(bootstrapped: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home with a run that was stopped while it trained."""
    home = rounds.copied(bootstrapped, tmp_path_factory.mktemp("interrupted") / "home")

    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.runs.steps.train_candidate", stop)
        with pytest.raises(KeyboardInterrupt):
            retrain(home, tiny_model)
    return home


@pytest.fixture
def home(interrupted: Home, tmp_path: Path) -> Home:
    return rounds.copied(interrupted, tmp_path / "home")


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:1000])


def _scribble(path: Path) -> None:
    """As many bytes as before, and nothing in them."""
    path.write_bytes(bytes(path.stat().st_size))


@pytest.mark.parametrize("status", ["running", "failed"])
@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("prepare/ledger.parquet", _cut),
        ("prepare/ledger.parquet", _scribble),
        ("prepare/groups.json", _scribble),
        ("prepare/groups.json", Path.unlink),
        ("prepare", shutil.rmtree),
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
    summary = retrain(home, tiny_model, told)
    assert (summary.outcome, summary.resumed) == ("promoted", False)
    assert summary.decisions["total"] == len(DECISIONS)
    assert [record.status for record in runs.list()] == ["finished", "abandoned"]
    (given_up,) = [line for line in told.lines if line.startswith(f"Giving up run {run.id}: ")]
    assert name.partition("/")[0] in given_up, "it says what is damaged"
    assert ReleaseStore(home).current_id() == summary.release_after
