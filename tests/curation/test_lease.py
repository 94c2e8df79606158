"""A lease on a shared folder: one holder, and nothing from those who lost it."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, rule
from hypothesis.strategies import sampled_from

from curation.errors import BusyError
from curation.lease import Lease

LONG = 3600.0  # seconds: it is not renewed while a test runs
MACHINES = ("a", "b", "c")


def fall_silent(folder: Path) -> None:
    """As if the holder had given no sign of life for longer than its lease: nobody waits for it here."""
    newest = max(
        (path for path in folder.iterdir() if path.name.isdecimal()), key=lambda path: int(path.name)
    )
    past = newest.stat().st_mtime - 2 * LONG
    os.utime(newest, (past, past))


def test_who_falls_silent_loses_it_and_cannot_replace_anything(tmp_path: Path) -> None:
    folder, pointer = tmp_path / "lease", tmp_path / "current"
    with Lease(folder, LONG, machine="a") as first:
        with pytest.raises(BusyError, match=f"process {os.getpid()}"), Lease(folder, LONG, machine="b"):
            pass
        fall_silent(folder)
        with Lease(folder, LONG, machine="b") as second:
            assert second.number > first.number
            with pytest.raises(BusyError, match="taken over"):
                first.check()
            with pytest.raises(BusyError, match="taken over"):
                first.replace(pointer, "of the first")
            assert not pointer.exists()
            second.check()
            second.replace(pointer, "of the second")
        assert pointer.read_text() == "of the second"
    with Lease(folder, LONG, machine="c"):  # at once: the second has ended it
        pass


def test_a_dead_holder_on_this_machine_is_not_waited_for(tmp_path: Path) -> None:
    held = multiprocessing.get_context("fork").Process(target=_die_holding, args=(tmp_path,))
    held.start()
    held.join()
    with pytest.raises(BusyError), Lease(tmp_path, LONG, is_alone=True, machine="another"):
        pass
    with Lease(tmp_path, LONG, is_alone=True):
        pass


def _die_holding(folder: Path) -> None:
    Lease(folder, LONG, is_alone=True).__enter__()
    os._exit(0)


def test_it_is_renewed_as_long_as_it_is_held(tmp_path: Path) -> None:
    with Lease(tmp_path, 0.4, machine="a") as lease:
        was = (tmp_path / str(lease.number)).stat().st_mtime_ns
        end = time.monotonic() + 30
        while (tmp_path / str(lease.number)).stat().st_mtime_ns == was:
            assert time.monotonic() < end, "never renewed"


def test_of_many_that_want_it_at_once_one_gets_it(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    start, done, got = context.Barrier(8), context.Event(), context.Queue()
    processes = [context.Process(target=_race, args=(tmp_path, str(n), start, done, got)) for n in range(8)]
    for one in processes:
        one.start()
    results = [got.get(timeout=60) for _ in processes]
    done.set()
    for one in processes:
        one.join()
    assert sum(results) <= 1  # two may see each other, and both go away
    with Lease(tmp_path, LONG):
        pass


def _race(folder: Path, machine: str, start: object, done: object, got: object) -> None:
    start.wait()  # type: ignore[attr-defined]
    try:
        with Lease(folder, LONG, machine=machine):
            got.put(True)  # type: ignore[attr-defined]
            done.wait(60)  # type: ignore[attr-defined]
    except BusyError:
        got.put(False)  # type: ignore[attr-defined]


class Machines(RuleBasedStateMachine):
    """Whatever machines do, what is written last is of one that held the lease when it wrote."""

    def __init__(self) -> None:
        super().__init__()
        self.made = ExitStack()
        root = Path(self.made.enter_context(tempfile.TemporaryDirectory()))
        self.folder, self.pointer = root / "lease", root / "current"
        self.leases: dict[str, Lease] = {}
        self.holder = ""  # as it should be
        self.is_silent = False
        self.used: set[str] = set()
        self.written = ""

    @rule(machine=sampled_from(MACHINES))
    def take(self, machine: str) -> None:
        if machine in self.leases:
            return
        lease = Lease(self.folder, LONG, machine=machine)
        if self.holder and not self.is_silent:
            with pytest.raises(BusyError):
                lease.__enter__()
        else:
            self.leases[machine] = lease.__enter__()
            self.holder, self.is_silent = machine, False
            self.used.discard(machine)

    @rule()
    def silence(self) -> None:
        if self.holder:
            fall_silent(self.folder)
            self.is_silent = True

    @rule(machine=sampled_from(MACHINES))
    def write(self, machine: str) -> None:
        if machine not in self.leases or machine in self.used:
            return
        text = f"{machine} {self.leases[machine].number}"
        if machine == self.holder:
            self.leases[machine].replace(self.pointer, text)
            self.written = text
            self.used.add(machine)
        else:
            with pytest.raises(BusyError):
                self.leases[machine].replace(self.pointer, text)
        assert (self.pointer.read_text() if self.pointer.exists() else "") == self.written

    @rule(machine=sampled_from(MACHINES))
    def end(self, machine: str) -> None:
        if lease := self.leases.pop(machine, None):
            lease.__exit__(None, None, None)
            if machine == self.holder:
                self.holder, self.is_silent = "", False

    def teardown(self) -> None:
        for lease in self.leases.values():
            lease.__exit__(None, None, None)
        self.made.close()


TestMachines = Machines.TestCase
TestMachines.settings = settings(deadline=None, max_examples=50, stateful_step_count=20)
