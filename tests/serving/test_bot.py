"""The bot over HTTP, with a real release, a real browser protocol client, and no language model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest
from gradio_client import Client

from curation import ArgillaError, Home, Turn, write_text
from serving.bot.answers import FOUND
from serving.bot.chat import NOTHING_ASKED
from serving.bot.refusals import REFUSAL
from serving.releases.store import ReleaseStore
from serving.settings import BotSettings, ServingSettings
from tests.serving.conftest import MakeRelease
from tests.serving.running import RunningBot, running_bot

HOW = "How do I run several tasks at the same time?"


@dataclass
class Mailbox:
    """Takes what the bot sends; can be made to refuse, as Argilla does when it is down."""

    turns: list[Turn] = field(default_factory=list)
    is_down: bool = False

    def __call__(self, turns: list[Turn]) -> None:
        if self.is_down:
            raise ArgillaError("Argilla does not answer.")
        self.turns += turns

    def wait_for(self, count: int) -> list[Turn]:
        deadline = time.monotonic() + 60
        while len(self.turns) < count and time.monotonic() < deadline:
            time.sleep(0.05)
        return self.turns


@pytest.fixture
def mailbox() -> Mailbox:
    return Mailbox()


@pytest.fixture
def bot(home: Home, make_release: MakeRelease, mailbox: Mailbox) -> Iterator[RunningBot]:
    make_release()
    settings = ServingSettings(bot=BotSettings(port=0))
    with running_bot(home, settings, None, mailbox) as running:
        yield running


def test_answers_with_sources_and_logs_the_conversation(
    bot: RunningBot, mailbox: Mailbox, home: Home
) -> None:
    client = Client(bot.url, verbose=False)
    first = client.predict(HOW, api_name="/chat")["content"]
    assert FOUND in first
    assert "--jobs 4" in first and "](https://docs.example.org/tasks.md)" in first

    second = client.predict("Can the settings be written in YAML?", api_name="/chat")["content"]
    assert "(`faq.md`)" in second, "a document without an address is listed by its path"
    client.predict("Who won the chess world championship in 1972?", api_name="/chat")

    turns = sorted(mailbox.wait_for(3), key=lambda turn: turn.turn)
    assert [turn.turn for turn in turns] == [0, 1, 2]
    assert len({turn.conversation_id for turn in turns}) == 1
    assert turns[0].question == HOW and not turns[0].history and turns[0].cited
    assert turns[1].history[0].content == HOW and "--jobs 4 to run four tasks" in turns[1].history[1].content
    assert turns[2].refused and turns[2].answer.startswith(REFUSAL) and not turns[2].cited
    assert all(turn.seconds > 0 and turn.thumb is None for turn in turns)
    assert {turn.release_id for turn in turns} == {ReleaseStore(home).current_id()}


def test_a_program_that_sends_nothing_is_asked_for_a_question(
    bot: RunningBot, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    assert NOTHING_ASKED in Client(bot.url, verbose=False).predict(None, api_name="/chat")["content"]
    assert "Traceback" not in caplog.text + "".join(capfd.readouterr())


def test_another_visitor_is_another_conversation(bot: RunningBot, mailbox: Mailbox) -> None:
    for _ in range(2):
        Client(bot.url, verbose=False).predict(HOW, api_name="/chat")
    assert len({turn.conversation_id for turn in mailbox.wait_for(2)}) == 2


def test_what_other_programs_ask(bot: RunningBot, home: Home) -> None:
    health = bot.get("/healthz")
    assert health.status_code == 200 and health.json()["ok"]
    release = bot.get("/release").json()
    assert release["id"] == health.json()["release"] == ReleaseStore(home).current_id()
    assert release["index"]["rows"] == 28
    found = bot.get("/search", q=HOW, k=3).json()
    assert found["answerable"] and found["near"] >= found["min_score"] and len(found["hits"]) == 3
    assert found["hits"][0]["section"][-1] == "Running tasks in parallel"
    assert bot.get("/search", q=HOW, k=0).status_code == 422


def test_other_sites_and_strangers_files_stay_outside(bot: RunningBot) -> None:
    elsewhere = {"Origin": "https://evil.example", "Host": "docs-bot.example.org"}
    for path in ("/", "/gradio_api/info", "/release", "/config"):
        answer = httpx.get(f"{bot.url}{path}", headers=elsewhere, timeout=60)
        assert answer.status_code == 200 and "access-control-allow-origin" not in answer.headers, path
        assert "default-src 'self'" in answer.headers["content-security-policy"]
    unqueued = httpx.post(f"{bot.url}/gradio_api/run/chat", json={"data": [HOW]}, timeout=60)
    assert unqueued.status_code == 404, "what is counted can't be passed by"
    files = {"files": ("a.html", b"<script>alert(1)</script>", "text/html")}
    assert httpx.post(f"{bot.url}/gradio_api/upload", files=files, timeout=60).status_code == 413
    for path in ("/etc/passwd", "pyproject.toml", "https://evil.example/"):
        assert bot.get(f"/gradio_api/file={path}").status_code in (403, 404), path
    assert bot.get("/gradio_api/proxy=https://evil.example/").status_code in (400, 403, 404)


def test_a_swap_is_noticed_and_a_corrupt_release_is_not_served(
    bot: RunningBot, home: Home, make_release: MakeRelease
) -> None:
    store = ReleaseStore(home)
    client = Client(bot.url, verbose=False)
    second = make_release("MARKER-TWO")
    bot.wait_for_release(second.id)
    assert "MARKER-TWO" in client.predict(HOW, api_name="/chat")["content"]

    third = make_release("MARKER-THREE", promote=False)
    weights = store.folder(third.id) / "model" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    write_text(
        store.root / "current", third.id + "\n"
    )  # whole, as the product does: the watcher reads it any time
    deadline = time.monotonic() + 60
    while not (error := bot.get("/healthz").json()["release_error"]) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert "model.safetensors is corrupt" in error
    assert bot.get("/release").json()["id"] == second.id
    assert "MARKER-TWO" in client.predict(HOW, api_name="/chat")["content"]
    store.promote(second.id)
    while bot.get("/healthz").json()["release_error"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_every_request_sees_one_release_while_they_are_swapped(
    bot: RunningBot, home: Home, make_release: MakeRelease
) -> None:
    make_release("FIRST")
    make_release("SECOND", promote=False)
    store = ReleaseStore(home)
    markers = dict(zip(store.ids(), ("", "FIRST", "SECOND"), strict=True))
    stop = threading.Event()
    wrong: list[str] = []
    seen: set[str] = set()

    def ask() -> None:
        with httpx.Client(base_url=bot.url, timeout=60) as client:
            while not stop.is_set():
                found = client.get("/search", params={"q": HOW, "k": 5})
                if found.status_code != 200:
                    wrong.append(found.text)
                    continue
                release, hits = found.json()["release"], found.json()["hits"]
                seen.add(release)
                wrong.extend(hit["text"] for hit in hits if not hit["text"].endswith(markers[release]))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for release_id in [*store.ids(), *store.ids()[::-1]]:
        store.promote(release_id)
        bot.wait_for_release(release_id)
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
    assert seen == set(store.ids())


def test_argilla_down_costs_no_turn(bot: RunningBot, mailbox: Mailbox) -> None:
    mailbox.is_down = True
    client = Client(bot.url, verbose=False)
    client.predict(HOW, api_name="/chat")
    client.predict("How do I upgrade?", api_name="/chat")
    outbox = bot.get("/healthz").json()["outbox"]
    assert outbox["pending"] == 2
    mailbox.is_down = False
    assert [turn.turn for turn in mailbox.wait_for(2)] == [0, 1]
