"""Asking the bot that runs, where there is one: it has everything loaded."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from clayloop.settings import Settings
from clayloop.up.services import known_addresses
from curation import is_loopback, local_url

_MOST, _LONGEST = 100, 4000  # what /search takes
_CONNECT, _ANSWER = 0.3, 10.0  # seconds


class FoundChunk(BaseModel):
    """A chunk that a release finds, as `clayloop search` shows it."""

    score: float
    asked: dict[str, Any] | None = None
    id: str
    path: str
    section: list[str]
    url: str
    line: int
    text: str


class Found(BaseModel):
    """What ``release`` finds for a question, best first. ``answerable``: the bot would answer from it.
    ``near`` is how near its index comes to the question, and ``min_score`` how near it has to."""

    release: str
    answerable: bool
    near: float
    min_score: float
    hits: list[FoundChunk]


def ask_bot(settings: Settings, question: str, k: int, release_id: str) -> Found | None:
    """What the bot on this machine finds, if one runs that serves exactly this release (an id holds a hash of
    all that is in it). None where none does, or it does not answer."""
    if k > _MOST or len(question) > _LONGEST:
        return None
    import httpx

    bot = settings.serving.bot
    places = [known_addresses(settings.state).get("bot"), local_url(bot.host, bot.port) if bot.port else None]
    # Whatever the environment says of proxies: this is another process on this machine.
    with httpx.Client(trust_env=False, timeout=httpx.Timeout(_ANSWER, connect=_CONNECT)) as client:
        for place in dict.fromkeys(filter(None, places)):
            try:
                if not is_loopback(httpx.URL(place).host):
                    continue
                answer = client.get(f"{place}/search", params={"q": question, "k": k})
                found = Found.model_validate_json(answer.content)
            except (httpx.HTTPError, httpx.InvalidURL, ValidationError):
                continue
            if found.release == release_id:
                return found
    return None
