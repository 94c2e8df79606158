"""The whole: people answer in a real Argilla, it calls, and the bot has a new release. Once."""

from __future__ import annotations

import base64
import itertools
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import argilla as rg
import httpx
import pytest
from pydantic import SecretStr
from standardwebhooks.webhooks import Webhook

from clayloop.watch.registration import description_of
from curation import (
    Api,
    ArgillaSettings,
    Corpus,
    Home,
    Triplet,
    connect_to_argilla,
    find_dataset,
    push_to_argilla,
)
from serving import Embedder, EmbeddingSettings, ReleaseStore
from tests.clayloop.command import Command
from tests.clayloop.watch.fake_retrain import starts
from tests.clayloop.watch.forwarder import Forwarder
from tests.curation.argilla.sample import Person, hire
from tests.training.material import accepted_triplets, make_chunks
from training import FINE_TUNED, RunRecord, RunStore, explain_release

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaLite, ArgillaServer

pytestmark = pytest.mark.argilla

PATIENCE = 180.0  # seconds
ROOT = Path(__file__).parents[3]
CHUNKS = make_chunks()
_numbers = itertools.count(1)


def until(condition: Callable[[], Any]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.1)


class World:
    """A state folder with a release, pushed triplets, and somebody to answer them."""

    def __init__(self, home: Home, server: ArgillaLite, triplets: int) -> None:
        number = next(_numbers)
        self.home = home
        self.settings = ArgillaSettings(
            url=server.url,
            api_key=SecretStr(server.api_key),
            workspace="watched",
            chunks=f"watched-chunks-{number}",
            triplets=f"watched-triplets-{number}",
            conversations=f"watched-conversations-{number}",
        )
        self.client: rg.Argilla = connect_to_argilla(self.settings, home)
        self.api = Api.of(self.client)
        self.triplets = [
            Triplet(
                id=Triplet.make_id(str(one.metadata["chunk_id"]), one.fields["positive"], ""),
                chunk_id=str(one.metadata["chunk_id"]),
                anchor=one.fields["anchor"],
                positive=one.fields["positive"],
                negative="",
                origin="heading",
                model="",
                path="",
                section="",
            )
            for one in accepted_triplets(CHUNKS)[:triplets]
        ]
        corpus = Corpus([], CHUNKS)
        corpus.save(home)
        self.model = ReleaseStore(home).current().base_model
        embedder = Embedder(self.model, EmbeddingSettings(precision="float32", threads=1))
        push_to_argilla(self.client, self.settings, corpus, self.triplets, embedder)
        self.person: Person = hire(self.api, self.settings, f"watched-{number}")
        dataset = find_dataset(self.api, self.settings, "triplets")
        assert dataset is not None
        self._waiting = [str(row["id"]) for page in self.api.records(dataset.id) for row in page]

    def accept(self, count: int) -> None:
        """Somebody accepts so many triplets."""
        said = {name: {"value": "yes"} for name in ("is_positive_relevant", "is_negative_irrelevant")}
        for start in range(0, count, 50):
            batch = [self._waiting.pop() for _ in range(min(50, count - start))]
            self.person.api.respond(
                [{"record_id": key, "status": "submitted", "values": said} for key in batch]
            )

    @property
    def environment(self) -> dict[str, str]:
        argilla = self.settings
        return {
            **os.environ,
            "CLAYLOOP_CURATION__ARGILLA__URL": argilla.url,
            "CLAYLOOP_CURATION__ARGILLA__API_KEY": argilla.api_key.get_secret_value(),
            "CLAYLOOP_CURATION__ARGILLA__WORKSPACE": argilla.workspace,
            "CLAYLOOP_CURATION__ARGILLA__CHUNKS": argilla.chunks,
            "CLAYLOOP_CURATION__ARGILLA__TRIPLETS": argilla.triplets,
            "CLAYLOOP_CURATION__ARGILLA__CONVERSATIONS": argilla.conversations,
            "CLAYLOOP_SERVING__EMBEDDING__MODEL": self.model,
            "CLAYLOOP_SERVING__EMBEDDING__PRECISION": "float32",
            "CLAYLOOP_SERVING__EMBEDDING__THREADS": "1",
            "CLAYLOOP_TRAINING__FIT__EPOCHS": "1",
            "CLAYLOOP_TRAINING__FIT__MAX_TOKENS": "32",
            # What is tested here is that a round arrives, not that sixty rows make a better model.
            "CLAYLOOP_TRAINING__GATE__MARGIN": "1.0",
            "CLAYLOOP_TRAINING__GATE__MIN_QUERIES": "5",
            "CLAYLOOP_TRAINING__GATE__CROSS_FIT_BELOW": "0",
            "CLAYLOOP_TRAINING__GATE__GUARDS__LATENCY_RATIO": "1000",  # of a model that takes a millisecond
            "CLAYLOOP_TRAINING__GATE__PROMOTE": '["superior", "non-inferior"]',
            "CLAYLOOP_WATCH__MIN_ACCEPTED": "60",
            "CLAYLOOP_WATCH__DEBOUNCE_SECONDS": "1",
            "CLAYLOOP_WATCH__POLL_SECONDS": "3600",
        }

    def registrations(self) -> list[dict[str, Any]]:
        """Our watcher's webhooks, as Argilla lists them."""
        rows = self.api.request("GET", "/api/v1/webhooks", "listing")["items"]
        return [row for row in rows if row["description"] == description_of(self.home)]


class Watching:
    """A watcher in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], output: Path) -> None:
        self.process = process
        self.output = output
        found: list[str] = []

        def listening() -> bool:
            assert process.poll() is None, self.said
            found[:] = re.findall(r"istening at (\S+)", self.said)
            return bool(found)

        until(listening)
        self.url = found[0]

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    @property
    def health(self) -> dict[str, Any]:
        assert self.process.poll() is None, f"it ended with {self.process.returncode}: {self.said}"
        value: dict[str, Any] = httpx.get(f"{self.url}/healthz", timeout=30).json()
        return value

    def has_looked(self, since: int) -> bool:
        """Whether it has looked since, and nobody calls."""
        now = self.health
        return now["looks"] > since and not now["about_to_look"] and not now["retraining"]


@contextmanager
def watching(arguments: list[str], environment: Mapping[str, str], output: Path) -> Iterator[Watching]:
    with output.open("ab") as file:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=ROOT, env=dict(environment), stdout=file, stderr=file
        )
    try:
        yield Watching(process, output)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0


def _call(url: str, secret: str, times: int) -> list[int]:
    """Call as Argilla would that has this secret, many times at once. Returns the statuses."""
    body = json.dumps({"type": "response.created", "version": 1, "data": {}})
    now = datetime.now(timezone.utc)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body),
    }
    with httpx.Client(timeout=60) as client, ThreadPoolExecutor(8) as pool:

        def post(_: int) -> int:
            return client.post(f"{url}/argilla", content=body, headers=headers).status_code

        return list(pool.map(post, range(times)))


def _has_trained(run: RunRecord) -> bool:
    return run.status == "finished" and run.inputs.rung == FINE_TUNED


def test_answers_reach_the_bot_whatever_calls(
    served_home: Home,
    argilla_lite: ArgillaServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    world = World(served_home, argilla_lite, triplets=60)
    store, runs = ReleaseStore(world.home), RunStore(world.home)
    first = store.current_id()
    foreign = {"url": "http://127.0.0.1:9/", "events": ["response.created"], "description": "somebody else's"}
    other = world.api.request("POST", "/api/v1/webhooks", "registering", foreign)
    stale = {**foreign, "description": description_of(world.home)}
    world.api.request("POST", "/api/v1/webhooks", "registering", stale)

    arguments = ["-m", "clayloop", "--home", str(world.home.root), "watch"]
    with watching(arguments, world.environment, tmp_path / "watch.txt") as watcher:
        until(lambda: watcher.has_looked(0))
        assert watcher.health["woken_by"] == "webhooks and polling"
        (ours,) = world.registrations()
        assert ours["url"] == f"{watcher.url}/argilla", "what an earlier watcher left is gone"

        # A thousand forgeries, and a true call about nothing.
        forger = base64.b64encode(b"guess").decode()
        assert set(_call(watcher.url, forger, 1000)) == {401}
        assert watcher.health["calls"] == {"accepted": 0, "refused": 1000}
        looks = watcher.health["looks"]
        assert _call(watcher.url, ours["secret"], 1) == [204]
        until(lambda: watcher.has_looked(looks))
        assert runs.list() == []

        # People answer. Only Argilla's own calls can tell the watcher: it polls once an hour.
        world.accept(60)
        until(lambda: watcher.health["failures"] or any(_has_trained(run) for run in runs.list()))
        assert not watcher.health["failures"], watcher.said
        until(lambda: watcher.has_looked(looks + 1))
        made, served = len(runs.list()), store.current_id()
        assert served != first
        made_from = explain_release(store, served or "")
        assert set(made_from.annotators) == {world.person.name}

        # True calls, a thousand times: nothing is new.
        looks = watcher.health["looks"]
        assert set(_call(watcher.url, ours["secret"], 1000)) == {204}
        until(lambda: watcher.has_looked(looks))
        assert (len(runs.list()), store.current_id()) == (made, served)
        assert ours["secret"] not in watcher.said
        assert world.settings.api_key.get_secret_value() not in watcher.said
    assert world.registrations() == [], "taken back"
    rest = world.api.request("GET", "/api/v1/webhooks", "listing")["items"]
    assert other["id"] in {row["id"] for row in rest}
    world.api.request("DELETE", f"/api/v1/webhooks/{other['id']}", "removing")
    assert not [entry for entry in world.home.root.rglob("*.json") if ours["secret"] in entry.read_text()]
    for name, value in world.environment.items():
        monkeypatch.setenv(name, value)
    _what_the_command_line_says(
        Command(world.home.root, monkeypatch, capfd), world.person.name, made_from.decisions
    )


def _what_the_command_line_says(clayloop: Command, annotator: str, decisions: int) -> None:
    """The release is explained; what would be left out of another one is told, and nothing is written."""
    told = clayloop.well("explain", "--json").json
    assert sum(told["annotators"][annotator].values()) == told["decisions"] == decisions
    assert annotator in clayloop.well("explain").out
    before = sorted(path.stat().st_mtime_ns for path in clayloop.home.rglob("*"))
    plan = clayloop.well("retrain", "--dry-run", "--json", "-", "--without-annotator", annotator).json
    assert (plan["fates"], plan["would_train"]) == ({"left-out": decisions}, False)
    record = plan["rows"][0]["record_id"]
    assert record in clayloop.well("explain", "--record", record).out
    some = clayloop.well("retrain", "--dry-run", "--json", "-", "--filter", "kettle").json
    assert 0 < some["fates"]["left-out"] < decisions
    assert all(
        "kettle" in row["query"] or "kettle" in row["place"]
        for row in some["rows"]
        if row["teaches"] == "example"
    )
    newest = clayloop.well("retrain", "--dry-run", "--since", "2000-01-01", "--max-records", "7")
    assert "the newest 7 records" in newest.out
    unknown = clayloop("retrain", "--dry-run", "--without-annotator", "nobody")
    assert (unknown.code, annotator in unknown.err) == (2, True)
    assert sorted(path.stat().st_mtime_ns for path in clayloop.home.rglob("*")) == before


def test_it_survives_its_own_death_and_argillas(
    served_home: Home, argilla_lite: ArgillaServer, tmp_path: Path
) -> None:
    world = World(served_home, argilla_lite, triplets=8)
    address = urlsplit(world.settings.url)
    forwarder = Forwarder(address.hostname or "", address.port or 0)
    log, output = tmp_path / "retrains.txt", tmp_path / "watch.txt"
    arguments = ["-m", "tests.clayloop.watch.fake_watcher", str(world.home.root), str(log), "0", "0"]
    environment = {
        **world.environment,
        "CLAYLOOP_CURATION__ARGILLA__URL": forwarder.url,
        "CLAYLOOP_WATCH__MIN_ACCEPTED": "3",
        "CLAYLOOP_WATCH__POLL_SECONDS": "0.5",
    }
    with watching(arguments, environment, output) as first:
        until(lambda: first.has_looked(0))
        forwarder.off.set()
        until(lambda: first.health["status"] == "trouble")
        world.accept(3)
        forwarder.off.clear()
        until(lambda: starts(log) == 1)
        until(lambda: first.health["last"])
        assert first.said.count("Cannot look now") == 1, "told once"
        first.process.kill()
        first.process.wait()
    assert len(world.registrations()) == 1, "a killed watcher cannot take it back"

    world.accept(3)
    output.write_text("")
    with watching(arguments, environment, output) as second:
        until(lambda: starts(log) == 2)
        until(lambda: second.health["woken_by"] != "polling" and second.has_looked(0))
        (ours,) = world.registrations()
        assert ours["url"] == f"{second.url}/argilla"
        # Somebody removes the registration by hand: it is made again.
        world.api.request("DELETE", f"/api/v1/webhooks/{ours['id']}", "removing")
        until(lambda: [row["id"] for row in world.registrations()] not in ([], [ours["id"]]))
        looks = second.health["looks"]
        until(lambda: second.has_looked(looks + 2))
        assert starts(log) == 2, "restarted, it does not begin again from nothing"
    forwarder.close()


def test_without_an_owners_key_it_polls_and_says_so_once(
    served_home: Home, argilla_lite: ArgillaServer, tmp_path: Path
) -> None:
    world = World(served_home, argilla_lite, triplets=8)
    user = world.api.request(
        "POST",
        "/api/v1/users",
        "hiring",
        {
            "username": f"admin-{world.settings.triplets}",
            "first_name": "Admin",
            "role": "admin",
            "password": "correct horse battery",
        },
    )
    workspace = next(
        row
        for row in world.api.request("GET", "/api/v1/me/workspaces", "listing")["items"]
        if row["name"] == world.settings.workspace
    )
    world.api.request(
        "POST", f"/api/v1/workspaces/{workspace['id']}/users", "adding", {"user_id": user["id"]}
    )
    log = tmp_path / "retrains.txt"
    arguments = ["-m", "tests.clayloop.watch.fake_watcher", str(world.home.root), str(log), "0", "0"]
    environment = {
        **world.environment,
        "CLAYLOOP_CURATION__ARGILLA__API_KEY": user["api_key"],
        "CLAYLOOP_WATCH__MIN_ACCEPTED": "3",
        "CLAYLOOP_WATCH__POLL_SECONDS": "0.5",
    }
    with watching(arguments, environment, tmp_path / "watch.txt") as watcher:
        until(lambda: watcher.has_looked(2))
        assert watcher.health["woken_by"] == "polling"
        assert watcher.said.count("only an owner may register webhooks") == 1
        assert starts(log) == 0
        world.accept(3)
        until(lambda: starts(log) == 1)
    assert world.registrations() == []
