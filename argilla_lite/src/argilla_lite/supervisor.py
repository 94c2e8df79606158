"""Starts services in order, waits until each answers, passes their logs on, restarts what dies, stops all.

One thread, one loop: nothing here may block for long, and processes are only ever started from the main thread,
whose life the kernel ties theirs to (see `lifeline`).
"""

from __future__ import annotations

import contextlib
import logging
import os
import selectors
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, cast

from argilla_lite.errors import ArgillaLiteError, StartFailedError
from argilla_lite.lifeline import die_with_parent

_TICK = 0.05  # seconds between two looks at the children
_FIRST_BACK_OFF = 0.5
_LONGEST_BACK_OFF = 30.0
_STEADY_AFTER = 60.0  # a child that ran this long starts its back-off anew
_STOP_PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL

Output = Callable[[str, str], None]  # (service, line)


@dataclass(frozen=True)
class Service:
    """One process to keep alive.

    Args:
        name: Shown in front of its log lines.
        command: Called for each start, so that a restart can differ (a fresh worker name).
        environment: The whole environment.
        folder: Working directory.
        ready: Whether it answers; asked every tick until it does.
        start_timeout: Seconds it may take until it answers.
        inherited_fds: Descriptors to pass on.
        stops_last: Whether it is stopped only when all others have ended, because they need it.
    """

    name: str
    command: Callable[[], Sequence[str]]
    environment: Mapping[str, str]
    folder: Path
    ready: Callable[[], bool] = lambda: True
    start_timeout: float = 90.0
    inherited_fds: tuple[int, ...] = ()
    stops_last: bool = False


@dataclass
class _Child:
    service: Service
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    restart_at: float | None = None
    back_off: float = _FIRST_BACK_OFF
    restarts: int = 0
    partial: bytes = b""
    last_lines: deque[str] = field(default_factory=lambda: deque(maxlen=15))


class Supervisor:
    """Runs services until it is told to stop.

    Args:
        output: Gets each line of each service's output.
        changed: Called after a (re)start, with name → process id.
    """

    def __init__(self, output: Output, changed: Callable[[dict[str, int]], None]) -> None:
        self._output = output
        self._changed = changed
        self._children: list[_Child] = []
        self._selector = selectors.DefaultSelector()
        self._stop_signal: int | None = None

    @contextlib.contextmanager
    def signals(self) -> Iterator[None]:
        """Turns SIGINT, SIGTERM and SIGHUP into a request to stop, and stops everything at the end."""
        handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = {number: signal.signal(number, self._note_signal) for number in handled}
        try:
            yield
        finally:
            try:
                self.stop()
            finally:
                for number, handler in before.items():
                    signal.signal(number, handler)

    @property
    def stopping(self) -> bool:
        return self._stop_signal is not None

    def run_step(self, service: Service) -> None:
        """Runs a process to its end.

        Raises:
            StartFailedError: It ended with another status than 0 or took too long.
        """
        child = _Child(service)
        self._children.append(child)
        self._spawn(child)
        assert child.process is not None  # noqa: S101 - for the type checker
        deadline = time.monotonic() + service.start_timeout
        while child.process.poll() is None and not self.stopping:
            if time.monotonic() > deadline:
                raise StartFailedError(f"{service.name} took longer than {service.start_timeout:.0f} s.")
            self._pump(_TICK)
        self._drain(child)
        self._children.remove(child)
        if self.stopping:
            self._kill(child, signal.SIGKILL)
        elif child.process.returncode != 0:
            raise StartFailedError(self._post_mortem(child))

    def launch(self, service: Service) -> Callable[[], None]:
        """Starts a service.

        Returns:
            A function that waits until it answers, and raises StartFailedError if it does not.
        """
        child = _Child(service)
        self._children.append(child)
        self._spawn(child)
        return lambda: self._await_ready(child)

    def watch(self) -> int:
        """Restarts what dies, until a signal arrives.

        Returns:
            The signal's number.
        """
        while not self.stopping:
            self._pump(_TICK)
            now = time.monotonic()
            for child in self._children:
                self._revive(child, now)
        assert self._stop_signal is not None  # noqa: S101 - for the type checker
        return self._stop_signal

    def stop(self) -> None:
        """Ends all services: SIGTERM to their process groups, SIGKILL to what is left of them after a while."""
        self._end([child for child in self._children if not child.service.stops_last])
        self._end([child for child in self._children if child.service.stops_last])
        self._children.clear()

    def _end(self, children: list[_Child]) -> None:
        running = [child for child in children if child.process is not None]
        for child in running:
            self._kill(child, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_PATIENCE
        while time.monotonic() < deadline and any(
            one.process and one.process.poll() is None for one in running
        ):
            self._pump(_TICK)
        for child in running:
            # Also when the leader is gone: its group may have members left.
            self._kill(child, signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
            self._drain(child)

    def _note_signal(self, number: int, _frame: object) -> None:
        self._stop_signal = number

    def _spawn(self, child: _Child) -> None:
        service = child.service
        try:
            child.process = subprocess.Popen(
                service.command(),
                cwd=service.folder,
                env=dict(service.environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                pass_fds=service.inherited_fds,
                preexec_fn=die_with_parent,
            )
        except OSError as error:
            raise ArgillaLiteError(f"{service.name} cannot be started: {error}") from error
        child.started = time.monotonic()
        child.restart_at = None
        assert child.process.stdout is not None  # noqa: S101 - for the type checker
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)
        self._changed(self.process_ids())

    def process_ids(self) -> dict[str, int]:
        """Name → process id of what runs just now."""
        return {
            child.service.name: child.process.pid
            for child in self._children
            if child.process is not None and child.process.poll() is None
        }

    def restarts(self) -> dict[str, int]:
        """Name → how often it was restarted."""
        return {child.service.name: child.restarts for child in self._children}

    def _await_ready(self, child: _Child) -> None:
        service = child.service
        deadline = time.monotonic() + service.start_timeout
        while not self.stopping:
            self._pump(_TICK)
            assert child.process is not None  # noqa: S101 - for the type checker
            if child.process.poll() is not None:
                self._drain(child)
                raise StartFailedError(self._post_mortem(child))
            if service.ready():
                return
            if time.monotonic() > deadline:
                raise StartFailedError(f"{service.name} did not answer within {service.start_timeout:.0f} s.")

    def _revive(self, child: _Child, now: float) -> None:
        if child.process is not None and child.process.poll() is not None:
            self._drain(child)
            self._kill(child, signal.SIGKILL)  # what it may have left behind in its group
            if now - child.started > _STEADY_AFTER:
                child.back_off = _FIRST_BACK_OFF
            child.restart_at = now + child.back_off
            self._output(
                child.service.name,
                f"ended with {_describe(child.process.returncode)}; restarting in {child.back_off:.1f} s",
            )
            child.back_off = min(child.back_off * 2, _LONGEST_BACK_OFF)
            child.process = None
        elif child.process is None and child.restart_at is not None and now >= child.restart_at:
            child.restarts += 1
            self._spawn(child)

    def _pump(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            self._read(cast("IO[bytes]", key.fileobj), key.data)

    def _read(self, pipe: IO[bytes], child: _Child) -> bool:
        """Reads what there is. False at the end of the output."""
        try:
            data = os.read(pipe.fileno(), 65536)
        except BlockingIOError:
            return True
        if data:
            *lines, child.partial = (child.partial + data).split(b"\n")
            child.partial = child.partial[-65536:]
        else:
            lines, child.partial = ([child.partial] if child.partial else []), b""
            self._selector.unregister(pipe)
            pipe.close()
        for line in lines:
            text = line.decode("utf-8", "replace").rstrip()
            if text:
                child.last_lines.append(text)
                self._output(child.service.name, text)
        return bool(data)

    def _drain(self, child: _Child) -> None:
        """Reads the rest of a finished process's output; gives up if a grandchild holds the pipe open."""
        pipe = child.process.stdout if child.process else None
        deadline = time.monotonic() + 0.5
        while pipe is not None and not pipe.closed and time.monotonic() < deadline:
            if not self._read(pipe, child):
                return
            time.sleep(0.005)
        if pipe is not None and not pipe.closed:
            self._selector.unregister(pipe)
            pipe.close()

    @staticmethod
    def _kill(child: _Child, number: int) -> None:
        if child.process is not None:
            # The group keeps its id as long as it has a member; the leader is reaped only after this.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(child.process.pid, number)

    @staticmethod
    def _post_mortem(child: _Child) -> str:
        assert child.process is not None  # noqa: S101 - for the type checker
        tail = "\n".join(f"    {line}" for line in child.last_lines)
        return (
            f"{child.service.name} ended with {_describe(child.process.returncode)} while starting. "
            f"Its last lines:\n{tail}"
        )


def _describe(status: int) -> str:
    if status < 0:
        with contextlib.suppress(ValueError):
            return f"signal {signal.Signals(-status).name}"
    return f"status {status}"


def log_output(logger: logging.Logger) -> Output:
    """Writes service output to the terminal and to a log file, one prefixed line each."""

    def write(service: str, line: str) -> None:
        with contextlib.suppress(BrokenPipeError, ValueError):
            print(f"{service:<7}| {line}", file=sys.stderr, flush=True)
        logger.info("%-7s| %s", service, line)

    return write
