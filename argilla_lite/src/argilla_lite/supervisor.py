"""Starts the services in order, passes their logs on, restarts those that die, and stops all.

It runs in one thread, so nothing here may block for long. Only the main thread starts processes, because the
kernel kills them when the thread that started them ends (see `lifeline`).
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import signal
import sys
import time
from collections.abc import Callable, Iterator
from typing import IO, cast

from argilla_lite.errors import StartFailedError
from argilla_lite.service import Child, Output, Service, describe
from argilla_lite.stem import reap_strangers

_TICK = 0.05  # seconds between two looks at the children
_FIRST_BACK_OFF = 0.5
_LONGEST_BACK_OFF = 30.0
_STEADY_AFTER = 60.0  # after a child ran this long, its back-off starts again at the first
_STOP_PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL


class _Kept(Child):
    """A child that is restarted, after a longer wait each time."""

    restart_at: float | None = None
    back_off = _FIRST_BACK_OFF


class Supervisor:
    """Runs services until a signal asks it to stop. `output` gets each line of each service's output,
    `changed` name → process id after a (re)start."""

    def __init__(self, output: Output, changed: Callable[[dict[str, int]], None]) -> None:
        self._output = output
        self._changed = changed
        self._children: list[_Kept] = []
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
        """Runs a process to its end. Raises StartFailedError when it ended with another status than 0 or took
        too long."""
        child = self._start(service)
        deadline = time.monotonic() + service.start_timeout
        while child.runs and not self.stopping:
            if time.monotonic() > deadline:
                raise StartFailedError(f"{service.name} took longer than {service.start_timeout:.0f} s.")
            self._pump(_TICK)
        child.drain()
        self._children.remove(child)
        if self.stopping:
            child.kill(signal.SIGKILL)
        elif child.status != 0:
            raise StartFailedError(child.post_mortem())

    def launch(self, service: Service) -> Callable[[], None]:
        """Starts a service. Returns a function that waits until it answers, and raises StartFailedError if it
        does not."""
        child = self._start(service)
        return lambda: self._await_ready(child)

    def watch(self) -> None:
        """Restarts services that die, until a signal arrives."""
        while not self.stopping:
            self._pump(_TICK)
            now = time.monotonic()
            for child in self._children:
                self._revive(child, now)
            reap_strangers({child.process.pid for child in self._children if child.process is not None})

    def stop(self) -> None:
        """Ends all services: SIGTERM to their process groups, later SIGKILL to what is left of them."""
        self._end([child for child in self._children if not child.service.stops_last])
        self._end([child for child in self._children if child.service.stops_last])
        self._children.clear()

    def process_ids(self) -> dict[str, int]:
        """Name → process id of the services that run."""
        return {
            child.service.name: child.process.pid
            for child in self._children
            if child.process is not None and child.runs
        }

    def _start(self, service: Service) -> _Kept:
        child = _Kept(service, self._selector, self._output)
        self._children.append(child)
        self._spawn(child)
        return child

    def _spawn(self, child: _Kept) -> None:
        child.spawn()
        child.restart_at = None
        self._changed(self.process_ids())

    def _end(self, children: list[_Kept]) -> None:
        for child in children:
            child.kill(signal.SIGTERM)
        deadline = time.monotonic() + _STOP_PATIENCE
        while time.monotonic() < deadline and any(child.runs for child in children):
            self._pump(_TICK)
        for child in children:
            # Also when the leader is gone: its group may have members left.
            child.kill(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
            child.drain()

    def _note_signal(self, number: int, _frame: object) -> None:
        self._stop_signal = number

    def _await_ready(self, child: _Kept) -> None:
        service = child.service
        deadline = time.monotonic() + service.start_timeout
        while not self.stopping:
            self._pump(_TICK)
            if not child.runs:
                child.drain()
                raise StartFailedError(child.post_mortem())
            if service.ready():
                return
            if time.monotonic() > deadline:
                raise StartFailedError(f"{service.name} did not answer within {service.start_timeout:.0f} s.")

    def _revive(self, child: _Kept, now: float) -> None:
        status = child.status
        if status is not None:
            child.drain()
            child.kill(signal.SIGKILL)  # processes that it may have left in its group
            if now - child.started > _STEADY_AFTER:
                child.back_off = _FIRST_BACK_OFF
            child.restart_at = now + child.back_off
            self._output(
                child.service.name, f"ended with {describe(status)}; restarting in {child.back_off:.1f} s"
            )
            child.back_off = min(child.back_off * 2, _LONGEST_BACK_OFF)
            child.process = None
        elif child.process is None and child.restart_at is not None and now >= child.restart_at:
            self._spawn(child)

    def _pump(self, timeout: float) -> None:
        for key, _ in self._selector.select(timeout):
            cast("Child", key.data).read(cast("IO[bytes]", key.fileobj))


def log_output(logger: logging.Logger, terminal: bool) -> Output:
    """Writes service output to a log file, one prefixed line each, and to the terminal if wanted."""

    def write(service: str, line: str) -> None:
        if terminal:
            with contextlib.suppress(BrokenPipeError, ValueError):
                print(f"{service:<7}| {line}", file=sys.stderr, flush=True)
        logger.info("%-7s| %s", service, line)

    return write
