"""Runs the retrain in a separate process: when it crashes, the watcher goes on."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation import BusyError, Home
from training import RunRecord, RunStore

_STOP_SECONDS = 15.0


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


def run_retrain(command: Sequence[str], wait: Callable[[float], bool]) -> Ended | None:
    """Run ``command --json FILE`` to its end.

    ``wait`` sleeps for the given seconds and says whether the watcher is to stop. If so, this stops the
    retrain, whose run goes on at the next start, and returns None.

    The retrain prints to this process's output, and ends with this process, even when that is killed
    (curation.tether).
    """
    with tempfile.TemporaryDirectory(prefix="clayloop-watch-") as folder:
        summary = Path(folder) / "summary.json"
        child = subprocess.Popen(
            [sys.executable, "-m", "curation.tether", *command, "--json", str(summary)],
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                if wait(0.2):
                    return None
        finally:
            _stop(child)
        told = _read(summary)
        return Ended(child.returncode, str(told.get("outcome", "")), str(told.get("verdict", "")))


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


def _stop(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(_STOP_SECONDS)
            return


def _read(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}
