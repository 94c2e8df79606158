"""Has the kernel kill a process when its parent ends (Linux), so that a killed supervisor leaves none."""

from __future__ import annotations

import ctypes
import os
import signal

_PR_SET_PDEATHSIG = 1  # prctl(2)

# Loaded before any fork: a child between fork and exec should only make the call.
_LIBC = ctypes.CDLL(None, use_errno=True)


def die_with_parent() -> None:
    """Has the kernel kill this process when the thread that started it ends.

    SIGKILL, because a service that hangs must not survive either; Redis and SQLite are crash-safe.
    """
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def bind_forks() -> None:
    """Applies `die_with_parent` to every process that this one forks from now on.

    The kernel clears the setting on fork, and rq forks a process per job.
    """
    os.register_at_fork(after_in_child=die_with_parent)
