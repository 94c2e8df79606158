"""A server to be mistreated: services are killed, the disk is filled, the clock is turned back."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.argilla_lite.commands import status
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

_DISK = 96_000_000  # bytes
_LIBFAKETIME = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), Path("/nonexistent"))


@dataclass(frozen=True)
class Battered:
    """The server, and what can be done to it."""

    lite: ArgillaLite
    small_disk: bool

    def kill(self, name: str) -> None:
        """SIGKILL to a service."""
        os.kill(status(self.lite.home)["processes"][name], signal.SIGKILL)

    @contextlib.contextmanager
    def dying(self, name: str) -> Iterator[list[int]]:
        """Kills a service whenever it has come back; yields the processes that were killed."""
        stop, killed = threading.Event(), []

        def kill() -> None:
            while not stop.wait(0.3):
                pid = status(self.lite.home).get("processes", {}).get(name)
                if pid and pid not in killed:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                        killed.append(pid)

        thread = threading.Thread(target=kill)
        thread.start()
        try:
            yield killed
        finally:
            stop.set()
            thread.join()

    @contextlib.contextmanager
    def full_disk(self) -> Iterator[None]:
        """Leaves not a byte on the home's disk."""
        if not self.small_disk:
            _need("CLAYLOOP_REQUIRE_TMPFS", "a small disk cannot be mounted here")
        filler = self.lite.home / "filler"
        with filler.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 1 << 12, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"\0" * size)
        try:
            yield
        finally:
            filler.unlink()


@dataclass(frozen=True)
class WithClock:
    """A server, and the clock that it and its worker read."""

    lite: ArgillaLite
    clock: Path

    @contextlib.contextmanager
    def turned_back(self) -> Iterator[None]:
        """It is an hour ago."""
        self.clock.write_text("-3600")
        try:
            yield
        finally:
            self.clock.write_text("+0")


def _need(variable: str, reason: str) -> None:
    if os.environ.get(variable):
        pytest.fail(reason)
    pytest.skip(reason)


@contextlib.contextmanager
def running_battered(folder: Path) -> Iterator[Battered]:
    """Starts it in a folder, on a small file system of its own if this user may mount one."""
    home = folder / "home"
    home.mkdir()
    small = _run("mount", "-t", "tmpfs", "-o", f"size={_DISK},mode=700", "tmpfs", str(home))
    try:
        with running_argilla_lite(home) as lite:
            yield Battered(lite, small)
    finally:
        if small:
            _run("umount", "--lazy", str(home))


@contextlib.contextmanager
def running_with_clock(home: Path, port: int) -> Iterator[WithClock]:
    """Starts a server whose clock can be turned; skips where libfaketime is missing, unless CI promised it.

    Each handover between threads takes 0.2 s with it, so there is no point in many requests.
    """
    if not _LIBFAKETIME.exists():
        _need("CLAYLOOP_REQUIRE_FAKETIME", "no libfaketime on this machine (apt-get install faketime)")
    clock = home / "clock"
    clock.write_text("+0")
    environment = {
        "LD_PRELOAD": str(_LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }
    with running_argilla_lite(home, port=port, environment=environment) as lite:
        yield WithClock(lite, clock)


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False
