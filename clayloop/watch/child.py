"""The retrain as a process of its own: when it crashes, the watcher goes on."""

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

_STOP_SECONDS = 15.0


@dataclass(frozen=True)
class Ended:
    """How a retrain ended. ``outcome`` and ``verdict`` are empty when it said nothing."""

    exit_code: int
    outcome: str = ""
    verdict: str = ""


def run_retrain(command: Sequence[str], wait: Callable[[float], bool]) -> Ended | None:
    """Run ``command --json FILE`` to its end, with our output as its own. ``wait`` sleeps for some seconds and says
    whether we are to stop: then the child is stopped too, its run goes on at the next start, and None is returned.

    The child ends with this process, even when that is killed (curation.tether).
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
