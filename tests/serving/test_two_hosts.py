"""Two hosts (network namespaces) with a bot each follow one pointer; one is cut off while it moves."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from curation import Home
from serving.releases.following import share
from serving.releases.store import ReleaseStore
from tests.object_store import ObjectStore, running_object_store
from tests.serving.conftest import MakeRelease

PATIENCE = 240.0
PORT = 6901
EVERYWHERE = "0.0.0.0"  # noqa: S104 - two cables lead here

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("ip"), reason="namespaces need root and ip"),
]


class Host:
    """A namespace with one cable to this one, and a bot in it."""

    def __init__(self, number: int, root: Path, store: ObjectStore) -> None:
        self.name, self.root = f"clay-{os.getpid()}-{number}", root
        self.cable, self.net = f"clay{os.getpid() % 100_000}{number}", f"10.213.{number}"
        self.process: subprocess.Popen[bytes] | None = None
        self.store = f"http://{self.net}.1:{store.port}"

    def __enter__(self) -> Host:
        run("ip", "netns", "add", self.name)
        run("ip", "link", "add", self.cable, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        run("ip", "address", "add", f"{self.net}.1/30", "dev", self.cable)
        self.plug(True)
        self.run("ip", "link", "set", "lo", "up")
        self.run("ip", "address", "add", f"{self.net}.2/30", "dev", "eth0")
        self.run("ip", "link", "set", "eth0", "up")
        with (self.root.parent / f"{self.name}.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    *(
                        "ip",
                        "netns",
                        "exec",
                        self.name,
                        sys.executable,
                        "-m",
                        "clayloop",
                        "--home",
                        self.root,
                    ),
                    *("serve", "--no-model", "--port", str(PORT)),
                ],
                env={**os.environ, "AWS_ENDPOINT_URL": self.store, "CLAYLOOP_SERVING__BOT__HOST": EVERYWHERE},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(self, *_: object) -> None:
        if self.process is not None:
            self.process.terminate()
            self.process.wait(60)
        run("ip", "netns", "delete", self.name)

    def plug(self, is_in: bool) -> None:
        run("ip", "link", "set", self.cable, "up" if is_in else "down")

    def run(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.name, *command)

    def ask(self, path: str, inside: bool = False) -> Any:
        """What the bot answers, asked over the cable, or on its own host; None where nothing does."""
        url = f"http://{'127.0.0.1' if inside else f'{self.net}.2'}:{PORT}{path}"
        code = "import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=10).read().decode())"
        try:
            answer = (self.run if inside else run)(sys.executable, "-c", code, url)
        except subprocess.CalledProcessError:
            return None
        return json.loads(answer)

    def until(self, path: str, key: str, wanted: object, inside: bool = False) -> None:
        end = time.monotonic() + PATIENCE
        while (found := self.ask(path, inside) or {}).get(key) != wanted:
            assert time.monotonic() < end, f"{self.name}: {found}"
            time.sleep(0.5)


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture
def store() -> Iterator[ObjectStore]:
    with pytest.MonkeyPatch.context() as patch, running_object_store(patch, at=EVERYWHERE) as found:
        yield found


def through_the_proxy(hosts: list[Host]) -> str:
    """As a proxy does: whoever says that all is well is asked. The release that answered."""
    for host in hosts:
        if (host.ask("/healthz") or {}).get("ok"):
            found = host.ask("/search?q=install&k=1")
            assert found["hits"]
            return str(found["release"])
    raise AssertionError("nobody answers")


def test_bots_follow_one_pointer_and_one_that_is_cut_off_serves_on(
    home: Home, make_release: MakeRelease, tmp_path: Path, store: ObjectStore
) -> None:
    first = make_release("first")
    trainer = ReleaseStore(home)
    share(trainer, store.url)
    homes = [Home(tmp_path / name) for name in ("one", "two")]
    for one in homes:
        share(ReleaseStore(one), store.url)
    with Host(1, homes[0].root, store) as one, Host(2, homes[1].root, store) as two:
        for host in (one, two):
            host.until("/healthz", "release", first.id)
        two.plug(False)
        second = make_release("second")
        one.until("/release", "id", second.id)
        assert through_the_proxy([two, one]) == second.id
        assert two.ask("/release", inside=True)["id"] == first.id
        assert two.ask("/search?q=install&k=1", inside=True)["release"] == first.id
        two.plug(True)
        two.until("/release", "id", second.id)
        two.until("/healthz", "release_error", None)
        trainer.promote(trainer.previous_id())
        for host in (one, two):
            host.until("/release", "id", first.id)
