"""Killed with SIGKILL at every step, on a full disk, and twice at once: what is served stays whole."""

from __future__ import annotations

import json
import shutil
import signal
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from pydantic import TypeAdapter

from curation import BusyError, Corpus, Decision, Home, StateError
from serving import INDEX_FOLDER, MODEL_FOLDER, ChunkIndex, ReleaseStore
from tests.training.child import Child
from tests.training.material import accepted_triplets, make_chunks, serving, settings, triplet
from training.retrain import retrain_from_annotations
from training.runs.record import STEPS, RunRecord
from training.runs.run import RunStore
from training.settings import INDEX_ONLY

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


def _undisturbed(bootstrapped: Home, decisions: Path, folder: Path) -> tuple[bytes, Vectors]:
    """The weights and the vectors that a run gives which nobody kills."""
    shutil.copytree(bootstrapped.root, folder)
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
    return weights.read_bytes(), index.space().chunks[order]


@pytest.mark.slow
def test_killed_at_every_step_it_is_finished_by_the_next_start(
    served_home: Home, bootstrapped: Home, decisions: Path, tmp_path: Path
) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    for step in STEPS:
        for point in ("written", "renamed"):
            code, _, errors = Child(served_home, decisions, killed_at=(step, point)).wait(PATIENCE)
            assert code == -signal.SIGKILL, f"{step}, {point}: {errors}"
            record = _newest(served_home)
            assert record is not None
            assert (record.status, record.steps[-1].name) == ("running", step)
            for release in store.ids():
                store.verify(release)
            assert store.current_id() in store.ids()

    code, out, errors = Child(served_home, decisions).wait(PATIENCE)
    assert code == 0, errors
    summary = json.loads(out)
    assert (summary["outcome"], summary["resumed"]) == ("promoted", True)
    finished, *others = RunStore(served_home).list()
    assert (finished.id, finished.status, finished.outcome) == (summary["run"], "finished", "promoted")
    # Only the runs that were killed while they prepared are given up: that takes seconds.
    assert [run.verdict for run in others] == ["it was interrupted before it was prepared"] * 2
    assert len(store.ids()) == 2
    assert store.current_id() == finished.release_after != first
    store.verify(store.current_id() or "")
    assert not list(served_home.releases.glob(".staging-*"))
    log = (RunStore(served_home).folder(finished.id) / "run.log").read_text()
    assert [log.count(f"{step}: finished in") for step in STEPS] == [1] * len(STEPS)

    weights, vectors = _undisturbed(bootstrapped, decisions, tmp_path / "undisturbed")
    made, embedded = _made(served_home)
    assert made == weights
    assert embedded.tobytes() == vectors.tobytes()


@pytest.mark.slow
def test_killed_while_only_the_index_changes_the_next_start_finishes_it(
    served_home: Home, tmp_path: Path
) -> None:
    """Too few decisions to train on."""
    store, chunks = ReleaseStore(served_home), make_chunks()
    first, decisions = store.current_id(), tmp_path / "few.json"
    found = [triplet(chunk, f"Where do I read about part {row}?") for row, chunk in enumerate(chunks[:4])]
    decisions.write_bytes(TypeAdapter(list[Decision]).dump_json(found))
    for step in ("prepare", "judge", "publish"):
        code, _, errors = Child(served_home, decisions, killed_at=(step, "written")).wait(PATIENCE)
        assert code == -signal.SIGKILL, f"{step}: {errors}"
        store.verify(store.current_id() or "")
        assert set(store.ids()) >= {first}
    code, out, errors = Child(served_home, decisions).wait(PATIENCE)
    assert code == 0, errors
    summary = json.loads(out)
    assert (summary["outcome"], summary["rung"], summary["resumed"]) == ("promoted", INDEX_ONLY, True)
    assert len(store.ids()) == 2 and not list(served_home.releases.glob(".staging-*"))
    served = store.verify(store.current_id() or "")
    assert (served.id, served.index.questions) == (summary["release_after"], len(found))


@pytest.mark.slow
def test_a_full_disk_is_an_error_and_the_run_goes_on_when_there_is_room(
    served_home: Home, decisions: Path, tiny_model: Path
) -> None:
    store = ReleaseStore(served_home)
    first = store.current_id()
    code, _, errors = Child(served_home, decisions, largest=200_000).wait(PATIENCE)
    assert code == StateError.exit_code, errors
    assert "StateError" in errors
    assert "space" in errors
    assert (store.current_id(), store.ids()) == (first, [first])
    record = _newest(served_home)
    assert record is not None
    assert record.steps[-1].status == "failed"

    found = TypeAdapter(list[Decision]).validate_json(decisions.read_bytes())
    summary = retrain_from_annotations(
        served_home, Corpus([], make_chunks()), settings(), serving(str(tiny_model)), lambda: found
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
        assert f"process {process.pid} on " in errors and f", run {record.id}" in errors
    finally:
        process.kill()
    assert ReleaseStore(served_home).current_id() == ReleaseStore(served_home).ids()[0]
