"""One exchange between a person and the bot."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict

from curation.records.identity import content_id

MOST_OFFERED = 10  # passages that annotators choose from


_HALF_A_PAIR = re.compile("[\ud800-\udfff]")


def _writable(text: object) -> object:
    """Half a surrogate pair, as JSON may hold it, can be written to no file: it becomes U+FFFD."""
    return _HALF_A_PAIR.sub("\ufffd", text) if isinstance(text, str) else text


_Text = Annotated[str, BeforeValidator(_writable)]


class Message(BaseModel):
    """One message of a conversation's history."""

    model_config = ConfigDict(frozen=True)

    role: Literal["user", "assistant"]
    content: _Text


class Turn(BaseModel):
    """One question and its answer.

    ``turn`` counts from 0 within ``conversation_id``; ``history`` is what came before. ``cited`` are the ids
    of the chunks listed as sources, best first; empty when the bot said that it does not know (``refused``).
    ``offered`` are those that annotators choose from, at most ``MOST_OFFERED``: the cited ones, then the next
    best. Empty until they are looked up, which nobody who asks has to wait for; so is ``meant``, what a
    question that points back to the one before was taken for. ``score`` is that of the best chunk,
    ``seconds`` how long the whole answer took. ``thumb`` and ``comment`` are the visitor's word on the
    answer, if there is any: a turn is sent again when it comes.
    """

    model_config = ConfigDict(frozen=True)

    conversation_id: str
    turn: int
    question: _Text
    meant: _Text = ""
    history: tuple[Message, ...] = ()
    answer: _Text
    cited: tuple[str, ...] = ()
    offered: tuple[str, ...] = ()
    refused: bool = False
    score: float = 0.0
    seconds: float = 0.0
    thumb: Literal["up", "down"] | None = None
    comment: _Text = ""
    release_id: str
    created_at: datetime

    @property
    def id(self) -> str:
        """The same for the same conversation and turn: sending it twice stores it once."""
        return content_id("turn", self.conversation_id, str(self.turn))
