"""Questions put to the running bot, the way a visitor's browser puts them."""

from __future__ import annotations

import time

import httpx
from gradio_client import Client
from pydantic import BaseModel

from curation import ClayloopError

QUESTIONS = (
    "How can I run a pipeline again without generating everything from scratch?",
    "Which step do I use to bring my own language model endpoint?",
    "How do I publish the generated dataset?",
)


class Answered(BaseModel):
    """One question and what came back from ``release``, in ``seconds``."""

    question: str
    answer: str
    release: str
    seconds: float


def served_release(bot: str) -> str:
    """The id of the release that the bot at ``bot`` serves now."""
    return str(httpx.get(f"{bot}/release", timeout=10.0).raise_for_status().json()["id"])


def ask(bot: str, questions: tuple[str, ...] = QUESTIONS) -> list[Answered]:
    """Ask each question in a conversation of its own."""
    answered = []
    for question in questions:
        client = Client(bot, verbose=False)
        release = served_release(bot)
        started = time.monotonic()
        answer = client.predict(question, api_name="/chat")
        answered.append(
            Answered(
                question=question, answer=str(answer), release=release, seconds=time.monotonic() - started
            )
        )
    return answered


def wait_for_release(bot: str, release: str, seconds: float = 90.0) -> float:
    """Wait until the bot serves ``release``; returns how many seconds that took."""
    started = time.monotonic()
    while not _serves(bot, release):
        if time.monotonic() - started > seconds:
            raise ClayloopError(
                f"The bot at {bot} still does not serve {release} after {seconds:.0f} s.",
                f"Ask it why: {bot}/healthz",
            )
        time.sleep(0.5)
    return time.monotonic() - started


def _serves(bot: str, release: str) -> bool:
    try:
        return served_release(bot) == release
    except httpx.HTTPError:  # not yet
        return False
