"""The supervisor keeps its promises about real processes."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
import pytest

from clayloop.signals import interrupt, on_signals
from clayloop.up.supervisor import Service, ServiceError, Supervisor

CHILD = """
import pathlib, subprocess, sys, time
folder, name = pathlib.Path(sys.argv[1]), sys.argv[2]
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with (folder / f"{name}.pids").open("a") as file:
    file.write(f"{__import__('os').getpid()} {grandchild.pid}\\n")
print("hello from", name, flush=True)
(folder / f"{name}.ready").touch()
time.sleep(600)
"""


def service(folder: Path, name: str) -> Service:
    return Service(
        name,
        [sys.executable, "-c", CHILD, str(folder), name],
        (folder / f"{name}.ready").exists,
        start_seconds=30,
    )


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def pids(folder: Path) -> list[int]:
    return [int(pid) for file in folder.glob("*.pids") for pid in file.read_text().split()]


def running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def test_starts_in_order_logs_and_leaves_nothing_behind(tmp_path: Path) -> None:
    said: list[str] = []
    with Supervisor([service(tmp_path, "one"), service(tmp_path, "two")], tmp_path / "logs", said.append):
        assert [line.split()[0] for line in said] == ["one", "two"]
        assert all(running(pid) for pid in pids(tmp_path))
        until(lambda: "hello from one" in (tmp_path / "logs" / "one.log").read_text())
    assert len(pids(tmp_path)) == 4
    until(lambda: not any(running(pid) for pid in pids(tmp_path)))


def test_restarts_what_dies_and_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nobody can be told, and where the first try to start it again fails."""
    really, tries = subprocess.Popen, 0

    def popen(*given: Any, **more: Any) -> Any:
        nonlocal tries
        tries += 1
        if tries == 2:
            raise OSError(errno.EAGAIN, "no process left")
        return really(*given, **more)

    def say(line: str) -> None:
        raise OSError(errno.ENOSPC, "the disk of the log is full")

    monkeypatch.setattr(subprocess, "Popen", popen)
    with Supervisor([service(tmp_path, "one")], tmp_path / "logs", say):
        first, its_own = pids(tmp_path)
        os.kill(first, signal.SIGKILL)
        until(lambda: len(pids(tmp_path)) == 4)
        assert running(pids(tmp_path)[2])
        assert not running(its_own)
    until(lambda: not any(running(pid) for pid in pids(tmp_path)))


def test_a_service_that_ends_while_starting_is_told_with_its_last_words(tmp_path: Path) -> None:
    bad = Service("bad", [sys.executable, "-c", "print('no such port'); raise SystemExit(3)"], lambda: False)
    with (
        pytest.raises(ServiceError, match=r"bad ended while starting \(exit code 3\): .*no such port"),
        Supervisor([service(tmp_path, "one"), bad], tmp_path / "logs"),
    ):
        pass
    until(lambda: not any(running(pid) for pid in pids(tmp_path)))


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = textwrap.dedent(
        f"""
        import pathlib, sys, time
        from clayloop.up.supervisor import Supervisor
        from tests.clayloop.test_supervisor import service
        folder = pathlib.Path({str(tmp_path)!r})
        with Supervisor([service(folder, "one")], folder / "logs"):
            (folder / "up").touch()
            time.sleep(600)
        """
    )
    process = subprocess.Popen([sys.executable, "-c", program])
    until((tmp_path / "up").exists)
    child = pids(tmp_path)[0]
    process.kill()
    process.wait()
    until(lambda: not running(child))
    for pid in pids(tmp_path):  # the grandchild is not ours to tether: clean up after the test
        if running(pid):
            os.kill(pid, signal.SIGKILL)


def test_a_handler_that_python_did_not_set_becomes_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[object] = []
    monkeypatch.setattr(signal, "signal", lambda number, handler: done.append(handler))
    with on_signals(interrupt, signal.SIGTERM):
        pass
    assert done == [interrupt, signal.SIG_DFL]


def test_what_answers_must_be_the_service_itself(tmp_path: Path) -> None:
    """Two `up` with homes of their own: the later one asks a port at which the earlier one answers."""
    lives = [sys.executable, "-c", "import time; time.sleep(600)"]
    said: list[str] = []
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with (
            pytest.raises(ServiceError, match=f"Port {port} is taken") as raised,
            Supervisor([Service("one", lives, lambda: True, port=port)], tmp_path, said.append),
        ):
            pass
    assert "another home" in raised.value.hint
    assert not said, "it was not called ready"


def test_a_process_that_the_service_started_may_listen(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    inner = f"import socket, time; s = socket.create_server(('127.0.0.1', {port})); time.sleep(600)"
    outer = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {inner!r}])"

    def answers() -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
        return False

    with Supervisor([Service("one", [sys.executable, "-c", outer], answers, port=port)], tmp_path):
        pass


def test_a_slow_start_is_told_and_its_end_says_what_matters(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clayloop.up.supervisor._TELL_SECONDS", 0.3)
    said: list[str] = []
    child = "print('redis  | # WARNING Memory overcommit'); print('migrating'); import time; time.sleep(600)"
    command = [sys.executable, "-c", child]
    slow = Service("slow", command, lambda: False, starting="Starting it …", chatter="redis", start_seconds=5)
    with pytest.raises(ServiceError) as raised, Supervisor([slow], tmp_path, said.append):
        pass
    assert said[0] == "Starting it …"
    assert said[1].startswith("slow is still starting after ")
    assert "migrating" in raised.value.message
    assert "overcommit" not in raised.value.message
    assert "can be run again" in raised.value.hint
