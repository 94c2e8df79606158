"""People before pipelines: while somebody annotates, records that are logged in bulk leave room between
batches.

The server has one event loop and SQLite one writer: a batch of 256 records keeps both busy for a few tenths
of a second, and a pipeline sends batch after batch. With nobody there it may; otherwise each batch first
waits as long as the one before it took, and half as long again.
"""

from __future__ import annotations

import asyncio
import time

from starlette.types import ASGIApp, Receive, Scope, Send

_WAIT = 1.5  # times what the last batch took
_LONGEST_WAIT = 1.0  # seconds
_PRESENT = 5.0  # seconds after an answer or a search in which its author counts as there


class TakingTurns:
    """ASGI middleware. Nothing is refused, and the order of one client's batches stays."""

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
