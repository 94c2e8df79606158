"""Runs: steps that are done once, and one process at a time."""

from __future__ import annotations

import json
import multiprocessing
import platform
from pathlib import Path

import pytest

from curation import SILENT, BusyError, Home, StateError
from training.runs.record import RunInputs
from training.runs.run import RunStore

INPUTS = RunInputs(decisions="abcdef123", corpus="c", settings="s", release="r0001-00000000")


def _write(text: str):  # type: ignore[no-untyped-def]
    def work(folder: Path) -> str:
        (folder / "out.txt").write_text(text)
        return f"wrote {text}"

    return work


def test_a_finished_step_is_not_done_again(home: Home) -> None:
    store = RunStore(home)
    run = store.create(INPUTS, None)
    run.step("one", _write("first"), SILENT)
    again = store.open(store.get(run.id))
    folder = again.step("one", _write("second"), SILENT)
    assert (folder / "out.txt").read_text() == "first"
    step = store.get(run.id).step("one")
    assert step is not None
    assert (step.status, step.note) == ("finished", "wrote first")
    assert step.peak_memory_mb > 1


def test_each_step_has_its_own_peak_memory_and_says_what_it_took_and_left(home: Home) -> None:
    store = RunStore(home)
    run = store.create(INPUTS, None)

    def hungry(folder: Path) -> str:
        (folder / "deep").mkdir()
        (folder / "deep" / "out.bin").write_bytes(b"x" * 12)
        return f"held {len(b'y' * 300_000_000)} bytes for a moment"

    run.step("one", hungry, SILENT)
    run.step("two", _write("little"), SILENT)
    one, two = store.get(run.id).steps
    assert {one.peak_memory_kind, two.peak_memory_kind} <= {"VmHWM", "ru_maxrss"}
    assert one.peak_memory_mb > 300
    if two.peak_memory_kind == "VmHWM":  # the kernel lets us begin anew for each step
        assert two.peak_memory_mb < one.peak_memory_mb - 200
    assert (one.inputs, one.outputs) == ([], {"deep/out.bin": 12})
    assert (two.inputs, two.outputs) == (["one"], {"out.txt": 6})


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is asked to give memory back")
def test_what_a_step_freed_is_not_counted_for_the_next_one(home: Home) -> None:
    run = RunStore(home).create(INPUTS, None)
    kept = []

    def hungry(folder: Path) -> str:
        pieces = [bytes(100_000) for _ in range(3_000)]
        kept.append(bytes(100_000))  # on top of what is freed now: the heap can't simply shrink
        return f"held {len(pieces)} pieces"

    run.step("one", hungry, SILENT)
    run.step("two", _write("little"), SILENT)
    one, two = run.record.steps
    if two.peak_memory_kind == "VmHWM":
        assert two.peak_memory_mb < one.peak_memory_mb - 200


def test_a_step_that_fails_leaves_nothing_and_can_be_repeated(home: Home) -> None:
    store = RunStore(home)
    run = store.create(INPUTS, None)

    def breaks(folder: Path) -> str:
        (folder / "half").write_text("half")
        raise ValueError("no\nmore")

    with pytest.raises(ValueError, match="no"):
        run.step("one", breaks, SILENT)
    assert not (run.folder / "one").exists()
    record = store.get(run.id)
    assert record.status == "failed"
    assert record.steps[0].note == "no"
    store.open(record).step("one", _write("whole"), SILENT)
    assert store.get(run.id).steps[0].status == "finished"


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_run_that_a_person_stops_has_not_failed(home: Home, stop: type[BaseException]) -> None:
    store = RunStore(home)
    run = store.create(INPUTS, None)
    run.step("one", _write("first"), SILENT)

    def stopped(folder: Path) -> str:
        (folder / "half").write_text("half")
        raise stop

    with pytest.raises(stop):
        run.step("two", stopped, SILENT)
    record = store.get(run.id)
    assert (record.status, [step.status for step in record.steps]) == ("running", ["finished", "running"])
    assert sorted(path.name for path in run.folder.iterdir() if path.is_dir()) == ["one"]
    assert f"two: interrupted ({stop.__name__})" in (run.folder / "run.log").read_text()
    again = store.open(record)
    again.step("two", _write("whole"), SILENT)
    assert store.get(run.id).steps[-1].status == "finished"


def test_a_step_whose_folder_is_lost_is_done_again(home: Home) -> None:
    run = RunStore(home).create(INPUTS, None)
    (run.step("one", _write("first"), SILENT) / "out.txt").unlink()
    (run.folder / "one").rmdir()
    assert (run.step("one", _write("second"), SILENT) / "out.txt").read_text() == "second"


def test_old_runs_are_those_that_are_over_but_the_newest(home: Home) -> None:
    store = RunStore(home)
    runs = [store.create(INPUTS, None) for _ in range(4)]
    for run in runs[:3]:
        run.finish("rejected", "no better", None)
    old = store.old(1)
    assert old == [runs[0].id, runs[1].id], "the newest one stays, and so does the one that is not over"
    store.remove(old)
    assert [one.id for one in store.list()] == [runs[3].id, runs[2].id]


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device"), RuntimeError("I/O error: File too large (os error 27)")]
)
def test_a_full_disk_is_named_whatever_the_library_calls_it(home: Home, error: Exception) -> None:
    run = RunStore(home).create(INPUTS, None)

    def fills(folder: Path) -> str:
        raise error

    with pytest.raises(StateError, match="The disk is full: the step 'fit'"):
        run.step("fit", fills, SILENT)


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 8 bytes."),
        RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    ],
)
def test_so_is_memory_that_ran_out(home: Home, error: Exception) -> None:
    run = RunStore(home).create(INPUTS, None)

    def greedy(folder: Path) -> str:
        raise error

    with pytest.raises(StateError, match="Memory ran out in the step 'fit'") as told:
        run.step("fit", greedy, SILENT)
    assert "training.fit.batch_size" in told.value.hint


def test_runs_are_listed_newest_first_and_damaged_ones_skipped(home: Home) -> None:
    store = RunStore(home)
    ids = [store.create(INPUTS, None).id for _ in range(3)]
    assert len(set(ids)) == 3
    (store.folder(ids[1]) / "run.json").write_text("{")
    assert {run.id for run in store.list()} == {ids[0], ids[2]}
    with pytest.raises(StateError, match="not valid JSON"):
        store.get(ids[1])


def test_an_id_does_not_choose_a_path(home: Home) -> None:
    with pytest.raises(StateError, match="not the id of a run"):
        RunStore(home).get("../releases")


def test_a_finished_run_keeps_its_record_and_drops_what_is_heavy(home: Home) -> None:
    store = RunStore(home)
    run = store.create(INPUTS, "r0001-00000000")
    for name in ("prepare", "fit", "index", "judge"):
        run.step(name, _write(name), SILENT)
    run.finish("rejected", "worse", None)
    assert sorted(path.name for path in run.folder.iterdir()) == ["judge", "prepare", "run.json", "run.log"]
    assert json.loads((run.folder / "run.json").read_text())["outcome"] == "rejected"
    assert "rejected: worse" in (run.folder / "run.log").read_text()


def _hold(home: Home, ready: object, done: object) -> None:
    store = RunStore(home)
    with store.exclusive():
        store.create(INPUTS, None)
        ready.set()  # type: ignore[attr-defined]
        done.wait(30)  # type: ignore[attr-defined]


def test_a_second_process_is_told_who_is_at_work(home: Home) -> None:
    context = multiprocessing.get_context("fork")
    ready, done = context.Event(), context.Event()
    process = context.Process(target=_hold, args=(home, ready, done))
    process.start()
    try:
        assert ready.wait(30)
        run = RunStore(home).list()[0].id
        with (
            pytest.raises(BusyError, match=f"process {process.pid} on .*, run {run}"),
            RunStore(home).exclusive(),
        ):
            pass
    finally:
        done.set()
        process.join()
    with RunStore(home).exclusive():
        pass
