"""`clayloop up`: its real services, their addresses, a bot that appears with the first release, and nothing
left behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import psutil
import pytest

from clayloop.up.services import known_addresses
from curation import Home
from tests.clayloop.command import Command

pytestmark = [pytest.mark.argilla, pytest.mark.llm, pytest.mark.slow]

ANY_PORT = {
    "CLAYLOOP_CURATION__ARGILLA__PORT": "0",
    "CLAYLOOP_CURATION__LANGUAGE_MODEL__PORT": "0",
    "CLAYLOOP_SERVING__BOT__PORT": "0",
    "CLAYLOOP_DASHBOARDS__PORT": "0",
    "CLAYLOOP_WATCH__WITH_UP": "true",
}


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.3)


def test_up(clayloop: Command, pottery: Path, tmp_path: Path) -> None:
    home = Home(clayloop.home)
    clayloop.well("ingest", str(pottery))
    output = tmp_path / "up.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "clayloop", "--home", str(home.root), "up"],
            env={**os.environ, **ANY_PORT},
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    try:
        until(lambda: "watch" in known_addresses(home) or process.poll() is not None, 240)
        assert process.poll() is None, output.read_text()
        addresses = known_addresses(home)
        assert set(addresses) == {"argilla", "model", "dashboard", "watch"}, (
            "there is no release to serve yet"
        )
        assert all(url.startswith("http://127.0.0.1:") for url in addresses.values())

        watch = f"{addresses['watch']}/healthz"
        until(lambda: httpx.get(watch).json()["woken_by"] == "webhooks and polling", 240)

        second = clayloop("up")
        assert second.code == 7
        assert "already up" in second.err

        release = clayloop.well("bootstrap", "--json").json["id"]
        until(lambda: "bot" in known_addresses(home), 120)
        bot = known_addresses(home)["bot"]
        assert httpx.get(f"{bot}/release").json()["id"] == release
        assert httpx.get(f"{bot}/healthz").status_code == 200
        status = clayloop("status", "--json").json
        services = status["services"]
        assert len(services) == 5
        # Nothing has been pushed: the watcher has nothing to look at yet, and says so.
        assert all(problem.startswith("watch at ") for problem in status["problems"])
        assert "(answers" in services.pop("watch")
        assert all("(answers)" in told for told in services.values())

        shown = output.read_text()
        login = home.argilla / "credentials.json"
        assert stat.S_IMODE(login.stat().st_mode) == 0o600
        assert "Argilla's login:" in shown
        secrets = [value for value in _strings(login) if len(value) >= 12 and "://" not in value]
        assert secrets
        for log in home.logs.rglob("*.log"):
            assert not [secret for secret in secrets if secret in log.read_text(errors="replace")], log

        below = psutil.Process(process.pid).children(recursive=True)
        assert len(below) >= 5
        process.send_signal(signal.SIGTERM)
        assert process.wait(90) == 0
        until(lambda: not any(_alive(child) for child in below), 60)
        assert known_addresses(home) == {}
        assert "is stopped" in output.read_text()
    finally:
        process.kill()
        process.wait()


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def _strings(path: Path) -> list[str]:
    import json

    return [value for value in json.loads(path.read_text()).values() if isinstance(value, str)]
