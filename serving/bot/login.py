"""A login before everything that the bot serves: the page, its own calls, and the API."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from serving.bot.guard import Rates, address_of, too_often
from serving.settings import BotSettings

_OPEN = frozenset({"/healthz"})
_ASK = {"WWW-Authenticate": 'Basic realm="clayloop bot", charset="UTF-8"'}


class Login:
    """ASGI middleware: whoever is not known gets 401, at every address but /healthz.

    Known is whom a trusted proxy names in the header ``serving.bot.user_header``, and who has the password:
    browsers ask for name and password (HTTP Basic; any name will do), OpenAI's clients send the password as
    their key (Bearer). Wrong passwords count against ``rates``. Where neither is set everybody is let in.
    """

    def __init__(self, app: ASGIApp, settings: BotSettings, rates: Rates) -> None:
        self._app, self._rates = app, rates
        self._password = settings.password.get_secret_value().encode()
        self._user_header = settings.user_header

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        is_open = not (self._password or self._user_header)
        if is_open or scope["type"] == "lifespan" or scope["path"] in _OPEN or self._is_known(scope):
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008})
        elif Headers(scope=scope).get("authorization") and not self._rates.take(address_of(scope)):
            await too_often()(scope, receive, send)
        else:
            ask = _ASK if self._password else None
            await PlainTextResponse("Log in first.\n", 401, ask)(scope, receive, send)

    def _is_known(self, scope: Scope) -> bool:
        headers = Headers(scope=scope)
        if self._user_header and headers.get(self._user_header) and scope.get(_PROXIED):
            return True
        return bool(self._password) and self._has_password(headers.get("authorization", ""))

    def _has_password(self, sent: str) -> bool:
        scheme, _, rest = sent.partition(" ")
        given = rest.encode("latin-1")
        if scheme.lower() == "basic":
            try:
                given = base64.b64decode(given, validate=True).partition(b":")[2]
            except binascii.Error:
                return False
        elif scheme.lower() != "bearer":
            return False
        return secrets.compare_digest(given.strip(), self._password)


_PROXIED = "clayloop.proxied"


class Proxies:
    """ASGI middleware, outside of all others: what a trusted proxy says of a request's address is believed,
    and that it came by one is noted for the login."""

    def __init__(self, app: ASGIApp, trusted: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted = tuple(trusted)
        self._app = ProxyHeadersMiddleware(app, [str(one) for one in trusted])  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[_PROXIED] = self._is_trusted(address_of(scope))
        await self._app(scope, receive, send)  # type: ignore[arg-type]

    def _is_trusted(self, address: str) -> bool:
        try:
            return any(ip_address(address) in network for network in self._trusted)
        except ValueError:
            return False
