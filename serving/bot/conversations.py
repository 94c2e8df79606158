"""Which conversation a question belongs to, and the turns that a visitor may still say something about."""

from __future__ import annotations

import re
import threading
import uuid
from collections import OrderedDict
from typing import Literal

from curation import Turn

_MOST = 10_000
_MOST_CHANGES = 30  # of what is said about one turn: each is written down and sent, and costs no question
Thumb = Literal["up", "down", "none"]  # none: taken back
_NAME = re.compile(r"([0-9a-f]{32})\.(\d{1,6})")


class Conversations:
    """Gives each conversation an id and each of its turns a number, and keeps the latest turns.

    The page holds the name of each turn beside its answer, so a conversation goes on after a reload and after
    a start of the bot. The least recently used of more than 10,000 are forgotten.
    """

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._next: OrderedDict[str, int] = OrderedDict()
        self._turns: OrderedDict[str, tuple[Turn, int]] = OrderedDict()  # the number: how often it changed
        self._lock = threading.Lock()

    def next_turn(self, before: str | None) -> tuple[str, int]:
        """The conversation's id and this turn's number, from 0. A question asked again gets a number of its
        own.

        ``before`` is the name of the turn before (None or not a name: there is none).
        """
        found = _NAME.fullmatch(before or "")
        conversation = found.group(1) if found else uuid.uuid4().hex
        with self._lock:
            number = max(self._next.pop(conversation, 0), int(found.group(2)) + 1 if found else 0)
            self._next[conversation] = number + 1
            while len(self._next) > self._most:
                self._next.popitem(last=False)
        return conversation, number

    def keep(self, turn: Turn) -> None:
        """Remember ``turn`` for what the visitor may say about it."""
        with self._lock:
            self._turns[name_of_turn(turn.conversation_id, turn.turn)] = turn, 0
            while len(self._turns) > self._most:
                self._turns.popitem(last=False)

    def rate(
        self,
        name: str,
        thumb: Thumb | None = None,
        comment: str | None = None,
        opened: int | None = None,
    ) -> Turn | None:
        """The turn of that name with the visitor's word on it, and the passage that was ``opened``; a None
        leaves what was said before. None where the turn is not known, or nothing changes."""
        with self._lock:
            if not self.knows(name):
                return None
            turn, changes = self._turns[name]
            said = {
                "thumb": turn.thumb if thumb is None else None if thumb == "none" else thumb,
                "comment": turn.comment if comment is None else comment,
                "opened": tuple(sorted({*turn.opened, *([opened] if opened else [])})),
            }
            rated = turn.model_copy(update=said)
            if rated == turn:
                return None
            self._turns[name] = rated, changes + 1
            return rated

    def passages(self, name: str) -> int | None:
        """How many passages with a number the turn of that name showed; None where it is not known."""
        with self._lock:
            return len(self._turns[name][0].offered) if name in self._turns else None

    def knows(self, name: str) -> bool:
        """Whether something may be said about the turn of that name: not without end."""
        return name in self._turns and self._turns[name][1] < _MOST_CHANGES


def name_of_turn(conversation: str, number: int) -> str:
    """What the page calls a turn."""
    return f"{conversation}.{number}"
