"""Debounces Argilla's webhook calls: many of them within a few seconds cause one check."""

from __future__ import annotations

import threading

_PATIENCE = 5  # quiet times after which a check is due although calls still come in


class Bell:
    """Remembers that Argilla called, and says when to check for it.

    Any thread may ring, however often; one thread answers. Times are ``time.monotonic``, in seconds.

    A check is due ``quiet`` seconds after the last ring, at the latest five times that after the first ring,
    and never sooner than ``quiet`` seconds after the last answer. Answers that a page submits together are
    told 0.1 to 0.3 s apart; a second later nothing that belongs to them is on its way any more.
    """

    def __init__(self, quiet: float) -> None:
        self.quiet = quiet
        self._lock = threading.Lock()
        self._first: float | None = None
        self._last = 0.0
        self._answered = float("-inf")

    def ring(self, now: float) -> None:
        """Note a call."""
        with self._lock:
            if self._first is None:
                self._first = now
            self._last = now

    @property
    def rings(self) -> bool:
        """Whether a call has not been answered yet."""
        with self._lock:
            return self._first is not None

    def is_due(self, now: float) -> bool:
        """Whether to check now."""
        with self._lock:
            if self._first is None or now - self._answered < self.quiet:
                return False
            return now - self._last >= self.quiet or now - self._first >= _PATIENCE * self.quiet

    def answer(self, now: float) -> None:
        """Note that the check for all calls until now begins."""
        with self._lock:
            self._first = None
            self._answered = now
