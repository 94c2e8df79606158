"""A run that is watched, stopped and dropped from outside."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime, timezone
from pathlib import Path

import pytest

from curation import SILENT, BusyError, Home, StateError
from tests.training.runs.test_runs import INPUTS
from training.runs.progress import NotedProgress, read_progress_of
from training.runs.run import RunStore
from training.runs.stopping import drop_run, stop_run

# A retrain that is at its first step for ever, started as the command line starts it.
AT_WORK = """
import signal, sys, time
from pathlib import Path
from clayloop.cli.app import _run
from clayloop.signals import interrupt, on_signals
from curation import SILENT, Home
from tests.training.runs.test_runs import INPUTS
from training.runs.progress import NotedProgress
from training.runs.run import RunStore

def work(folder):
    (folder / "half").write_text("half")
    with NotedProgress(SILENT, folder.parent).task("Training", total=40, unit="examples") as advance:
        advance(10)
        print("at work", flush=True)
        time.sleep(600)

def retrain():
    runs = RunStore(Home(Path(sys.argv[1])))
    with on_signals(interrupt, signal.SIGTERM), runs.exclusive():
        runs.create(INPUTS, None).step("fit", work, SILENT)

_run(retrain)
"""


def test_a_run_is_stopped_once_keeps_what_it_has_and_can_be_dropped(home: Home) -> None:
    before = datetime.now(timezone.utc)
    child = subprocess.Popen(
        [sys.executable, "-c", AT_WORK, str(home.root)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "at work\n"
    runs = RunStore(home)
    (record,) = runs.list()
    with pytest.raises(BusyError):
        drop_run(home, record.id, "ada")
    assert stop_run(home, record.id, "ada")
    assert not stop_run(home, record.id, "bob"), "it ends already"
    assert child.wait(60) == 130
    assert not stop_run(home, record.id, "bob"), "nobody works on it any more"

    (record,) = runs.list()
    assert (record.status, record.is_at_work) == ("running", False)
    folder = runs.folder(record.id)
    assert "ada asked it to stop" in (folder / "run.log").read_text()
    assert not (folder / ".fit.part").exists(), "it cleans up after itself"
    noted = read_progress_of(folder)
    assert noted is not None
    assert (noted.what, noted.total) == ("Training", 40)
    assert before <= noted.started <= noted.at

    drop_run(home, record.id, "bob")
    (record,) = runs.list()
    assert (record.status, record.verdict) == ("abandoned", "bob dropped it")
    with pytest.raises(StateError, match="is over"):
        drop_run(home, record.id, "ada")


def test_progress_is_a_share_and_a_disk_that_is_gone_costs_nothing(tmp_path: Path) -> None:
    noted = NotedProgress(SILENT, tmp_path)
    with noted.task("Embedding", total=4) as advance:
        found = read_progress_of(tmp_path)
        assert found is not None
        assert found.share == 0.0
        advance(2)
    (tmp_path / "progress.json").write_text("half a li")
    assert read_progress_of(tmp_path) is None
    with NotedProgress(SILENT, tmp_path / "progress.json").task("Nowhere") as advance:
        advance(1)


def test_only_what_is_there_can_be_stopped(home: Home) -> None:
    run = RunStore(home).create(INPUTS, None)
    run.finish("rejected", "worse", None)
    assert not stop_run(home, run.id, "ada")
    with pytest.raises(StateError):
        stop_run(home, "20200101-000000-abcdef", "ada")
