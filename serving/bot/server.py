"""The bot's web server: the chat at /, and what other programs ask it."""

from __future__ import annotations

import gc
import logging
import socket
from collections.abc import Callable
from contextlib import closing
from typing import Any

import uvicorn
from fastapi import FastAPI, Query
from fastapi.middleware.cors import CORSMiddleware
from fastapi.responses import JSONResponse

from curation import (
    ClayloopError,
    Home,
    LanguageModel,
    Mask,
    StateError,
    Turn,
    hand_back_large_blocks,
    local_url,
    make_mask,
    masked,
    web_address,
)
from serving.bot.answers import examples_of
from serving.bot.api import add_api
from serving.bot.chat import ChatService
from serving.bot.guard import Guard, Rates
from serving.bot.live import LiveRelease
from serving.bot.login import Login, Proxies
from serving.bot.offered import with_offered
from serving.bot.outbox import Outbox, Send, Sender
from serving.bot.page import mount_page
from serving.releases.answering import AnsweringModels
from serving.releases.retriever import ReleaseLoader
from serving.releases.store import ReleaseStore
from serving.settings import ServingSettings

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 1_000  # an open page holds one


class TurnLog:
    """Where finished turns go: the outbox, and from there to ``send``. Without ``send`` they are not kept.

    ``complete`` adds to each what annotators choose from, when it is sent: nobody who asks waits for that.
    ``mask`` takes personal data out of a text before it is stored.
    """

    def __init__(self, home: Home, send: Send | None, mask: Mask | None = None) -> None:
        self.outbox = Outbox(home.outbox)
        self._mask = mask
        self.complete: Callable[[Turn], Turn] = lambda turn: turn
        self.sender: Sender | None = None
        if send is not None:
            self.sender = Sender(self.outbox, lambda turns: send([self.complete(turn) for turn in turns]))
        self.error: str | None = None

    def __call__(self, turn: Turn) -> None:
        """Store ``turn`` durably. A full disk costs the turn, not the answer; /healthz and the log say so."""
        if self.sender is None:
            return
        try:
            self.outbox.put(masked(turn, self._mask) if self._mask else turn)
            self.error = None
        except StateError as error:
            self.error = error.message
            log.error("A turn could not be stored: %s", error)
            return
        self.sender.wake()

    def status(self) -> dict[str, Any]:
        return {
            "enabled": self.sender is not None,
            "pending": self.outbox.pending(),
            "unreadable": self.outbox.set_aside(),
            "error": self.error or (self.sender.error if self.sender else None),
        }


def create_app(
    live: LiveRelease,
    llm: LanguageModel | None,
    turns: TurnLog,
    settings: ServingSettings,
) -> FastAPI:
    """The application. The caller starts and stops ``live`` and ``turns``."""
    turns.complete = lambda turn: with_offered(live.retriever, turn)
    service = ChatService(live, llm, turns, settings.bot)
    app = FastAPI(title="clayloop bot", docs_url=None, redoc_url=None, openapi_url="/openapi.json")

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        is_ok = live.is_watching
        body = {
            "ok": is_ok,
            "release": live.release_id,
            "release_error": live.error,
            "canary": live.canary.release_id,
            "outbox": turns.status(),
            "language_model": (live.retriever.answering or llm) is not None,
        }
        return JSONResponse(body, status_code=200 if is_ok else 503)

    @app.get("/release")
    def release() -> JSONResponse:
        retriever = live.retriever
        body = retriever.release.model_dump(mode="json", exclude={"files", "prompt"})
        return JSONResponse({**body, "min_score": retriever.min_score})

    @app.get("/search")
    def search(q: str = Query(max_length=4000), k: int = Query(10, ge=1, le=100)) -> JSONResponse:
        retriever = live.retriever
        try:
            hits = retriever.search(q, k)
        except ClayloopError as error:
            return JSONResponse({"error": error.message}, status_code=500)
        body = {
            "release": retriever.release.id,
            "answerable": retriever.should_answer(q, hits),
            "near": retriever.near(hits),
            "min_score": retriever.min_score,
            "hits": [
                {
                    "score": hit.score,
                    "asked": hit.asked.model_dump(exclude={"chunk_id"}) if hit.asked else None,
                    **hit.chunk.model_dump(mode="json", exclude={"source", "url"}),
                    "url": web_address(hit.chunk.url),
                    "answer": answer.model_dump(mode="json")
                    if (answer := retriever.answers.get(hit.chunk.id))
                    else None,
                }
                for hit in hits
            ],
        }
        return JSONResponse(body)

    add_api(app, service)
    rates = Rates(settings.bot.questions_per_minute)
    # The last one added stands outermost. Without one of our own, Gradio lets any site's page read answers.
    app.add_middleware(CORSMiddleware, allow_origins=())
    app.add_middleware(Login, settings=settings.bot, rates=rates)
    app.add_middleware(Guard, rates=rates)
    app.add_middleware(Proxies, trusted=settings.bot.trusted_proxies)
    return mount_page(app, service, examples_of(live.retriever, settings.bot))


def run_bot(
    home: Home,
    settings: ServingSettings,
    language_model: LanguageModel | None,
    send: Send | None,
    ready: Callable[[str], None] | None = None,
    answering: AnsweringModels | None = None,
) -> None:
    """Serve until SIGINT or SIGTERM. ``send`` delivers turns (curation's ``log_turns``; None: none are kept).

    A release's own language model is started by ``answering`` and asked in place of ``language_model``.
    ``ready`` is called with the bot's address once it answers. Raises StateError without a release or when
    the port is taken, ReleaseError when the current release is corrupt.
    """
    store = ReleaseStore(home)
    # What is imported stays. Where a swap has to collect garbage, which stops everybody who asks, it need not
    # look through all of that. What a release brings along is not among it, and goes with it.
    gc.collect()
    gc.freeze()
    hand_back_large_blocks()
    live = LiveRelease(store, ReleaseLoader(store, settings, answering))
    mask = make_mask(settings.bot.mask_phones_of) if settings.bot.mask_personal_data else None
    turns = TurnLog(home, send if settings.bot.log_conversations else None, mask)
    app = create_app(live, language_model, turns, settings)
    with closing(listen(settings.bot.host, settings.bot.port)) as listener:
        config = uvicorn.Config(
            app,
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=3,
            server_header=False,
            proxy_headers=False,  # serving.bot.trusted_proxies says whom to believe
            limit_concurrency=_MOST_CONNECTIONS,
        )
        address = local_url(settings.bot.host, listener.getsockname()[1])
        server = _Server(config, lambda: ready(address) if ready else None)
        live.start()
        if turns.sender is not None:
            turns.sender.start()
        log.info("Serving release %s at %s", live.release_id, address)
        try:
            server.run(sockets=[listener])
        finally:
            live.close()
            if turns.sender is not None:
                turns.sender.close()


class _Server(uvicorn.Server):
    """Says when it is ready."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if not self.should_exit:
            self._ready()


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; port 0 takes a free one. Raises StateError when the port is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        raise StateError(
            f"The bot can't listen at {host}:{port}: {error.strerror or error}",
            "Stop what listens there, or set serving.bot.port to another port (0: any free one).",
        ) from error
    return listener
