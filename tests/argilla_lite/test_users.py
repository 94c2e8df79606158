"""`argilla-lite users`, `up --detach` and `down`: while Argilla runs and while it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.argilla_lite.commands import alive, run, status

EVERYWHERE = "0.0.0.0"  # noqa: S104 - told of, for the seconds of a test

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Started in the background; the tests run in order and stop it midway."""
    home = tmp_path_factory.mktemp("background")
    started = run("up", "--detach", "--home", home, "--port", "0")
    assert started.returncode == 0, started.stderr
    credentials = json.loads((home / "credentials.json").read_text())
    assert started.stdout.count(credentials["password"]) == 1
    assert f"Argilla is ready at {credentials['url']}" in started.stdout
    yield home
    run("down", "--home", home)
    assert alive(home) == []


def users(home: Path, action: str, *arguments: str) -> Any:
    done = run("users", action, *arguments, "--home", home, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def can_log_in(home: Path, name: str, password: str) -> bool:
    url = json.loads((home / "credentials.json").read_text())["url"]
    answer = httpx.post(f"{url}/api/v1/token", data={"username": name, "password": password}, timeout=30)
    return answer.status_code == 201


def check_users(home: Path, name: str) -> str:
    """Everything that one does with a user; returns the last password."""
    first = users(home, "add", name)["password"]
    users(home, "add", f"{name}-admin", "--role", "admin", "--workspace", "clayloop", "--workspace", "more")
    listed = {one["username"]: (one["role"], one["workspaces"]) for one in users(home, "list")}
    assert listed[name] == ("annotator", ["clayloop"])
    assert listed[f"{name}-admin"] == ("admin", ["clayloop", "more"])
    again = run("users", "add", name, "--home", home)
    assert (again.returncode, "not unique" in again.stderr) == (1, True)
    second = str(users(home, "password", name)["password"])
    assert first != second
    users(home, "remove", f"{name}-admin")
    assert f"{name}-admin" not in {one["username"] for one in users(home, "list")}
    unknown = run("users", "remove", f"{name}-admin", "--home", home)
    assert (unknown.returncode, "no user" in unknown.stderr) == (1, True)
    stays = run("users", "remove", "argilla", "--home", home)
    assert (stays.returncode, "has to stay" in stays.stderr) == (1, True)
    return second


def test_while_it_runs_and_while_it_does_not(home: Path) -> None:
    anna = check_users(home, "anna")
    assert can_log_in(home, "anna", anna)
    assert not can_log_in(home, "anna-admin", anna)
    owner = users(home, "password", "argilla")["password"]
    assert can_log_in(home, "argilla", owner)
    assert json.loads((home / "credentials.json").read_text())["password"] == owner
    log = (home / "logs" / "argilla-lite.log").read_text() + (home / "logs" / "start.log").read_text()
    assert not [secret for secret in (anna, owner) if secret in log]

    assert run("down", "--home", home).returncode == 0
    assert alive(home) == []
    assert run("status", "--home", home).returncode == 1
    assert "does not run" in run("down", "--home", home).stdout
    # The same code of Argilla, called without a server: each command takes the seconds of its import.
    ben = users(home, "add", "ben")["password"]
    assert ("ben", "annotator") in {(one["username"], one["role"]) for one in users(home, "list")}
    assert list((home / "tmp").iterdir()) == []

    port = json.loads((home / "credentials.json").read_text())["url"].rsplit(":", 1)[1]
    started = run("up", "--detach", "--home", home, "--port", port, "--host", EVERYWHERE)
    assert started.returncode == 0, started.stderr
    assert owner not in started.stdout
    assert "try passwords" in started.stdout  # what a host other than loopback exposes
    for name, password in (("anna", anna), ("ben", ben), ("argilla", owner)):
        assert can_log_in(home, name, password)


def test_a_start_in_the_background_says_why_it_failed(home: Path, tmp_path: Path) -> None:
    second = run("up", "--detach", "--home", home, "--port", "0")
    assert (second.returncode, "already running" in second.stderr) == (3, True)
    port = status(home)["url"].rsplit(":", 1)[1]
    taken = run("up", "--detach", "--home", tmp_path / "other", "--port", port, "--host", EVERYWHERE)
    assert (taken.returncode, f"Port {port}" in taken.stderr) == (4, True)
    assert status(home)["running"]
