"""Starts services in order, waits until each answers, restarts what dies, and stops them all.

Children get a process group each, so that stopping one takes everything that it started with it, and they end
with their supervisor even when that is killed (curation.tether).
"""

from __future__ import annotations

import logging
import logging.handlers
import os
import signal
import subprocess
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import psutil

from clayloop.console import undeterred
from clayloop.signals import on_signals
from curation import ClayloopError, end_group, tethered

log = logging.getLogger(__name__)

_STOP_SECONDS = 15.0
_TELL_SECONDS = 30.0
_LOG_BYTES = 20_000_000


class ServiceError(ClayloopError):
    """A service did not come up."""

    exit_code = 9


@dataclass(frozen=True)
class Service:
    """A process to keep running. ``ready`` is polled until it is true, for as long as the process lives, at
    most ``start_seconds``; ``environment`` is added to ours.

    Whatever answers, it must be the process, or one that it started, that listens on ``port`` (0: none is
    looked at), which ``setting`` chooses. ``starting`` is said at once. Lines of its output that begin with
    ``chatter`` explain no error.
    """

    name: str
    command: Sequence[str]
    ready: Callable[[], bool]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int = 0
    setting: str = ""
    starting: str = ""
    chatter: str = ""
    start_seconds: float = 900.0


def by_whom(port: int) -> str:
    """Which process listens on ``port``, as the end of "is taken"; "" where that can't be known."""
    with suppress(psutil.Error, OSError):
        for place in psutil.net_connections("tcp"):
            if place.status == psutil.CONN_LISTEN and place.pid and place.laddr and place.laddr.port == port:
                return f" by {psutil.Process(place.pid).name()} (process {place.pid})"
    return ""


class Supervisor:
    """Runs ``services``; each one's output goes to ``logs/<name>.log``. Use it as a context manager.

    Raises ServiceError, after stopping what was started, when a service ends or stays silent while starting.
    """

    def __init__(
        self, services: Sequence[Service], logs: Path, say: Callable[[str], None] = log.info
    ) -> None:
        self._services = list(services)
        self._logs = logs
        self.say = undeterred(say)
        self._running: dict[str, _Running] = {}
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # held to start a service and to stop them all
        self._watcher: threading.Thread | None = None

    def __enter__(self) -> Supervisor:
        self._logs.mkdir(parents=True, exist_ok=True)
        try:
            for service in self._services:
                self.add(service)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def add(self, service: Service) -> None:
        """Start one more service and wait until it answers."""
        self._logs.mkdir(parents=True, exist_ok=True)
        started = time.monotonic()
        if service.starting:
            self.say(service.starting)
        running = _Running(service, self._logs / f"{service.name}.log")
        try:
            self._wait_until_ready(running, started)
        except BaseException:
            running.stop()
            raise
        with self._lock:
            self._running[service.name] = running
        self.say(f"{service.name} is ready after {time.monotonic() - started:.1f} s")
        if self._watcher is None:
            self._watcher = threading.Thread(target=self._watch, name="supervisor", daemon=True)
            self._watcher.start()

    def _wait_until_ready(self, running: _Running, started: float) -> None:
        service, told = running.service, started
        hint = f"Its whole log: {running.path}"
        while True:
            answers = service.ready()
            if answers and service.port and not running.listens():
                raise ServiceError(
                    f"Port {service.port} is taken{by_whom(service.port)}: another program answers there "
                    f"than the {service.name} of this home.",
                    "Perhaps a clayloop with another home. Stop that, or set "
                    f"{service.setting or 'the port'} to another one (0: any free one).",
                )
            code, now = running.process.poll(), time.monotonic()
            if code is not None:
                raise ServiceError(
                    f"{service.name} ended while starting (exit code {code}): {running.last_words}", hint
                )
            if answers:
                return
            if now - started > service.start_seconds:
                raise ServiceError(
                    f"{service.name} does not answer after {now - started:.0f} s: {running.last_words}",
                    f"The command can be run again: what {service.name} has done so far is kept. {hint}",
                )
            if now - told >= _TELL_SECONDS:
                told = now
                self.say(f"{service.name} is still starting after {now - started:.0f} s …")
            if self._stopping.wait(0.2):
                raise ServiceError("Stopped while starting.")

    def stop(self) -> None:
        """Stop everything in reverse order: SIGTERM to each group, SIGKILL to what is still there later."""
        self._stopping.set()
        # A second Ctrl-C must not leave half of the services running.
        with on_signals(signal.SIG_IGN), self._lock:
            for running in reversed(list(self._running.values())):
                running.stop()
        if self._watcher is not None:
            self._watcher.join(timeout=_STOP_SECONDS)
        self._running.clear()

    def wait(self, seconds: float) -> bool:
        """Wait at most ``seconds``; whether the end was asked for (`stop`)."""
        return self._stopping.wait(seconds)

    def _watch(self) -> None:
        # Always this thread restarts: the kernel ends a child with the thread that started it.
        while not self._stopping.wait(0.5):
            for name, running in list(self._running.items()):
                code = running.process.poll()
                if code is None or self._stopping.is_set():
                    continue
                end_group(running.process)  # what the dead service started would hold its port
                pause = running.next_pause()
                self.say(
                    f"{name} ended (exit code {code}); starting it again in {pause:.0f} s, see {running.path}"
                )
                if self._stopping.wait(pause):
                    return
                with self._lock:
                    if not self._stopping.is_set():
                        self._restart(running)

    def _restart(self, running: _Running) -> None:
        try:
            running.start()
        except OSError as error:  # no memory or no process left: the next round tries again
            self.say(f"{running.service.name} could not be started: {error.strerror or error}")


class _Running:
    """One service's process, its log and its history of restarts."""

    def __init__(self, service: Service, path: Path) -> None:
        self.service = service
        self.path = path
        self._tail: deque[str] = deque(maxlen=8)
        self._log = _Log(path)
        self._failures = 0
        self._started = 0.0
        self.start()

    def listens(self) -> bool:
        """Whether the process, or one that it started, listens on the service's port."""
        with suppress(psutil.Error):
            leader = psutil.Process(self.process.pid)
            for one in (leader, *leader.children(recursive=True)):
                with suppress(psutil.Error):
                    for place in one.net_connections("tcp"):
                        if place.status == psutil.CONN_LISTEN and place.laddr.port == self.service.port:
                            return True
        return False

    @property
    def last_words(self) -> str:
        return " | ".join(self._tail) or "(it printed nothing)"

    def start(self) -> None:
        self._started = time.monotonic()
        self.process = subprocess.Popen(
            tethered(self.service.command),
            env={**os.environ, "PYTHONUNBUFFERED": "1", **self.service.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        threading.Thread(target=self._copy_output, args=(self.process,), daemon=True).start()

    def next_pause(self) -> float:
        """Seconds before the next restart: 1, 2, 4 … 30; a minute of good service starts over."""
        self._failures = 0 if time.monotonic() - self._started > 60 else self._failures + 1
        return float(min(30, 2 ** max(0, self._failures - 1)))

    def stop(self) -> None:
        end_group(self.process)
        self._log.close()

    def _copy_output(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout is not None  # noqa: S101 - started with a pipe
        for line in process.stdout:
            text = line.decode("utf-8", "replace").rstrip()
            if not self.service.chatter or not text.startswith(self.service.chatter):
                self._tail.append(text)
            self._log.handle(logging.makeLogRecord({"msg": text}))


class _Log(logging.handlers.RotatingFileHandler):
    """A service's output, in at most two files. Lines that cannot be written are dropped: a service whose
    output nobody reads would stop at a full pipe."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, maxBytes=_LOG_BYTES, backupCount=1, encoding="utf-8", delay=True)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Drop the line."""
