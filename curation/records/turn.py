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
    ``offered`` are those that annotators choose from, at most ``MOST_OFFERED``: those that the visitor saw,
    with a refusal too, then the next best. These are looked up later, because nobody who asks has to wait
    for them. ``meant`` is what was looked up where that is not the ``question``: one that points back to the
    one before, or has misspelt words. ``score`` is that of the best chunk, ``seconds`` how long the whole
    answer took. ``thumb`` and ``comment`` are the visitor's word on the answer, if there is any: a turn is
    sent again when it comes.

    Of an interleaved turn (serving/bot/interleaving.py) ``drafted`` names for each passage the release that
    put it there ("" where both did), ``release_id`` or its ``rival``. ``opened`` are the numbers of the
    passages, from 1, that the visitor opened.
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
    rival: str = ""
    drafted: tuple[str, ...] = ()
    opened: tuple[int, ...] = ()
    created_at: datetime

    @property
    def id(self) -> str:
        """Sending a turn twice stores it once. The time is part of it: a bot that was started anew does not
        know which turns a conversation has, and may give a number again."""
        return content_id("turn", self.conversation_id, str(self.turn), self.created_at.isoformat())

    @property
    def preferred(self) -> str:
        """ "A over B" where the visitor preferred what release A put into an interleaved turn, else empty.

        A passage that was opened is a vote for who put it there. A thumb is one for or against who put the
        first: that one is shown as a whole.
        """
        votes = [self.drafted[number - 1] for number in self.opened if number <= len(self.drafted)]
        if self.drafted and self.thumb:
            first = self.drafted[0]
            other = {self.release_id: self.rival, self.rival: self.release_id}.get(first, "")
            votes.append(first if self.thumb == "up" else other)
        ours, theirs = votes.count(self.release_id), votes.count(self.rival)
        if ours == theirs:
            return ""
        pair = (self.release_id, self.rival)
        return " over ".join(pair if ours > theirs else reversed(pair))
