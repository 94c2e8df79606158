"""Two machines retrain in one state folder, one of them stalled in the middle.

Stand-in: the second machine is this process, under another machine's name, so that it does not see the first
one's file lock.
"""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from curation import BusyError, Corpus, Decision, Home
from serving import ReleaseStore
from tests.training.child import Child
from tests.training.material import accepted_triplets, make_chunks, serving, settings
from training.report.text import RetrainSummary
from training.retrain import retrain_from_annotations
from training.runs.run import RUN_FILE, RunStore

PATIENCE = 300.0


@pytest.mark.slow
def test_who_stalls_loses_its_turn_and_changes_nothing_when_it_wakes_up(
    served_home: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decisions = tmp_path / "decisions.json"
    found = accepted_triplets(make_chunks())
    decisions.write_bytes(TypeAdapter(list[Decision]).dump_json(found))
    stalled = Child(served_home, decisions, killed_at=("publish", "begun"), by=signal.SIGSTOP)
    try:
        _until_stopped(stalled.pid)
        monkeypatch.setattr("training.runs.run.this_machine", lambda: "another machine")
        summary = _retrain(served_home, tiny_model, found)
        assert (summary.outcome, summary.resumed) == ("promoted", True)
        store, runs = ReleaseStore(served_home), RunStore(served_home)
        served = store.current_id()
        record = (runs.folder(summary.run or "") / RUN_FILE).read_bytes()
        os.kill(stalled.pid, signal.SIGCONT)
        code, _, errors = stalled.wait(PATIENCE)
        assert code == BusyError.exit_code, errors
        assert "taken over" in errors
        assert store.current_id() == served == summary.release_after
        assert (runs.folder(summary.run or "") / RUN_FILE).read_bytes() == record
    finally:
        stalled.kill()


def _until_stopped(process: int) -> None:
    end = time.monotonic() + PATIENCE
    while Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        assert time.monotonic() < end
        time.sleep(0.05)


def _retrain(home: Home, model: Path, decisions: list[Decision]) -> RetrainSummary:
    """As soon as the other machine's lease has run out."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            corpus = Corpus([], make_chunks())
            return retrain_from_annotations(home, corpus, settings(), serving(str(model)), lambda: decisions)
        except BusyError:
            assert time.monotonic() < end
            time.sleep(0.1)
