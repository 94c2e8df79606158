"""Which conversation a question belongs to."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict

_REMEMBERED = 10_000


class Conversations:
    """Gives each browser session's conversation an id, and each of its turns a number.

    A conversation ends when its history is cleared. The least recently used of more than 10,000 sessions is
    forgotten: should it go on, it goes on under a new id.
    """

    def __init__(self, remembered: int = _REMEMBERED) -> None:
        self._remembered = remembered
        self._known: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def next_turn(self, session: str | None, earlier: int) -> tuple[str, int]:
        """The conversation's id and this turn's number, from 0. ``session`` is the browser session (None: unknown),
        ``earlier`` how many questions its history shows. A question asked again gets a number of its own."""
        with self._lock:
            known = self._known.pop(session, None) if session else None
            if known is None or earlier == 0:
                known = (uuid.uuid4().hex, earlier)
            conversation, number = known
            if session:
                self._known[session] = (conversation, number + 1)
                while len(self._known) > self._remembered:
                    self._known.popitem(last=False)
            return conversation, number
