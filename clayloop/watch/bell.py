"""When to look: Argilla's calls come in crowds, and one look answers them all."""

from __future__ import annotations

import threading

_PATIENCE = 10  # a crowd that never ends is answered after this many quiet times


class Bell:
    """Rung by any thread, from time to time or a thousand times a second; answered by one. Times are
    ``time.monotonic``.

    It is due ``quiet`` seconds after the last ring, at the latest ten times that after the first, and never
    sooner than ``quiet`` seconds after it was last answered.
    """

    def __init__(self, quiet: float) -> None:
        self._quiet = quiet
        self._lock = threading.Lock()
        self._first: float | None = None
        self._last = 0.0
        self._answered = float("-inf")

    def ring(self, now: float) -> None:
        """Somebody calls."""
        with self._lock:
            if self._first is None:
                self._first = now
            self._last = now

    @property
    def rings(self) -> bool:
        """Whether somebody called and was not answered."""
        with self._lock:
            return self._first is not None

    def is_due(self, now: float) -> bool:
        """Whether to look now."""
        with self._lock:
            if self._first is None or now - self._answered < self._quiet:
                return False
            return now - self._last >= self._quiet or now - self._first >= _PATIENCE * self._quiet

    def answer(self, now: float) -> None:
        """What rang until now is being answered."""
        with self._lock:
            self._first = None
            self._answered = now
