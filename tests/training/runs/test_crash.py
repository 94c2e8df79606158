"""Killed with SIGKILL at every step, on a full disk, and twice at once: what is served stays whole."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from curation import BusyError, Decision, Home, StateError
from serving import INDEX_FOLDER, MODEL_FOLDER, ChunkIndex, ReleaseStore
from tests.training.child import Child
from tests.training.material import accepted_triplets, make_chunks, serving, settings
from training.retrain import retrain_from_annotations
from training.runs.record import RunRecord
from training.runs.run import RunStore

STEPS = (
    *("read", "dedup", "split", "start", "mine"),
    *("fit", "index", "evaluate", "publish", "promote"),
)
PATIENCE = 300.0  # seconds

Vectors = npt.NDArray[np.float32]


@pytest.fixture
def decisions(tmp_path: Path) -> Path:
    path = tmp_path / "decisions.json"
    found = accepted_triplets(make_chunks())
    path.write_bytes(TypeAdapter(list[Decision]).dump_json(found))
    return path


def _newest(home: Home) -> RunRecord | None:
    return next(iter(RunStore(home).list()), None)


def _kill_in(process: Child, home: Home, step: str) -> bool:
    """SIGKILL the process as soon as ``step`` is recorded as started; false when it ended before that."""
    end = time.monotonic() + PATIENCE
    while not process.ended:
        assert time.monotonic() < end, f"step {step} did not start"
        record = _newest(home)
        if record and record.status == "running" and record.step(step):
            process.kill()
            return True
        time.sleep(0.002)
    return False


def _undisturbed(first_home: Home, decisions: Path, folder: Path) -> tuple[bytes, Vectors]:
    """The weights and the vectors that a run gives which nobody kills."""
    shutil.copytree(first_home.root, folder)
    home = Home(folder)
    _, _, errors = Child(home, decisions).wait(PATIENCE)
    assert len(ReleaseStore(home).ids()) == 2, errors
    return _made(home)


def _made(home: Home) -> tuple[bytes, Vectors]:
    """The served release's weights, and its vectors in the order of its chunks' ids."""
    store = ReleaseStore(home)
    folder = store.folder(store.current_id() or "")
    (weights,) = (folder / MODEL_FOLDER).glob("*.safetensors")
    index = ChunkIndex.open(folder / INDEX_FOLDER)
    order = np.argsort([chunk.id for chunk in index.chunks()])
    return weights.read_bytes(), index.vectors()[order]


@pytest.mark.slow
def test_killed_at_every_step_it_is_finished_by_the_next_start(
    served_home: Home, first_home: Home, decisions: Path, tmp_path: Path
) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    killed = []
    for step in STEPS:
        process = Child(served_home, decisions)
        if _kill_in(process, served_home, step):
            killed.append(step)
        for release in store.ids():
            store.verify(release)
        assert store.current_id() in store.ids()
    # The quickest steps may be over before the signal arrives; most must have been hit while they ran or right after.
    assert set(killed) >= {"read", "fit", "index", "evaluate", "publish"}, killed

    code, out, errors = Child(served_home, decisions).wait(PATIENCE)
    assert code == 0, errors
    summary = json.loads(out)
    # The last kill may have come when everything was done but the last note.
    assert summary["outcome"] in ("promoted", "nothing-new")
    finished = [run for run in RunStore(served_home).list() if run.status == "finished"]
    assert [run.outcome for run in finished] == ["promoted"]
    assert len(store.ids()) == 2
    assert store.current_id() == finished[0].release_after != first
    store.verify(store.current_id() or "")
    assert not list(served_home.releases.glob(".staging-*"))
    fits = (RunStore(served_home).folder(finished[0].id) / "run.log").read_text().count("fit: finished in")
    assert fits == 1

    weights, vectors = _undisturbed(first_home, decisions, tmp_path / "undisturbed")
    made, embedded = _made(served_home)
    assert made == weights
    assert embedded.tobytes() == vectors.tobytes()


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_the_run_goes_on_when_there_is_room(
    served_home: Home, decisions: Path
) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    code, _, errors = Child(served_home, decisions, largest=1_000_000).wait(PATIENCE)
    assert code == StateError.exit_code, errors
    assert "StateError" in errors
    assert "space" in errors
    assert (store.current_id(), store.ids()) == (first, [first])
    record = _newest(served_home)
    assert record is not None
    assert record.steps[-1].status == "failed"

    found = TypeAdapter(list[Decision]).validate_json(decisions.read_bytes())
    from curation import Corpus

    summary = retrain_from_annotations(
        served_home, Corpus([], make_chunks()), settings(), serving(), lambda: found
    )
    assert (summary.outcome, summary.run, summary.resumed) == ("promoted", record.id, True)


def test_a_second_retrain_is_refused(served_home: Home, decisions: Path) -> None:
    process = Child(served_home, decisions)
    try:
        end = time.monotonic() + PATIENCE
        while _newest(served_home) is None and time.monotonic() < end:
            assert not process.ended
            time.sleep(0.005)
        record = _newest(served_home)
        assert record is not None
        code, _, errors = Child(served_home, decisions).wait(PATIENCE)
        assert code == BusyError.exit_code, errors
        assert f"process {process.pid}, run {record.id}" in errors
    finally:
        process.kill()
    assert ReleaseStore(served_home).current_id() == ReleaseStore(served_home).ids()[0]
