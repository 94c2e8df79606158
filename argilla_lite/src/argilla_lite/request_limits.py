"""Stops two kinds of requests at which the pinned Starlette is slow (0.46, for FastAPI 0.115).

- A `Range` header with many parts takes quadratic time, without a login (CVE-2025-62727). Ranges are optional
  (RFC 9110, 14.2) and the web page needs none, so the header is dropped.
- A large file in a form blocks all other requests while it is written to disk (CVE-2025-54121). Argilla's
  only form is the login, so larger forms are refused.
"""

from __future__ import annotations

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

LARGEST_FORM = 64_000  # bytes


class RequestLimits:
    """ASGI middleware that drops `Range` headers and refuses large forms."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            headers = [(name, value) for name, value in scope["headers"] if name.lower() != b"range"]
            if _is_large_form(dict(headers)):
                await PlainTextResponse("Forms have to be small here.", 413)(scope, receive, send)
                return
            scope = {**scope, "headers": headers}
        await self._app(scope, receive, send)


def _is_large_form(headers: dict[bytes, bytes]) -> bool:
    if not headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
        return False
    length = headers.get(b"content-length", b"")
    # Without a length the form may be of any size.
    return not length.isdigit() or int(length) > LARGEST_FORM
