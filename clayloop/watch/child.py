"""Runs the retrain in a separate process: when it crashes, the watcher goes on."""

from __future__ import annotations

import contextlib
import json
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from clayloop.watch.order import Order, write_order
from curation import BusyError, Decision, Home, end_group, tethered
from training import Rung, RunRecord, RunStore

STOPPED = 130  # the exit code of a retrain that somebody stopped


@dataclass(frozen=True)
class Ended:
    """How a retrain ended. ``outcome`` and ``verdict`` are empty when it wrote no summary."""

    exit_code: int
    outcome: str = ""
    verdict: str = ""

    @property
    def how(self) -> str:
        """The exit code in words.

        A negative code is the signal that killed the retrain; the kernel sends 9 when memory runs out.
        """
        if self.exit_code >= 0:
            return f"exit code {self.exit_code}"
        return f"killed by signal {-self.exit_code}" + (
            ": has memory run out?" if self.exit_code == -9 else ""
        )


class RetrainProcess:
    """The process that retrains: one at a time, started ahead of its order. It stays for the next one after a
    retrain that trained nothing, with all that it has loaded.

    ``command`` warms up, reads lines from its standard input (clayloop.watch.order), and ends without one or
    after an order to train. It prints to this process's output, and ends with this process, even when that is
    killed (curation.tether).
    """

    def __init__(self, command: Sequence[str]) -> None:
        self._command = list(command)
        self._waiting: subprocess.Popen[bytes] | None = None
        self._is_worth_it = True

    def get_ready(self) -> None:
        """Start the process of the next retrain, unless one waits or the last one that waited ended by
        itself: whatever ails it, the next retrain will tell."""
        if self._waiting is not None and self._waiting.poll() is not None:
            self.drop()
            self._is_worth_it = False
        if self._waiting is None and self._is_worth_it:
            self._waiting = self._start()

    def drop(self) -> None:
        """End the process that waits: it would retrain with settings of before."""
        if self._waiting is not None:
            _stop(self._waiting)
        self._waiting, self._is_worth_it = None, True

    def run(
        self, highest: Rung, decisions: Sequence[Decision] | None, wait: Callable[[float], bool]
    ) -> Ended | None:
        """Retrain up to the rung ``highest`` with ``decisions`` (None: as it reads them itself), to the end.

        ``wait`` sleeps for the given seconds and says whether the watcher is to stop. If so, this stops the
        retrain, whose run goes on at the next start, and returns None. Raises StateError when the disk of
        temporary files is full.
        """
        with tempfile.TemporaryDirectory(prefix="clayloop-watch-") as folder:
            order = write_order(Path(folder), highest, decisions)
            child = self._waiting
            if child is None or child.poll() is not None:
                child = self._start()
            self._waiting, self._is_worth_it = None, True
            try:
                _tell(child, order)
                while child.poll() is None and not order.is_done:
                    if wait(0.1):
                        return None
                if child.poll() is None:
                    self._waiting = child
            finally:
                if self._waiting is not child:
                    _stop(child)
            told = _read(order.summary)
        return Ended(child.returncode or 0, str(told.get("outcome", "")), str(told.get("verdict", "")))

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(tethered(self._command), stdin=subprocess.PIPE, start_new_session=True)


def as_the_run_says(ended: Ended, home: Home, before: Sequence[RunRecord]) -> Ended:
    """Correct ``ended`` to exit code 0 when the retrain failed after it had finished its run.

    It may, for instance, have been unable to write its summary because the disk of temporary files is full.
    ``before`` are the runs that were there when it began. A run of these that was closed without another step
    does not count.
    """
    if ended.exit_code == 0 or ended.exit_code == BusyError.exit_code:
        return ended
    newest = next((one for one in RunStore(home).list() if one.status != "abandoned"), None)
    if newest is None or newest.status != "finished":
        return ended
    was = next((one for one in before if one.id == newest.id), None)
    if was is not None and (was.status == "finished" or was.steps == newest.steps):
        return ended
    return Ended(0, newest.outcome or "", newest.verdict)


def _tell(child: subprocess.Popen[bytes], order: Order) -> None:
    assert child.stdin is not None  # noqa: S101 - it was started with a pipe
    with contextlib.suppress(BrokenPipeError):  # it has just died, which its exit code tells
        child.stdin.write(order.model_dump_json().encode() + b"\n")
        child.stdin.flush()


def _stop(child: subprocess.Popen[bytes]) -> None:
    end_group(child)
    if child.stdin is not None:
        with contextlib.suppress(BrokenPipeError):
            child.stdin.close()


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
