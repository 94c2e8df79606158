"""Argilla's own application under uvicorn, on a socket inherited from the supervisor."""

from __future__ import annotations

import socket
import sys

import uvicorn
from fastapi import FastAPI

from argilla_lite.postgresql import use_psycopg

use_psycopg()

from argilla_lite.plugin import app  # noqa: E402 - argilla_server chooses its driver when it is imported

_DOCUMENTATION = {"/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/api"}


def _hide_documentation(application: FastAPI) -> None:
    """Removes the API documentation's routes, which ARGILLA_DOCS_ENABLED leaves open in 2.8."""
    for route in list(application.router.routes):
        mounted = getattr(route, "app", None)
        if getattr(route, "path", None) in _DOCUMENTATION:
            application.router.routes.remove(route)
        elif isinstance(mounted, FastAPI):
            _hide_documentation(mounted)


def main(arguments: list[str]) -> None:
    """Serves until SIGTERM. The first argument is the descriptor of a bound socket."""
    from argilla_server.settings import settings

    if not settings.docs_enabled:
        _hide_documentation(app)
    listener = socket.socket(fileno=int(arguments[0]))
    config = uvicorn.Config(
        app,
        access_log="--access-log" in arguments,
        log_level="info" if "--access-log" in arguments else "warning",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    uvicorn.Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
