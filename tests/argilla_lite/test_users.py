"""`argilla-lite users`, `up --detach` and `down`: while Argilla runs and while it does not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.argilla_lite.commands import alive, run, status, wait_for
from tests.argilla_lite.sample import Argilla, make_sample

EVERYWHERE = "0.0.0.0"  # noqa: S104 - told of, for the seconds of a test

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Started in the background; the tests run in order, and the last one stops it."""
    home = tmp_path_factory.mktemp("background")
    started = run("up", "--detach", "--home", home, "--port", "0", "--host", EVERYWHERE)
    assert started.returncode == 0, started.stderr
    credentials = json.loads((home / "credentials.json").read_text())
    assert started.stdout.count(credentials["password"]) == 1
    assert f"Argilla is ready at {credentials['url']}" in started.stdout
    assert "try passwords" in started.stdout  # what a host other than loopback exposes
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


def test_a_start_in_the_background_says_why_it_failed(home: Path, tmp_path: Path) -> None:
    second = run("up", "--detach", "--home", home, "--port", "0")
    assert (second.returncode, "already running" in second.stderr) == (3, True)
    port = status(home)["url"].rsplit(":", 1)[1]
    taken = run("up", "--detach", "--home", tmp_path / "other", "--port", port, "--host", EVERYWHERE)
    assert (taken.returncode, f"Port {port}" in taken.stderr) == (4, True)
    assert status(home)["running"]


def test_while_it_runs(home: Path) -> None:
    first = users(home, "add", "anna")["password"]
    users(home, "add", "boss", "--role", "admin", "--workspace", "clayloop", "--workspace", "more")
    listed = {one["username"]: (one["role"], one["workspaces"]) for one in users(home, "list")}
    assert listed["anna"] == ("annotator", ["clayloop"])
    assert listed["boss"] == ("admin", ["clayloop", "more"])
    again = run("users", "add", "anna", "--home", home)
    assert (again.returncode, "not unique" in again.stderr) == (1, True)
    second = users(home, "password", "anna")["password"]
    assert can_log_in(home, "anna", second)
    assert not can_log_in(home, "anna", first)
    assert users(home, "remove", "boss", "--with-answers", "--yes")["answers"] == 0
    assert "boss" not in {one["username"] for one in users(home, "list")}
    unknown = run("users", "remove", "boss", "--home", home)
    assert (unknown.returncode, "no user" in unknown.stderr) == (1, True)
    stays = run("users", "remove", "argilla", "--home", home)
    assert (stays.returncode, "has to stay" in stays.stderr) == (1, True)

    owner = users(home, "password", "argilla")["password"]
    assert can_log_in(home, "argilla", owner)
    assert json.loads((home / "credentials.json").read_text())["password"] == owner
    log = (home / "logs" / "argilla-lite.log").read_text() + (home / "logs" / "start.log").read_text()
    assert not [secret for secret in (first, second, owner) if secret in log]


def test_answers_stay_unless_they_are_to_go(home: Path) -> None:
    credentials = json.loads((home / "credentials.json").read_text())
    sample = make_sample(Argilla(credentials["url"], credentials["api_key"], "clayloop"), count=20)
    name = "anna"
    login = next(one["username"] for one in users(home, "list") if one["username"].startswith(f"{name}-"))
    given = len(sample.filtered(lambda row: name in row.responses))

    def responses() -> int:
        listed = sample.owner.get(f"/datasets/{sample.dataset_id}/records", include="responses", limit=100)
        answered = [one for record in listed["items"] for one in record["responses"]]
        return sum(one["user_id"] == sample.users[name] for one in answered)

    assert responses() == given > 0
    done = users(home, "remove", login)
    assert done == {"username": login, "role": "annotator", "answers": given, "deleted": False}
    assert responses() == given
    assert [one["workspaces"] for one in users(home, "list") if one["username"] == login] == [[]]
    with pytest.raises(httpx.HTTPStatusError):
        sample.search("clay", user=name)  # sees nothing any more

    back = users(home, "add", login)["password"]
    assert can_log_in(home, login, back)
    assert sample.search("clay", user=name)[1]

    asked = run("users", "remove", login, "--with-answers", "--home", home)
    assert (asked.returncode, f"{given} answers" in asked.stderr, "--yes" in asked.stderr) == (1, True, True)
    assert responses() == given
    assert users(home, "remove", login, "--with-answers", "--yes")["deleted"]
    assert responses() == 0
    sees_all = run("users", "add", "second", "--role", "owner", "--home", home)
    assert sees_all.returncode == 0, sees_all.stderr
    refused = run("users", "remove", "second", "--home", home)
    assert (refused.returncode, "sees every workspace" in refused.stderr) == (1, True)
    users(home, "remove", "second", "--with-answers", "--yes")


def test_while_it_does_not_run(home: Path) -> None:
    """The same code of Argilla, called without a server: each command takes the seconds of its import."""
    assert run("down", "--home", home).returncode == 0
    wait_for(lambda: not alive(home), 10)  # a job's own process is killed, and gone a moment later
    assert run("status", "--home", home).returncode == 1
    assert "does not run" in run("down", "--home", home).stdout
    users(home, "add", "ben", "--role", "admin")
    assert ("ben", "admin") in {(one["username"], one["role"]) for one in users(home, "list")}
    assert list((home / "tmp").iterdir()) == []
