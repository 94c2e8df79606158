"""Simulated visitors: questions put to the running bot over HTTP, the way a browser puts them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
from gradio_client import Client
from pydantic import BaseModel

from clayloop.demo.needs import Need
from curation import ClayloopError, Progress, first_line

AT_ONCE = 2  # visitors; the embedded language model has as many slots
SEARCH_SECONDS = 60.0
OUTBOX_SECONDS = 180.0
SWAP_SECONDS = 90.0
_POLL_SECONDS = 0.5


class Answered(BaseModel):
    """A question in the chat and what came back, in ``seconds``."""

    question: str
    answer: str
    seconds: float


class Found(BaseModel):
    """The sources that ``release`` would show for a ``question``: paths, best first, none when the bot says
    that it does not know. ``right`` is the place of the first right page among them, from 1; 0 without."""

    need: str
    question: str
    release: str
    sources: tuple[str, ...]
    right: int


def served_release(bot: str) -> str:
    """The id of the release that the bot at ``bot`` serves now."""
    return str(httpx.get(f"{bot}/release", timeout=10.0).raise_for_status().json()["id"])


def chat(bot: str, questions: Sequence[str], progress: Progress) -> list[Answered]:
    """Ask each question in a conversation of its own, a few visitors at once. Raises ClayloopError for an
    answer that is an error, httpx.HTTPError where the bot does not answer."""

    def visit(question: str) -> Answered:
        started = time.monotonic()
        try:
            answer = str(Client(bot, verbose=False).predict(question, api_name="/chat")["content"])
        except ValueError as error:  # all of the client's own errors are
            raise ClayloopError(
                f"The bot at {bot} has no answer to {question!r}: {first_line(error)}",
                "Its log is logs/bot.log in the state folder.",
            ) from error
        seconds = round(time.monotonic() - started, 1)
        advance(1)
        return Answered(question=question, answer=answer, seconds=seconds)

    with (
        progress.task("Visitors ask", len(questions), "questions") as advance,
        ThreadPoolExecutor(AT_ONCE) as visitors,
    ):
        return list(visitors.map(visit, questions))


def look_up(bot: str, needs: Sequence[Need], sources: int) -> list[Found]:
    """What the bot shows for the second wording of each need, with at most ``sources`` sources.

    It searches as for an answer, without writing one: nothing of this reaches the annotators.
    """
    found = []
    with httpx.Client(base_url=bot, timeout=SEARCH_SECONDS) as http:
        for need in needs:
            answer = http.get("/search", params={"q": need.b, "k": sources}).raise_for_status().json()
            hits = answer["hits"] if answer["answerable"] else []
            paths = tuple(str(hit["path"]) for hit in hits)
            right = next((place for place, path in enumerate(paths, 1) if path in need.paths), 0)
            found.append(
                Found(need=need.id, question=need.b, release=answer["release"], sources=paths, right=right)
            )
    return found


def wait_for_outbox(bot: str) -> None:
    """Wait until Argilla has every conversation. Raises ClayloopError when that takes too long."""
    if not _becomes_true(lambda: not _outbox(bot)["pending"], OUTBOX_SECONDS):
        status = _outbox(bot)
        raise ClayloopError(
            f"{status['pending']} conversations did not reach Argilla in {OUTBOX_SECONDS:.0f} s.",
            f"The bot says: {status['error'] or 'nothing'}. Its log is logs/bot.log in the state folder.",
        )


def wait_for_release(bot: str, release: str) -> None:
    """Wait until the bot serves ``release``. Raises ClayloopError when that takes too long."""
    if not _becomes_true(lambda: _serves(bot, release), SWAP_SECONDS):
        raise ClayloopError(
            f"The bot at {bot} still does not serve {release} after {SWAP_SECONDS:.0f} s.",
            f"Ask it why: {bot}/healthz",
        )


def _becomes_true(holds: Callable[[], bool], seconds: float) -> bool:
    """Wait until ``holds()``, at most ``seconds``."""
    deadline = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _outbox(bot: str) -> dict[str, Any]:
    found: dict[str, Any] = httpx.get(f"{bot}/healthz", timeout=10.0).json()["outbox"]
    return found


def _serves(bot: str, release: str) -> bool:
    try:
        return served_release(bot) == release
    except httpx.HTTPError:  # not yet
        return False
