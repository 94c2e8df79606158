"""Argilla's own application under uvicorn, on a socket inherited from the supervisor."""

from __future__ import annotations

import gc
import socket
import sys
import threading
from pathlib import Path

import uvicorn
from fastapi import FastAPI

from argilla_lite import patches, web_page
from argilla_lite.disk_full import explain_full_disk
from argilla_lite.engine.repair import repair_index
from argilla_lite.home import Home
from argilla_lite.request_limits import RequestLimits
from argilla_lite.turns import TakingTurns
from argilla_lite.without_redis import keep_emptying

with web_page.not_copied():
    from argilla_lite.plugin import app, warm_up

# A batch of records makes tens of thousands of objects that live as long as its request. With Python's
# default thresholds the garbage collector would scan all of the server's objects during a batch, and block
# all requests for 20 to 50 ms.
_COLLECT = (20_000, 20, 50)
_DOCUMENTATION = {"/docs", "/redoc", "/openapi.json", "/docs/oauth2-redirect", "/api"}


def _hide_documentation(application: FastAPI) -> None:
    """Removes the API documentation's routes, which ARGILLA_DOCS_ENABLED leaves open in 2.8."""
    for route in list(application.router.routes):
        mounted = getattr(route, "app", None)
        if getattr(route, "path", None) in _DOCUMENTATION:
            application.router.routes.remove(route)
        elif isinstance(mounted, FastAPI):
            _hide_documentation(mounted)


class _Server(uvicorn.Server):
    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        threading.Thread(target=warm_up, name="warm-up", daemon=True).start()


def main(arguments: list[str]) -> None:
    """Serves until SIGTERM. `arguments`: the descriptor of a bound socket; `--repair` to index first what a
    server that died had not indexed; `--access-log` to log each request."""
    from argilla_server.jobs.queues import REDIS_CONNECTION
    from argilla_server.settings import settings

    home = Home(Path(str(settings.home_path)))
    if "--repair" in arguments:
        repair_index(home)
    # A Redis that hangs must not hang the server; the worker's blocking reads need rq's own timeouts.
    REDIS_CONNECTION.connection_pool.connection_kwargs["socket_timeout"] = 5
    if not settings.docs_enabled:
        _hide_documentation(app)
    explain_full_disk(app)
    app.add_middleware(RequestLimits)
    app.add_middleware(TakingTurns)
    web_page.mount(app, web_page.prepare(home))
    if patches.job_spool is not None:
        keep_emptying(app, patches.job_spool)
    gc.set_threshold(*_COLLECT)
    sys.setswitchinterval(0.001)  # threads that parse and index give way to the event loop sooner
    listener = socket.socket(fileno=int(arguments[0]))
    config = uvicorn.Config(
        app,
        access_log="--access-log" in arguments,
        log_level="info" if "--access-log" in arguments else "warning",
        timeout_graceful_shutdown=5,
        server_header=False,
    )
    _Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main(sys.argv[1:])
