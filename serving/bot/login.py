"""A login before everything that the bot serves: the page, its own calls, and the API."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.responses import PlainTextResponse

_OPEN = frozenset({"/healthz"})
_ASK = {"WWW-Authenticate": 'Basic realm="clayloop bot", charset="UTF-8"'}


class Login:
    """ASGI middleware: whoever has not the password gets 401, at every address but /healthz.

    Browsers ask for name and password (HTTP Basic; any name will do), OpenAI's clients send the password as
    their key (Bearer).
    """

    def __init__(self, app: Callable[..., Awaitable[None]], password: str) -> None:
        self._app = app
        self._password = password.encode()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan" or scope["path"] in _OPEN or self._is_known(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        else:
            await PlainTextResponse("Log in first.\n", 401, _ASK)(scope, receive, send)

    def _is_known(self, scope: Any) -> bool:
        sent = next((value for name, value in scope["headers"] if name == b"authorization"), b"")
        scheme, _, given = sent.partition(b" ")
        if scheme.lower() == b"basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != b"bearer":
            return False
        return secrets.compare_digest(given.strip(), self._password)
