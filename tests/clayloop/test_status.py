"""What `clayloop status` says about a watcher that answers and cannot look."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from clayloop.settings import Settings
from clayloop.up.services import note_address
from clayloop.up.status import read_status
from clayloop.watch.receiver import Receiver

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
        assert read_status(settings)["services"] == {"watch": f"{receiver.url} {told}"}
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
