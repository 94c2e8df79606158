"""What stands before everything the bot serves: safe headers, no other site's page, limits, time-outs."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from ipaddress import ip_address
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MOST_BYTES = 4_000_000  # of one request: a long conversation comes back with each question
_BODY_SECONDS = 30.0
_MOST_ADDRESSES = 10_000
# What computes an answer or a search, or writes. All else is cheap, and a page asks a dozen times a question.
# Its thumbs and comments are among that; how often a turn may be rated is bounded.
_COSTLY = ("/search", "/v1/chat/", "/feedback", "/gradio_api/queue/join", "/gradio_api/call")
# The page may load and call nothing but the bot itself, whatever an answer contains; only the Hugging Face
# Hub, which shows Spaces so, may put it into a page of its own.
_HEADERS = {
    "content-security-policy": "default-src 'self'; img-src 'self' data: blob:; font-src 'self' data:; "
    "connect-src 'self'; style-src 'self' 'unsafe-inline'; "
    "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; worker-src 'self' blob:; object-src 'none'; "
    "base-uri 'self'; form-action 'self'; frame-ancestors 'self' https://huggingface.co",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "cross-origin-resource-policy": "same-origin",
}


class Rates:
    """How often each address may ask: ``a_minute`` at once, and as many again each minute (0: no limit).

    ``now`` tells the seconds.
    """

    def __init__(self, a_minute: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = a_minute, now
        self._lock = threading.Lock()
        self._left: dict[str, tuple[float, float]] = {}  # address → what was left, and when

    def take(self, address: str) -> bool:
        """Whether ``address`` may ask once more now; that counts."""
        if not self._most:
            return True
        with self._lock:
            now = self._now()
            left, then = self._left.pop(address, (float(self._most), now))
            left = min(left + (now - then) * self._most / 60, float(self._most))
            self._left[address] = (left - 1 if left >= 1 else left, now)
            if len(self._left) > _MOST_ADDRESSES:
                del self._left[next(iter(self._left))]  # who asked longest ago
            return left >= 1


class Guard:
    """ASGI middleware, outside of the login. This machine's own programs (`clayloop search`) are not counted:
    a proxy here has to send X-Forwarded-For."""

    def __init__(self, app: ASGIApp, rates: Rates, body_seconds: float = _BODY_SECONDS) -> None:
        self._app, self._rates, self._body_seconds = app, rates, body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        refused = self._refused(scope)
        if refused is None:
            body = _Body(receive, self._body_seconds)
            try:
                await self._app(scope, body.receive, with_headers)
                return
            except _BodyError as error:
                refused = error.response
        await refused(scope, receive, with_headers)

    def _refused(self, scope: Scope) -> PlainTextResponse | None:
        headers = Headers(scope=scope)
        is_read = scope["method"] in ("GET", "HEAD")
        if not is_read and headers.get("sec-fetch-site") == "cross-site":
            return PlainTextResponse("Another site's page may not ask here.\n", 403)
        length = headers.get("content-length", "0")
        if length.isdecimal() and int(length) > MOST_BYTES:
            return _too_large()
        address = address_of(scope)
        if scope["path"].startswith(_COSTLY) and not _is_here(address) and not self._rates.take(address):
            return too_often()
        return None


class _BodyError(Exception):
    """A request that is too large or too slow, with what is answered."""

    def __init__(self, response: PlainTextResponse) -> None:
        super().__init__()
        self.response = response


class _Body:
    """The body of a request as it comes in."""

    def __init__(self, receive: Receive, seconds: float) -> None:
        self._receive, self._ends = receive, time.monotonic() + seconds
        self._size, self._is_whole = 0, False

    async def receive(self) -> Message:
        if self._is_whole:
            return await self._receive()
        try:
            message = await asyncio.wait_for(self._receive(), max(self._ends - time.monotonic(), 0.01))
        except asyncio.TimeoutError:
            raise _BodyError(PlainTextResponse("The request took too long to arrive.\n", 408)) from None
        self._size += len(message.get("body", b""))
        self._is_whole = not message.get("more_body", False)
        if self._size > MOST_BYTES:
            raise _BodyError(_too_large())
        return message


def address_of(scope: Scope) -> str:
    """Who asks; behind a trusted proxy, whom the proxy names."""
    client: Any = scope.get("client")
    return str(client[0]) if client else ""


def too_often() -> PlainTextResponse:
    return PlainTextResponse("Too many questions: try again in a minute.\n", 429, {"Retry-After": "60"})


def _too_large() -> PlainTextResponse:
    return PlainTextResponse(f"A request may have {MOST_BYTES:,} bytes.\n", 413)


def _is_here(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False
