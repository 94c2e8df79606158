"""A service's process: how it is started, its output is read, and it is killed."""

from __future__ import annotations

import contextlib
import os
import select
import selectors
import signal
import subprocess
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from argilla_lite.errors import ArgillaLiteError
from argilla_lite.lifeline import die_with_parent
from argilla_lite.stem import ForkedProcess

_REMEMBERED_LINES = 15
_LONGEST_LINE = 65536

Output = Callable[[str, str], None]  # (service, line)


@dataclass(frozen=True)
class Service:
    """How to run one process.

    `command` and `standard_input` are called for each start, so that a restart can differ (a fresh worker
    name); the descriptor is closed here once it is passed on. `fork` is tried first: it has the stem fork the
    process, which is quicker, and returns None if it cannot now. `environment` is the whole of it. `ready` is
    called every tick until it says that the service answers, for `start_timeout` seconds. What `stops_last`
    is stopped when all others, which need it, have ended.
    """

    name: str
    command: Callable[[], Sequence[str]]
    environment: Mapping[str, str]
    folder: Path
    fork: Callable[[], ForkedProcess | None] = lambda: None
    ready: Callable[[], bool] = lambda: True
    start_timeout: float = 300.0  # to import argilla_server takes minutes on a machine that is overloaded
    inherited_fds: tuple[int, ...] = ()
    standard_input: Callable[[], int] = lambda: os.open(os.devnull, os.O_RDONLY)
    stops_last: bool = False


class Child:
    """A service and its process, if one runs. `selector` watches its output; `output` gets each line."""

    def __init__(self, service: Service, selector: selectors.BaseSelector, output: Output) -> None:
        self.service = service
        self.process: subprocess.Popen[bytes] | ForkedProcess | None = None
        self.started = 0.0
        self._selector = selector
        self._output = output
        self._partial = b""
        self._last_lines: deque[str] = deque(maxlen=_REMEMBERED_LINES)

    def spawn(self) -> None:
        """Starts the process, in a process group of its own. Raises ArgillaLiteError."""
        self.process = self.service.fork() or self._execute()
        self.started = time.monotonic()
        assert self.process.stdout is not None  # noqa: S101 - for the type checker
        os.set_blocking(self.process.stdout.fileno(), False)
        self._selector.register(self.process.stdout, selectors.EVENT_READ, self)

    def _execute(self) -> subprocess.Popen[bytes]:
        service = self.service
        standard_input = service.standard_input()
        try:
            return subprocess.Popen(
                service.command(),
                cwd=service.folder,
                env=dict(service.environment),
                stdin=standard_input,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=service.inherited_fds,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            raise ArgillaLiteError(f"{service.name} cannot be started: {error}") from error
        finally:
            os.close(standard_input)

    @property
    def status(self) -> int | None:
        """The process's exit status; None while it runs, or when there is none."""
        return self.process.poll() if self.process is not None else None

    @property
    def runs(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def kill(self, number: int) -> None:
        """Sends a signal to the process and those that it has forked."""
        if self.process is not None:
            # The group keeps its id as long as it has a member; the leader is reaped only after this.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.process.pid, number)

    def read(self, pipe: IO[bytes]) -> bool:
        """Passes on the output that can be read now. Returns False at its end."""
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        if data:
            *lines, self._partial = (self._partial + data).split(b"\n")
            self._partial = self._partial[-_LONGEST_LINE:]
        else:
            lines, self._partial = ([self._partial] if self._partial else []), b""
            self._selector.unregister(pipe)
            pipe.close()
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                self._last_lines.append(text)
                self._output(self.service.name, text)
        return bool(data)

    def drain(self) -> None:
        """Reads the rest of a finished process's output; gives up if a grandchild holds the pipe open."""
        pipe = self.process.stdout if self.process else None
        deadline = time.monotonic() + 0.5
        while pipe is not None and not pipe.closed and time.monotonic() < deadline:
            select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            if not self.read(pipe):
                return
        if pipe is not None and not pipe.closed:
            self._selector.unregister(pipe)
            pipe.close()

    def post_mortem(self) -> str:
        """A message with the exit status and the last lines of the output."""
        tail = "\n".join(f"    {line}" for line in self._last_lines)
        ending = describe(self.status or 0)
        return f"{self.service.name} ended with {ending} while starting. Its last lines:\n{tail}"


def describe(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-status).name}"
    return f"status {status}"
