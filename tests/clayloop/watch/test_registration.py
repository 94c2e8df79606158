"""Registered with Argilla: known again after a move to another machine, and tried again when there were too
many."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from clayloop.watch.registration import Calls, description_of
from curation import Home

MOST = 10  # webhooks, as in Argilla
URL = "http://127.0.0.1:4711/argilla"


class FakeArgilla:
    """As far as webhooks go. ``client`` is what the SDK's client is needed for."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []
        self.asked = 0
        self.refuses = 0  # with this status
        self._made = 0
        http = httpx.Client(transport=httpx.MockTransport(self._answer), base_url="http://argilla")
        self.client: Any = SimpleNamespace(http_client=http)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        if request.method == "GET":
            return httpx.Response(200, json={"items": self.rows})
        if request.method == "DELETE":
            found = request.url.path.rpartition("/")[2]
            self.rows = [row for row in self.rows if row["id"] != found]
            return httpx.Response(204)
        self.asked += 1
        if self.refuses:
            return httpx.Response(self.refuses, json={"detail": "Not now"})
        if len(self.rows) >= MOST:
            return httpx.Response(
                422, json={"detail": "You can't create more than 10 webhooks. Please delete some"}
            )
        return httpx.Response(201, json=self.add(**json.loads(request.content)))

    def add(self, **row: Any) -> dict[str, Any]:
        self._made += 1
        self.rows.append({"id": f"w{self._made}", "enabled": True, "secret": "whsec_eA==", **row})
        return self.rows[-1]

    @property
    def descriptions(self) -> list[str]:
        return [row["description"] for row in self.rows]


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def test_what_a_killed_watcher_left_is_removed_in_another_container(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    argilla = FakeArgilla()
    argilla.add(description="somebody's own")
    Calls(Home(tmp_path / "other"), URL, print).refresh(argilla.client)
    for container in ("3f2a", "77be", "0c1d"):
        monkeypatch.setattr("socket.gethostname", lambda name=container: name)
        calls = Calls(home, URL, print)
        calls.refresh(argilla.client)
        assert calls.registered
    other = description_of(Home(tmp_path / "other"))
    assert argilla.descriptions == ["somebody's own", other, description_of(home)]
    calls.end(argilla.client)
    assert argilla.descriptions == ["somebody's own", other]


@pytest.mark.parametrize("damage", ["", "not an id", "\x00"])
def test_a_damaged_id_is_made_anew(home: Home, damage: str) -> None:
    first = description_of(home)
    assert description_of(home) == first
    (home.root / "watch.id").write_text(damage)
    second = description_of(home)
    assert second not in (first, "clayloop watch ")
    assert description_of(home) == second


def test_too_many_webhooks_are_told_once_and_tried_again(home: Home) -> None:
    argilla = FakeArgilla()
    for number in range(MOST):
        argilla.add(description=f"another {number}")
    said: list[str] = []
    calls = Calls(home, URL, said.append)
    for look in range(1, 4):
        calls.refresh(argilla.client)
        assert not calls.registered
        assert argilla.asked == look
    (line,) = said
    assert "more than 10 webhooks" in line
    assert "tried again at every look" in line
    argilla.rows.pop()
    calls.refresh(argilla.client)
    assert calls.registered
    assert calls.trouble == ""
    assert said[1:] == [f"Argilla calls {URL} when somebody answers"]
    calls.refresh(argilla.client)
    assert argilla.asked == 4, "registered is registered"


@pytest.mark.parametrize("status", [401, 404, 409, 429])
def test_a_refusal_that_may_pass_is_tried_again(home: Home, status: int) -> None:
    argilla = FakeArgilla()
    argilla.refuses = status
    said: list[str] = []
    calls = Calls(home, URL, said.append)
    calls.refresh(argilla.client)
    calls.refresh(argilla.client)
    assert (argilla.asked, len(said)) == (2, 1), "tried again, told once"
    argilla.refuses = 0
    calls.refresh(argilla.client)
    assert calls.registered


def test_that_only_an_owner_may_is_final(home: Home) -> None:
    argilla = FakeArgilla()
    argilla.refuses = 403
    calls = Calls(home, URL, print)
    calls.refresh(argilla.client)
    calls.refresh(argilla.client)
    assert argilla.asked == 1
    assert calls.trouble == "only an owner may register webhooks"


def test_with_another_key_a_refused_webhook_is_tried_again(home: Home) -> None:
    argilla = FakeArgilla()
    argilla.refuses = 403
    calls = Calls(home, URL, lambda _: None)
    calls.refresh(argilla.client)
    argilla.refuses = 0
    calls.refresh(argilla.client)
    assert not calls.registered, "the key is not an owner's"
    calls.try_again()
    calls.refresh(argilla.client)
    assert calls.registered
