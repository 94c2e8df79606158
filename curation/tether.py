"""Processes that end with the one that started them, and take with them what they started (Linux).

`python -m curation.tether COMMAND…` becomes COMMAND, which then ends when its parent does, even by kill -9.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress

_PATIENCE = 15.0  # seconds
_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(command: Sequence[str]) -> list[str]:
    """The command line that runs ``command`` so."""
    return [sys.executable, "-m", "curation.tether", *command]


def end_group(process: subprocess.Popen[bytes], patience: float = _PATIENCE) -> None:
    """End ``process``, which leads a group of its own, and all that it started: with SIGTERM, and with
    SIGKILL what is left of the group when it has ended, or after ``patience`` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience)


def main() -> None:
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before we could ask
        sys.exit(1)
    os.execvp(sys.argv[1], sys.argv[1:])  # noqa: S606 - the caller's own command, no shell


if __name__ == "__main__":
    main()
