"""The supervisor: what it protects, what it restarts, what it leaves behind. Two starts serve all checks."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.argilla_lite.commands import alive, run, status, wait_for
from tests.argilla_lite.sample import Argilla, Sample, make_sample
from tests.argilla_lite.server import ArgillaLite, binary, running_argilla_lite

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """So deep that a unix socket's address would not fit."""
    return (
        tmp_path_factory.mktemp("deep") / ("a-long-folder-name-" * 3) / ("another-long-folder-" * 3) / "home"
    )


@pytest.fixture(scope="module")
def lite(home: Path) -> Iterator[ArgillaLite]:
    """The first start. Tests below run in order; the last ones stop and start it again."""
    stack = contextlib.ExitStack()
    server = stack.enter_context(running_argilla_lite(home))
    server.stack = stack  # type: ignore[attr-defined]
    with stack:
        yield server


@pytest.fixture(scope="module")
def data(lite: ArgillaLite) -> Sample:
    return make_sample(Argilla(lite.url, lite.api_key, lite.workspace), count=10)


@pytest.fixture(scope="module")
def token(lite: ArgillaLite) -> str:
    return login(lite)


def login(lite: ArgillaLite) -> str:
    form = {"username": lite.username, "password": lite.password}
    answer = httpx.post(f"{lite.url}/api/v1/token", data=form, timeout=30).raise_for_status()
    return str(answer.json()["access_token"])


def test_shown_once_and_private(lite: ArgillaLite, home: Path, token: str) -> None:
    assert sum(lite.password in line for line in lite.output) == 1
    assert sum(lite.api_key in line for line in lite.output) == 1
    assert lite.workspace == "clayloop"
    for folder, folders, files in os.walk(home):
        for name in folders:
            assert stat.S_IMODE((Path(folder) / name).stat().st_mode) == 0o700, name
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                assert stat.S_IMODE((Path(folder) / name).stat().st_mode) & 0o077 == 0, name
    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    secret = (home / "auth_secret").read_text().strip()
    log = (home / "logs" / "argilla-lite.log").read_text()
    command_lines = b"".join((Path("/proc") / str(pid) / "cmdline").read_bytes() for pid in alive(home))
    for hidden in (lite.password, lite.api_key, secret):
        assert hidden not in log
        assert hidden.encode() not in command_lines


def test_the_web_page_is_served(lite: ArgillaLite) -> None:
    page = httpx.get(lite.url, timeout=30)
    assert page.status_code == 200
    assert "<title>" in page.text
    assert "_nuxt" in page.text


def test_only_what_is_needed_is_open(lite: ArgillaLite) -> None:
    for path in ("/api/v1/docs", "/api/v1/openapi.json", "/api/v1/redoc"):
        assert httpx.get(lite.url + path, timeout=30).status_code == 404, path
    foreign = httpx.get(f"{lite.url}/api/v1/version", headers={"Origin": "https://example.org"}, timeout=30)
    assert "access-control-allow-origin" not in foreign.headers
    info = httpx.get(f"{lite.url}/api/v1/status", timeout=30).json()["search_engine"]
    assert "/" not in json.dumps(info)
    port = int(lite.url.rsplit(":", 1)[1])
    listening = [line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    assert f"0100007F:{port:04X}" in listening
    assert f"00000000:{port:04X}" not in listening


def test_requests_that_starlette_would_take_too_long_over(lite: ArgillaLite) -> None:
    # Served as a whole, without a look at the parts.
    ranges = {
        "Range": "bytes=" + ",".join(f"{start}-" for start in range(2000)),
        "Accept-Encoding": "identity",
    }
    page = httpx.get(lite.url, headers=ranges, timeout=30)
    assert (page.status_code, "content-range" in page.headers) == (200, False)
    login_url = f"{lite.url}/api/v1/token"
    large = httpx.post(login_url, files={"username": b"x" * 100_000}, timeout=30)
    assert large.status_code == 413
    form = {"username": (None, lite.username), "password": (None, lite.password)}
    assert httpx.post(login_url, files=form, timeout=30).status_code == 201


def test_no_user_but_the_owner(lite: ArgillaLite) -> None:
    headers = {"X-Argilla-Api-Key": lite.api_key}
    users = httpx.get(f"{lite.url}/api/v1/users", headers=headers, timeout=30).json()["items"]
    assert [(user["username"], user["role"]) for user in users if "-" not in user["username"]] == [
        ("argilla", "owner")
    ]
    weak = httpx.get(f"{lite.url}/api/v1/me", headers={"X-Argilla-Api-Key": "argilla.apikey"}, timeout=30)
    assert weak.status_code == 401


def test_second_start_is_refused(lite: ArgillaLite, home: Path) -> None:
    second = run("up", "--home", home, "--port", "0")
    assert second.returncode == 3
    assert "already running" in second.stderr
    assert lite.url in second.stderr
    assert httpx.get(f"{lite.url}/api/v1/status", timeout=30).status_code == 200


def test_taken_port_is_refused(lite: ArgillaLite, tmp_path: Path) -> None:
    port = lite.url.rsplit(":", 1)[1]
    second = run("up", "--home", tmp_path / "other", "--port", port)
    assert second.returncode == 4
    assert f"Port {port}" in second.stderr
    assert "--port" in second.stderr
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        assert run("up", "--home", tmp_path / "other", "--port", str(taken.getsockname()[1])).returncode == 4


def test_a_port_is_taken_before_anything_answers_there(tmp_path: Path) -> None:
    """Two that start close together: otherwise both prepare their database first."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    first, state = tmp_path / "first", tmp_path / "first" / "run" / "state.json"
    process = subprocess.Popen([binary(), "up", "--home", first, "--port", port, "--log-only"])
    try:
        wait_for(state.exists)
        second = run("up", "--home", tmp_path / "second", "--port", port)
        assert json.loads(state.read_text())["ready"] is False, "it was still starting"
        assert second.returncode == 4
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.parametrize("name", ["redis", "worker", "server", "stem"])
def test_what_dies_is_restarted(lite: ArgillaLite, home: Path, data: Sample, name: str) -> None:
    before = status(home)["processes"][name]
    os.kill(before, signal.SIGKILL)
    after = wait_for(lambda: (now := status(home)["processes"].get(name)) != before and now)
    assert after != before
    wait_for(lambda: httpx.get(f"{lite.url}/api/v1/status", timeout=5).status_code == 200)
    assert len(data.search("*")[0]) == len(data.rows)

    # A dataset's update needs Redis, and its job the worker: its records' statuses follow.
    wanted = 1 if name == "redis" else 2
    distribution = {"distribution": {"strategy": "overlap", "min_submitted": wanted}}

    def change() -> bool:
        answer = data.owner.client.patch(f"/api/v1/datasets/{data.dataset_id}", json=distribution)
        return answer.status_code in (200, 422)

    assert wait_for(change)


def test_annotating_goes_on_without_redis(lite: ArgillaLite, home: Path, data: Sample) -> None:
    os.kill(status(home)["processes"]["redis"], signal.SIGKILL)
    row = next(row for row in data.rows if not row.responses)
    body = {"values": {"verdict": {"value": "yes"}}, "status": "submitted"}
    data.annotators["anna"].send("POST", f"/records/{row.id}/responses", body)
    row.responses["anna"] = {"status": "submitted", "values": {"verdict": "yes"}}
    wait_for(lambda: "redis" in status(home)["processes"])


def test_stop_leaves_nothing_and_restart_keeps_everything(
    lite: ArgillaLite, home: Path, data: Sample, token: str
) -> None:
    found = data.search("*")
    lite.stack.close()  # type: ignore[attr-defined]
    assert lite.process.returncode == 0
    assert alive(home) == []
    assert list((home / "tmp").iterdir()) == []
    assert list((home / "run").iterdir()) == []
    assert run("status", "--home", home).returncode == 1

    # As if the machine had lost power between Argilla's write and the index's.
    with contextlib.closing(sqlite3.connect(home / "text.db")) as index, index:
        index.execute("DELETE FROM documents WHERE rowid IN (SELECT min(rowid) FROM documents)")
    assert run("check", "--home", home).returncode == 6
    # As if an argilla-lite of before had made it, which cut words otherwise.
    with contextlib.closing(sqlite3.connect(home / "text.db")) as index, index:
        index.execute("PRAGMA user_version = 1")

    with running_argilla_lite(home, port=int(lite.url.rsplit(":", 1)[1])) as again:
        assert (again.url, again.api_key, again.password) == (lite.url, lite.api_key, lite.password)
        assert not any(again.password in line for line in again.output)
        assert any("of another version of argilla-lite; building it anew" in line for line in again.output)
        assert sorted(data.search("*")[0]) == sorted(found[0])
        headers = {"Authorization": f"Bearer {token}"}
        assert (
            httpx.get(f"{again.url}/api/v1/me", headers=headers, timeout=30).json()["username"] == "argilla"
        )
        login(again)
        assert run("check", "--home", home).returncode == 0
        rebuilt = json.loads(run("reindex", "--home", home, "--json").stdout)
        assert rebuilt["records"] == len(data.rows)
        assert sorted(data.search("*")[0]) == sorted(found[0])
        assert status(home)["url"] == again.url

        # Nobody is left to stop the services: the kernel does.
        again.process.kill()
        again.process.wait()
        wait_for(lambda: not alive(home), 10)
