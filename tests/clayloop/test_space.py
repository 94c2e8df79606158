"""The Space's folder, run as a Space would: a release is published, fetched, checked and served."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest
import yaml

from clayloop.space.writing import NOT_SERVED
from tests.clayloop.command import Command
from tests.ports import free_port
from tests.stand_in_hub import GOOD, StandInHub

_BLOCKED = """\
import importlib.abc, sys
class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name in {names!r}:
            raise ModuleNotFoundError(f"a Space does not install {{name}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def test_the_space_fetches_the_release_and_answers(
    served: Command, hub: StandInHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_TOKEN", GOOD)
    shipped = served.well("publish", "release", "me/bot", "--json").json["release"]
    expected = served.well("search", "Which oxide gives blue?", "-k", "3", "--json").json
    made = served.well("space", "me/bot", "--push", "me/space", "--json").json
    assert made["address"] == f"{hub.url}/spaces/me/space"
    repo = hub.repos["space", "me/space"]
    assert (repo.private, repo.sdk) == (True, "gradio")
    assert {"app.py", "README.md", "requirements.txt", "clayloop/__main__.py"} <= set(repo.files)
    head = yaml.safe_load(repo.files["README.md"].decode().split("---")[1])
    assert (head["sdk"], head["app_file"], head["models"]) == ("gradio", "app.py", ["me/bot"])
    assert "spaces/me/space?duplicate=true" in repo.files["README.md"].decode()
    required = repo.files["requirements.txt"].decode().splitlines()
    assert all("==" in line and "+" not in line for line in required)
    assert not NOT_SERVED & {line.partition("==")[0].partition("[")[0] for line in required}

    folder = tmp_path / "built"
    for name, data in repo.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)
    blocked = tmp_path / "blocked"
    blocked.mkdir()
    modules = {name.replace("-", "_") for name in NOT_SERVED}
    (blocked / "sitecustomize.py").write_text(_BLOCKED.format(names=modules))
    # Without an environment of its own (`make test-space`): ours, in which what a Space does not install
    # cannot be imported.
    python = os.environ.get("CLAYLOOP_SPACE_PYTHON", "")
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith("CLAYLOOP_")},
        "PYTHONPATH": "" if python else str(blocked),
        "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"),
        "CLAYLOOP_SERVING__BOT__HOST": "127.0.0.1",
        "CLAYLOOP_SERVING__BOT__PORT": str(port),
    }
    log = (tmp_path / "space.log").open("w")
    app = subprocess.Popen(
        [python or sys.executable, "app.py"],
        cwd=folder,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        deadline = time.monotonic() + 240
        while True:
            assert app.poll() is None and time.monotonic() < deadline, (tmp_path / "space.log").read_text()
            try:
                health = httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).json()
                break
            except httpx.HTTPError:
                time.sleep(0.3)
        assert (health["release"], health["outbox"]["enabled"]) == (shipped, False)
        asked = {"q": "Which oxide gives blue?", "k": 3}
        found = httpx.get(f"http://127.0.0.1:{port}/search", params=asked, timeout=30).json()
        assert [hit["id"] for hit in found["hits"]] == [hit["id"] for hit in expected["hits"]]
        assert "<html" in httpx.get(f"http://127.0.0.1:{port}/", timeout=60).text
    finally:
        app.terminate()
        app.wait(timeout=30)
        log.close()


def test_a_folder_with_something_else_is_left_alone(clayloop: Command) -> None:
    Path("mine").mkdir()
    Path("mine/thesis.txt").write_text("years of work")
    refused = clayloop("space", "me/bot", "--folder", "mine")
    assert refused.code == 2 and Path("mine/thesis.txt").read_text() == "years of work"
    assert clayloop("space", "nobody", "--folder", "new").code == 2
    for _ in range(2):
        clayloop.well("space", "me/bot", "--folder", "new")
    assert sorted(path.name for path in Path().iterdir()) == ["mine", "new"]
