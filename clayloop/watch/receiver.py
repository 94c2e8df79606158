"""Listens for webhook calls, and refuses those that our Argilla did not sign."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import uvicorn

from curation import SettingsError, local_url

log = logging.getLogger(__name__)

PATH = "/argilla"
HEALTH = "/healthz"
MOST_BYTES = 2_000_000  # of a call's body: an event holds a whole record with its answers

_Message = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]

# Headers and body of a call → whether our Argilla signed it.
Check = Callable[[Mapping[str, str], bytes], bool]


class Receiver:
    """An HTTP server in a thread, used as a context manager.

    It passes the body of each call that ``check`` accepts to ``on_call``, which must be quick. It answers
    GET /healthz with what ``health`` returns.

    Raises SettingsError when it cannot listen on the address.
    """

    def __init__(
        self,
        host: str,
        port: int,
        check: Check,
        on_call: Callable[[bytes], None],
        health: Callable[[], dict[str, Any]],
    ) -> None:
        self._check = check
        self._on_call = on_call
        self._health = health
        self.accepted = 0
        self.refused = 0
        self._socket = _listen(host, port)
        self.url = local_url(host, int(self._socket.getsockname()[1]))
        config = uvicorn.Config(
            self._answer,
            interface="asgi3",
            proxy_headers=False,
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_keep_alive=5,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="webhook-receiver", daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    async def _answer(self, scope: _Message, receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] == "GET" and scope["path"] == HEALTH:
            await _reply(send, 200, json.dumps(self._health()).encode())
        elif scope["path"] != PATH:
            await _reply(send, 404)
        elif scope["method"] != "POST":
            await _reply(send, 405)
        else:
            body = await _read(receive)
            await _reply(send, 413 if body is None else self._judge(scope, body))

    def _judge(self, scope: _Message, body: bytes) -> int:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not self._check(headers, body):
            self.refused += 1
            log.info("a call that Argilla did not sign was refused")
            return 401
        self.accepted += 1
        self._on_call(body)
        return 204


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(128)  # the kernel holds calls until uvicorn is loaded and answers them
    except OSError as error:
        listener.close()
        raise SettingsError(
            f"Cannot listen on {host}, port {port}: {error.strerror or error}.",
            "Set watch.host to an address of this machine and watch.port to a free port (0: any).",
        ) from error
    return listener


async def _read(receive: _Receive) -> bytes | None:
    """The request's body, or None when it is longer than MOST_BYTES."""
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MOST_BYTES:
            return None
        parts.append(part)
        if message["type"] != "http.request" or not message.get("more_body"):
            return b"".join(parts)


async def _reply(send: _Send, status: int, body: bytes = b"") -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
