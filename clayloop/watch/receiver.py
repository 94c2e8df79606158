"""Listens for webhook calls, and refuses those that our Argilla did not sign."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import uvicorn
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from curation import SettingsError, local_url

log = logging.getLogger(__name__)

PATH = "/argilla"
HEALTH = "/healthz"
MOST_BYTES = 2_000_000  # of a call's body: an event holds a whole record with its answers
_TELL_SECONDS = 60.0  # between two lines about calls that were refused: anybody may cause them

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
        self.accepted = 0
        self.refused = 0
        self._tell_at = 0.0  # by time.monotonic
        self._socket = _listen(host, port)
        self.url = local_url(host, int(self._socket.getsockname()[1]))
        app = FastAPI(openapi_url=None, redirect_slashes=False)
        app.add_api_route(HEALTH, health, response_model=None)
        app.add_api_route(PATH, self._hear, methods=["POST"], response_model=None)
        config = uvicorn.Config(
            app,
            proxy_headers=False,
            log_config=None,
            log_level="error",  # a line for each call that is no HTTP would fill the disk of the log
            access_log=False,
            lifespan="off",
            ws="none",
            limit_concurrency=64,
            timeout_keep_alive=5,
            server_header=False,
        )
        self._server = uvicorn.Server(config)
        serve = partial(self._server.run, sockets=[self._socket])
        self._thread = threading.Thread(target=serve, name="webhook-receiver", daemon=True)

    def __enter__(self) -> Receiver:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    async def _hear(self, request: Request) -> Response:
        body = b""
        try:
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    return Response(status_code=413)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        if not self._check(request.headers, body):
            self._refuse()
            return Response(status_code=401)
        self.accepted += 1
        self._on_call(body)
        return Response(status_code=204)

    def _refuse(self) -> None:
        self.refused += 1
        if (now := time.monotonic()) >= self._tell_at:
            self._tell_at = now + _TELL_SECONDS
            log.warning("calls that Argilla did not sign are refused, %d so far", self.refused)


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
