"""The process that imports argilla_server once and forks all that needs it, so that starts are short and memory is shared.

The import takes three seconds and 150 MB. The server, the worker and the preparation are forked from here when the
supervisor asks for them, also later when one of them has died. Whoever is forked becomes a child of the supervisor,
which has asked the kernel for orphans (PR_SET_CHILD_SUBREAPER): it waits for it as for any other.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import json
import os
import select
import socket
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from argilla_lite.lifeline import die_with_parent

_PR_SET_NAME, _PR_SET_CHILD_SUBREAPER = 15, 36  # prctl(2)
_LIBC = ctypes.CDLL(None)
_LARGEST_MESSAGE = 65536
_PATIENCE = 10.0  # seconds until a stem that does not answer counts as gone
_READY = b"ready"


class ForkedProcess:
    """A process that the stem has forked for us, with what we need of `subprocess.Popen`."""

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
    """The supervisor's side. Thread-unsafe, as the supervisor is."""

    _ours: socket.socket | None = field(default=None, init=False)
    _is_ready: bool = field(default=False, init=False)

    def new_end(self) -> int:
        """Makes a connection for a stem that is about to be started; the descriptor to hand it, ours to close after."""
        self.close()
        _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return theirs.detach()

    def answers(self) -> bool:
        """Whether it has imported everything."""
        if self._ours is not None and not self._is_ready:
            self._ours.setblocking(False)
            with contextlib.suppress(BlockingIOError):
                self._is_ready = self._ours.recv(_LARGEST_MESSAGE) == _READY
        return self._is_ready

    def fork(self, words: Sequence[str], folder: Path) -> ForkedProcess | None:
        """Has it fork a process.

        Args:
            words: The module below argilla_lite whose `main` is called, and what with.
            folder: Its working directory.

        Returns:
            The process, a child of ours; None when there is no stem to ask.
        """
        if self._ours is None or not self.answers():
            return None
        reading, writing = os.pipe()
        try:
            request = json.dumps(
                {"words": list(words), "folder": str(folder), "parent": os.getpid()}
            ).encode()
            self._ours.settimeout(_PATIENCE)
            socket.send_fds(self._ours, [request], [writing])
            answer = self._ours.recv(_LARGEST_MESSAGE)
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
        """Lets go of the stem; it ends by itself then."""
        if self._ours is not None:
            self._ours.close()
        self._ours, self._is_ready = None, False


def reap_strangers(known: set[int]) -> None:
    """Buries processes that the kernel gave us as orphans: forks of a service that has died."""
    with contextlib.suppress(ChildProcessError):
        while found := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if found.si_pid in known:
                return  # its own `poll` is about to
            os.waitpid(found.si_pid, os.WNOHANG)


def main() -> None:
    """Imports, and forks until the supervisor closes the connection, which is standard input."""
    from argilla_lite import prepare, server, worker

    entries = {"prepare": prepare.main, "server": server.main, "worker": worker.main}
    # What is garbage now would be collected in each fork, which would copy the pages that are to be shared.
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    control.send(_READY)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, _LARGEST_MESSAGE, 1)
        if not request:
            return
        wanted = json.loads(request)
        middle = os.fork()
        if middle == 0:
            _fork_again(control, descriptors[0], wanted, entries)
        os.close(descriptors[0])
        os.waitpid(middle, 0)


def _await_parent(pid: int) -> None:
    """Waits until the kernel has given this process to the supervisor, and ties its life to that one's."""
    deadline = time.monotonic() + _PATIENCE
    while os.getppid() != pid:
        if time.monotonic() > deadline:
            sys.exit("The supervisor is gone.")
        select.select([], [], [], 0.0005)
    die_with_parent()
    if os.getppid() != pid:
        sys.exit("The supervisor is gone.")


def _fork_again(
    control: socket.socket,
    output: int,
    wanted: dict[str, object],
    entries: Mapping[str, Callable[[list[str]], None]],
) -> None:
    """In a child that ends at once, so that the kernel gives its own child to the supervisor."""
    if os.fork():
        os._exit(0)
    status = 1
    try:
        _await_parent(int(str(wanted["parent"])))
        os.setsid()
        os.dup2(output, 1)
        os.dup2(output, 2)
        os.close(output)
        control.send(str(os.getpid()).encode())
        control.close()
        os.chdir(str(wanted["folder"]))
        words = wanted["words"]
        assert isinstance(words, list)  # noqa: S101 - for the type checker
        _LIBC.prctl(_PR_SET_NAME, f"argilla-{words[0]}".encode(), 0, 0, 0)
        entries[words[0]](words[1:])
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    finally:
        with contextlib.suppress(Exception):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(status)


if __name__ == "__main__":
    main()
