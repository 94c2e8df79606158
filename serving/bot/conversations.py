"""Which conversation a question belongs to."""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict

_MOST_SESSIONS = 10_000


class Conversations:
    """Gives each browser session's conversation an id, and each of its turns a number.

    A conversation ends when its history is cleared. The least recently used of more than 10,000 sessions is
    forgotten: should it go on, it goes on under a new id.
    """

    def __init__(self, most_sessions: int = _MOST_SESSIONS) -> None:
        self._most = most_sessions
        self._sessions: OrderedDict[str, tuple[str, int]] = OrderedDict()
        self._lock = threading.Lock()

    def next_turn(self, session: str | None, earlier: int) -> tuple[str, int]:
        """The conversation's id and this turn's number, from 0. A question asked again gets a number of its
        own.

        ``session`` is the browser session (None: unknown), ``earlier`` how many questions its history shows.
        """
        with self._lock:
            found = self._sessions.pop(session, None) if session else None
            if found is None or earlier == 0:
                found = (uuid.uuid4().hex, earlier)
            conversation, number = found
            if session:
                self._sessions[session] = (conversation, number + 1)
                while len(self._sessions) > self._most:
                    self._sessions.popitem(last=False)
            return conversation, number
