"""A bot in a thread of the test process, on a free port."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import httpx
import uvicorn

from curation import Home, LanguageModel
from serving.bot.live import LiveRelease
from serving.bot.outbox import Send
from serving.bot.server import TurnLog, create_app, listen
from serving.releases.retriever import ReleaseLoader
from serving.releases.store import ReleaseStore
from serving.settings import ServingSettings


@dataclass
class RunningBot:
    url: str
    live: LiveRelease
    turns: TurnLog

    def get(self, path: str, **params: str | int) -> httpx.Response:
        """GET with the patience that a busy machine needs."""
        return httpx.get(f"{self.url}{path}", params=params, timeout=60)

    def wait_for_release(self, release_id: str, seconds: float = 60) -> None:
        deadline = time.monotonic() + seconds
        while self.get("/release").json()["id"] != release_id:
            assert time.monotonic() < deadline, f"{release_id} is not served after {seconds} s"
            time.sleep(0.05)


@contextmanager
def running_bot(
    home: Home, settings: ServingSettings, llm: LanguageModel | None, send: Send | None
) -> Iterator[RunningBot]:
    import threading

    store = ReleaseStore(home)
    live = LiveRelease(store, ReleaseLoader(store, settings), poll_seconds=0.1)
    turns = TurnLog(home, send)
    app = create_app(live, llm, turns, settings)
    listener = listen(settings.bot.host, settings.bot.port)
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    live.start()
    if turns.sender:
        turns.sender.start()
    thread.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    try:
        while not server.started:
            assert thread.is_alive(), "the bot did not start"
            time.sleep(0.02)
        yield RunningBot(url, live, turns)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        live.close()
        if turns.sender:
            turns.sender.close()
        listener.close()
