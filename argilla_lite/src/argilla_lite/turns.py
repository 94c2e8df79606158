"""Delays bulk logging while somebody annotates, so that annotators need not wait.

The server has one event loop and SQLite allows one writer. A batch of 256 records keeps both busy for a few
tenths of a second, and a pipeline sends batch after batch. While somebody annotates, each batch waits before
it begins, one and a half times as long as the last batch took.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Receive, Scope, Send

_WAIT = 1.5  # times the duration of the last batch
_LONGEST_WAIT = 1.0  # seconds
_PRESENT = 5.0  # seconds after an answer or a search for which somebody counts as annotating


class TakingTurns:
    """ASGI middleware that delays bulk requests. It refuses none."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._last_seen = -_PRESENT
        self._took = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"] if scope["type"] == "http" else ""
        if not path.endswith("/records/bulk"):
            if "/me/" in path or "/responses" in path:
                self._last_seen = time.monotonic()
            await self._app(scope, receive, send)
            return
        if time.monotonic() - self._last_seen < _PRESENT:
            await asyncio.sleep(min(self._took * _WAIT, _LONGEST_WAIT))
        began = time.monotonic()
        try:
            await self._app(scope, receive, send)
        finally:
            self._took = time.monotonic() - began
