"""The supervisor's side of the stem, the process that forks the services (see `stem_process`).

Nothing of argilla_server is imported here.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

_PR_SET_CHILD_SUBREAPER = 36  # prctl(2)
_LIBC = ctypes.CDLL(None)

# The protocol between the supervisor and the stem.
LARGEST_MESSAGE = 65536
PATIENCE = 10.0  # seconds until the other side, when it does not answer, counts as gone
READY = b"ready"


class ForkedProcess:
    """A process that the stem has forked, with the part of `subprocess.Popen` that the supervisor uses."""

    def __init__(self, pid: int, stdout: IO[bytes]) -> None:
        self.pid = pid
        self.stdout = stdout
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit status, negative for a signal, or None while it runs."""
        if self.returncode is None:
            self._wait(os.WNOHANG)
        return self.returncode

    def wait(self) -> int:
        """Waits for its end."""
        while self.returncode is None:
            self._wait(0)
        return self.returncode

    def _wait(self, options: int) -> None:
        try:
            pid, status = os.waitpid(self.pid, options)
        except ChildProcessError:
            self.returncode = 1
        else:
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)


@dataclass
class Stem:
    """The connection to the stem. Not thread-safe, as the supervisor is not."""

    _ours: socket.socket | None = field(default=None, init=False)
    _is_ready: bool = field(default=False, init=False)

    def new_end(self) -> int:
        """Makes a connection to a stem that is about to be started. Returns the descriptor to hand to it,
        which the caller closes afterwards."""
        self.close()
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return theirs.detach()

    def answers(self) -> bool:
        """Whether the stem has imported everything."""
        if self._ours is not None and not self._is_ready:
            self._ours.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self._is_ready = self._ours.recv(LARGEST_MESSAGE) == READY
        return self._is_ready

    def fork(self, words: Sequence[str], folder: Path) -> ForkedProcess | None:
        """Has the stem fork a process that works in `folder`: `words` are the module of argilla_lite whose
        `main` is called, and its arguments. Returns the process, a child of ours; None when there is no stem
        to ask."""
        if self._ours is None or not self.answers():
            return None
        reading, writing = os.pipe()
        try:
            request = {"words": list(words), "folder": str(folder), "parent": os.getpid()}
            self._ours.settimeout(PATIENCE)
            socket.send_fds(self._ours, [json.dumps(request).encode()], [writing])
            answer = self._ours.recv(LARGEST_MESSAGE)
        except OSError:
            answer = b""
        finally:
            os.close(writing)
        if not answer:
            os.close(reading)
            self.close()
            return None
        return ForkedProcess(int(answer), os.fdopen(reading, "rb", buffering=0))

    def close(self) -> None:
        """Closes the connection, on which the stem ends."""
        if self._ours is not None:
            self._ours.close()
        self._ours, self._is_ready = None, False


def reap_strangers(known: set[int]) -> None:
    """Reaps ended processes that the kernel gave to the supervisor: forks of a service that has died."""
    with contextlib.suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid in known:
                return  # the `poll` of that child reaps it
            os.waitpid(found.si_pid, os.WNOHANG)
