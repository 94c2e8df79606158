"""What `argilla-lite up` runs: Redis, the preparation, the text index's repair, the server and the worker."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import socket
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field

from argilla_lite.databases import Database
from argilla_lite.home import Home
from argilla_lite.redis import RedisSocket
from argilla_lite.service import Service

ENGINE_NAME = "argilla_lite"
_FOREIGN = (
    "ARGILLA_",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "PGPASS",
    "PGDATABASE",
    "PGSERVICE",
    "PGOPTIONS",
    "PGSSL",
)


@dataclass
class Services:
    """Builds each service's definition for one home and address.

    Args:
        home: Where the files are.
        database: Where the data is.
        redis: The socket that all share.
        listener: The bound socket that the server inherits: taken before anything starts, kept across restarts.
        url: The address that browsers use.
        host: The address that the server listens on.
        origins: Web origins that may call the API from a browser.
        api_docs: Whether to serve /api/v1/docs.
        access_log: Whether the server logs each request.
        patches: Whether to apply `patches`.
    """

    home: Home
    database: Database
    redis: RedisSocket
    listener: socket.socket
    url: str
    host: str
    origins: Sequence[str] = ()
    api_docs: bool = False
    access_log: bool = False
    patches: bool = True
    _worker_name: str = field(default="", init=False)

    def environment(self) -> dict[str, str]:
        """What argilla_server reads. Nothing of the caller's own Argilla and PostgreSQL settings gets through."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        return inherited | {
            "ARGILLA_HOME_PATH": str(self.home.root),
            **self.database.environment(),
            "ARGILLA_SEARCH_ENGINE": ENGINE_NAME,
            "ARGILLA_REDIS_URL": self.redis.url,
            "ARGILLA_AUTH_SECRET_KEY": self.home.auth_secret(),
            "ARGILLA_CORS_ORIGINS": json.dumps([self.url, *self.origins]),
            "ARGILLA_DOCS_ENABLED": "1" if self.api_docs else "0",
            "ARGILLA_LITE_PATCHES": "1" if self.patches else "0",
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "DO_NOT_TRACK": "1",
            "TMPDIR": str(self.home.temp_dir),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
            "NO_COLOR": "1",
            "TERM": "dumb",
            "COLUMNS": "160",
        }

    def redis_server(self) -> Service:
        return Service(
            name="redis",
            command=lambda: self.redis.command(self.home.redis_dir),
            environment={"PATH": os.environ.get("PATH", ""), "TZ": os.environ.get("TZ", "")},
            folder=self.home.root,
            ready=self.redis.answers,
            start_timeout=30.0,
            inherited_fds=self.redis.inherited_fds,
            stops_last=True,
        )

    def prepare(self, workspace: str) -> Service:
        return self._python(
            "prepare", ["argilla_lite.prepare", str(self.home.root), workspace], timeout=600.0
        )

    def repair_index(self) -> Service:
        return self._python("index", ["argilla_lite.engine.repair", str(self.home.root)], timeout=3600.0)

    def worker(self) -> Service:
        def command() -> list[str]:
            self._worker_name = f"argilla-lite-{secrets.token_hex(6)}"
            return [sys.executable, "-m", "argilla_lite.worker", self._worker_name]

        return Service(
            name="worker",
            command=command,
            environment=self.environment(),
            folder=self.home.root,
            ready=lambda: self.redis.knows_worker(self._worker_name),
            inherited_fds=self.redis.inherited_fds,
        )

    def server(self) -> Service:
        command = [sys.executable, "-m", "argilla_lite.server", str(self.listener.fileno())]
        if self.access_log:
            command.append("--access-log")
        return Service(
            name="server",
            command=lambda: command,
            # A Redis that hangs must not hang the server; the worker's blocking reads need rq's own timeouts.
            environment=self.environment() | {"ARGILLA_REDIS_URL": f"{self.redis.url}&socket_timeout=5"},
            folder=self.home.root,
            ready=self._server_answers,
            inherited_fds=(self.listener.fileno(), *self.redis.inherited_fds),
        )

    def _python(self, name: str, module: list[str], timeout: float) -> Service:
        return Service(
            name=name,
            command=lambda: [sys.executable, "-m", *module],
            environment=self.environment(),
            folder=self.home.root,
            start_timeout=timeout,
            inherited_fds=self.redis.inherited_fds,
        )

    def _server_answers(self) -> bool:
        address, port = self.listener.getsockname()[:2]
        if address in {"0.0.0.0", "::"}:  # noqa: S104 - comparing, not binding
            address = "127.0.0.1" if address == "0.0.0.0" else "::1"  # noqa: S104
        connection = http.client.HTTPConnection(address, port, timeout=2.0)
        try:
            connection.request("GET", "/api/v1/status")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
