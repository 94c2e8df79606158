"""The stem: a process that imports argilla_server once and forks the services that need it.

The import takes three seconds and 150 MB, which the forks save. The supervisor asks for the server, the
worker and the preparation, and again for one that has died. A forked process becomes a child of the
supervisor, which has asked the kernel for orphans (PR_SET_CHILD_SUBREAPER), and waits for it as for any other
child.
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
from collections.abc import Callable, Mapping

from argilla_lite import prepare, server, worker
from argilla_lite.lifeline import die_with_parent
from argilla_lite.stem import LARGEST_MESSAGE, PATIENCE, READY

_PR_SET_NAME = 15  # prctl(2)
_LIBC = ctypes.CDLL(None)


def main() -> None:
    """Forks until the supervisor closes the connection, which is standard input."""
    entries = {"prepare": prepare.main, "server": server.main, "worker": worker.main}
    # Each fork would collect the garbage of now, and so copy memory pages that the forks should share.
    gc.collect()
    gc.freeze()
    control = socket.socket(fileno=os.dup(0))
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    control.send(READY)
    while True:
        request, descriptors, _, _ = socket.recv_fds(control, LARGEST_MESSAGE, 1)
        if not request:
            return
        wanted = json.loads(request)
        middle = os.fork()
        if middle == 0:
            _fork_again(control, descriptors[0], wanted, entries)
        os.close(descriptors[0])
        os.waitpid(middle, 0)


def _await_parent(pid: int) -> None:
    """Waits until the kernel has given this process to the supervisor, and has it killed when that ends."""
    deadline = time.monotonic() + PATIENCE
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
    """Runs in a child, which forks again and ends, so that the kernel gives its child to the supervisor."""
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
