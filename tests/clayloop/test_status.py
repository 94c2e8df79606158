"""What `clayloop status` says, and that it ends with 1 where somebody has to mend something."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from clayloop.settings import Settings
from clayloop.up.running import supervised
from clayloop.up.services import note_address, silent_servers
from clayloop.up.status import read_status
from clayloop.watch.receiver import Receiver
from curation import Home, write_json
from serving import ReleaseStore, share
from tests.clayloop.command import Command
from tests.curation.fake_endpoint import fake_endpoint, hangs_up, sends
from tests.object_store import ObjectStore

DOWN = "Argilla at http://127.0.0.1:6900 does not answer."


@pytest.mark.parametrize(
    ("health", "told"),
    [
        ({"status": "ok", "trouble": ""}, "(answers)"),
        ({"status": "trouble", "trouble": DOWN}, f"(answers, but cannot look: {DOWN})"),
        ({"status": "trouble", "trouble": f"{DOWN}\nIs it up?"}, f"(answers, but cannot look: {DOWN})"),
    ],
)
def test_it_tells_the_watchers_trouble(tmp_path: Path, health: dict[str, Any], told: str) -> None:
    settings = Settings(home=tmp_path)
    with Receiver("127.0.0.1", 0, lambda *_: False, lambda _: None, lambda: health) as receiver:
        note_address(settings.state, "watch", receiver.url)
        status = read_status(settings)
        assert status["services"] == {"watch": f"{receiver.url} {told}"}
        assert status["problems"] == (
            [] if told == "(answers)" else [f"watch at {receiver.url} {told[1:-1]}"]
        )
    assert read_status(settings)["services"] == {"watch": f"{receiver.url} (does not answer)"}


def test_the_login_in_an_address_is_used_and_shown_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    asked: list[str | None] = []

    class Proxy(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.headers["Authorization"])
            self.send_response(200 if self.headers["Authorization"] else 401)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Proxy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        place = f"127.0.0.1:{server.server_address[1]}"
        settings = Settings.model_validate(
            {"home": tmp_path, "curation": {"argilla": {"url": f"http://ops:hunter2@{place}/"}}}
        )
        note_address(settings.state, "argilla", settings.curation.argilla.url)
        assert "hunter2" not in settings.state.services.read_text()
        told = read_status(settings)["services"]
        server.shutdown()
    assert asked == ["Basic b3BzOmh1bnRlcjI="]
    assert "hunter2" not in caplog.text, "httpx logs each address with --verbose"
    assert told == {"argilla": f"http://{place}/ (answers)"}


def test_nothing_begun_is_no_problem(clayloop: Command) -> None:
    assert clayloop.well("status", "--json").json["problems"] == []


def test_what_somebody_has_to_mend_ends_with_1(served: Command) -> None:
    assert served.well("status", "--json").json["problems"] == []
    assert "Next: `clayloop up`" in served.well("status").out
    home = Home(served.home)
    (home.releases / "marks.json").write_text("{")
    assert "marks.json is damaged" in served("status").err
    (home.releases / "marks.json").unlink()
    whole = home.documents.read_bytes()
    for name, spoil, says in (
        ("chunks are missing", home.chunks.unlink, "do not belong together. Restore it, or remove"),
        ("both are missing", home.documents.unlink, "documents.parquet is missing, although releases were"),
        ("cut off", lambda: home.documents.write_bytes(whole[:100]), "documents.parquet cannot be read"),
    ):
        spoil()
        ended = served("status")
        assert ended.code == 1, name
        assert says in " ".join(ended.err.split()), name
        assert "Release served" in ended.out, "the rest is told all the same"


def test_a_disk_that_is_nearly_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda place: SimpleNamespace(free=99_000_000))
    (problem,) = read_status(Settings(home=tmp_path))["problems"]
    assert problem.startswith(f"{tmp_path} can hold no further release: 99 MB are free")


def test_the_bots_own_trouble_is_told(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    health = {"ok": True, "release_error": "r7 is damaged.\nMore.", "outbox": {"error": "Disk full"}}
    with Receiver("127.0.0.1", 0, lambda *_: False, lambda _: None, lambda: health) as receiver:
        note_address(settings.state, "bot", receiver.url)
        (problem,) = read_status(settings)["problems"]
    assert problem.endswith(
        "but cannot serve what is current: r7 is damaged.; cannot hand its conversations on: Disk full."
    )


def test_the_object_store_is_named_and_asked(
    cloud: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = Settings(home=tmp_path)
    share(ReleaseStore(settings.state), cloud.url)
    assert read_status(settings)["shared"] == {"url": cloud.url}
    cloud.fails("silent")
    began = time.monotonic()
    assert f"{cloud.url} does not answer" in read_status(settings)["problems"][0]
    assert time.monotonic() - began < 20


def test_an_endpoint_without_a_health_page_answers(tmp_path: Path) -> None:
    """Ollama and OpenAI have none."""
    with fake_endpoint(lambda request: request.send(404, b"")) as endpoint:
        settings = Settings.model_validate(
            {"home": tmp_path, "curation": {"language_model": {"base_url": endpoint.base_url}}}
        )
        note_address(settings.state, "model", endpoint.base_url)
        assert read_status(settings)["problems"] == []
    assert [*silent_servers(settings)] == [
        f"curation.language_model.base_url: no language model answers at {endpoint.base_url}. It is tried "
        "with each question; until then the bot shows passages."
    ]
    assert [*silent_servers(settings, model=False)] == []


@pytest.mark.parametrize(
    ("status", "health", "told"),
    [
        (503, {"ok": False}, "answers, but has stopped looking for releases: start it again"),
        (
            503,
            {"ok": False, "release_error": "r7 is damaged."},
            "cannot serve what is current: r7 is damaged.",
        ),
        (200, {"ok": True, "outbox": {"unreadable": 3}}, "cannot read, in outbox/unreadable: 3"),
        (404, {"detail": "Not Found"}, "does not answer"),
    ],
)
def test_a_bot_that_is_not_well_says_why(
    tmp_path: Path, status: int, health: dict[str, Any], told: str
) -> None:
    settings = Settings(home=tmp_path)
    with fake_endpoint(hangs_up) as endpoint:
        endpoint.list_reply = sends(status, json.dumps(health))
        note_address(settings.state, "bot", endpoint.base_url)
        (problem,) = read_status(settings)["problems"]
    assert told in problem


def test_what_may_not_be_read_is_a_problem_among_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(_: object) -> bool:
        raise PermissionError(13, "Permission denied", "/x/corpus")

    settings = Settings(home=tmp_path)
    note_address(settings.state, "bot", "http://[")
    monkeypatch.setattr("clayloop.up.status.Corpus.exists", refuses)
    status = read_status(settings)
    assert status["corpus"] == {"problem": "Cannot read /x/corpus: Permission denied."}
    assert status["release"] == {"served": None}
    assert status["problems"][1] == "bot at http://[ does not answer."


def test_it_says_in_words_how_things_are_and_what_comes_next(clayloop: Command, pottery: Path) -> None:
    nothing = clayloop.well("status").out
    assert "Next: `clayloop ingest SOURCE`" in nothing
    for words in ("Documents", "none yet", "Turns not yet in Argilla", "none runs (clayloop up)"):
        assert words in nothing
    clayloop.well("ingest", str(pottery))
    told = clayloop.well("status").out
    assert " GB " in told
    assert "Next: `clayloop bootstrap`" in told


def test_an_up_that_has_not_come_far_is_told_as_starting(clayloop: Command) -> None:
    home = Home(clayloop.home)
    settings = Settings(home=home.root)
    with supervised(settings, None, lambda _: None):
        assert "already up" in clayloop("up").err
        (home.root / ".up.starting").touch()
        assert "is starting" in clayloop.well("status").out
        assert "clayloop is starting on" in clayloop("up").err
    (home.root / ".up.starting").touch()
    assert "none runs" in clayloop.well("status").out, "that one was killed"


def test_an_argilla_of_another_home_is_no_answer(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    asked: list[str] = []

    class Other(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(401 if self.path == "/api/v1/me" else 200)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            return None

    with ThreadingHTTPServer(("127.0.0.1", 0), Other) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_address[1]}"
        write_json(settings.state.argilla / "credentials.json", {"url": url, "api_key": "k" * 20})
        note_address(settings.state, "argilla", url)
        (problem,) = read_status(settings)["problems"]
        server.shutdown()
    assert "belongs to another clayloop" in problem
    assert asked[-1] == "/api/v1/me"
