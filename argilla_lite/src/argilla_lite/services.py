"""Defines the services of `argilla-lite up`: Redis, preparation, index repair, server and worker."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import secrets
import socket
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from argilla_lite.databases import Database
from argilla_lite.engine import ENGINE_NAME
from argilla_lite.home import Home
from argilla_lite.redis import RedisSocket
from argilla_lite.service import Service
from argilla_lite.stem import Stem

_POSTGRES = ("PGHOST", "PGPORT", "PGUSER", "PGPASS", "PGDATABASE", "PGSERVICE", "PGOPTIONS", "PGSSL")


@dataclass
class Services:
    """Builds each service's definition for one home and address.

    All share the `redis` socket. The server inherits `listener`, which is bound before anything starts, and
    kept when the server is restarted. `url` is the address that browsers use; pages of `origins` may call the
    API too.
    """

    home: Home
    database: Database
    redis: RedisSocket
    listener: socket.socket
    url: str
    origins: Sequence[str] = ()
    api_docs: bool = False
    access_log: bool = False
    patches: bool = True
    stem: Stem = field(default_factory=Stem, init=False)
    _worker_name: str = field(default="", init=False)

    def environment(self) -> dict[str, str]:
        """The caller's environment variables without those of Argilla and PostgreSQL, and ours."""
        foreign = ("ARGILLA_", *_POSTGRES)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
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

    def stem_process(self) -> Service:
        """Takes 3 s to import argilla_server, and then forks the other services quickly."""
        return Service(
            name="stem",
            command=lambda: [sys.executable, "-m", "argilla_lite.stem_process"],
            environment=self.environment(),
            folder=self.home.root,
            ready=self.stem.answers,
            inherited_fds=(self.listener.fileno(), *self.redis.inherited_fds),
            standard_input=self.stem.new_end,
        )

    def prepare(self, workspace: str) -> Service:
        return self._forked("prepare", lambda: [str(self.home.root), workspace], start_timeout=900.0)

    def repair_index(self) -> Service:
        return Service(
            name="index",
            command=lambda: [sys.executable, "-m", "argilla_lite.engine.repair", str(self.home.root)],
            environment=self.environment(),
            folder=self.home.root,
            start_timeout=3600.0,
        )

    def worker(self) -> Service:
        def words() -> list[str]:
            self._worker_name = f"argilla-lite-{secrets.token_hex(6)}"
            return [self._worker_name]

        return self._forked("worker", words, ready=lambda: self.redis.knows_worker(self._worker_name))

    def server(self) -> Service:
        words = [str(self.listener.fileno()), *(["--access-log"] if self.access_log else [])]
        starts = itertools.count()

        def words_now() -> list[str]:
            # The index was repaired before the first start. Later starts follow a server that died, which may
            # have left records unindexed.
            return [*words, "--repair"] if next(starts) else words

        return self._forked("server", words_now, ready=self._server_answers)

    def _forked(
        self,
        name: str,
        words: Callable[[], list[str]],
        ready: Callable[[], bool] = lambda: True,
        start_timeout: float = 300.0,
    ) -> Service:
        """A service that runs the module `name` of argilla_lite, forked from the stem, or started without it.
        `words` are the arguments of its `main`."""
        return Service(
            name=name,
            command=lambda: [sys.executable, "-m", f"argilla_lite.{name}", *words()],
            fork=lambda: self.stem.fork([name, *words()], self.home.root),
            environment=self.environment(),
            folder=self.home.root,
            ready=ready,
            start_timeout=start_timeout,
            inherited_fds=(self.listener.fileno(), *self.redis.inherited_fds),
        )

    def _server_answers(self) -> bool:
        bound, port = self.listener.getsockname()[:2]
        address = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bound, bound)  # noqa: S104 - comparing, not binding
        connection = http.client.HTTPConnection(address, port, timeout=2.0)
        try:
            connection.request("GET", "/api/v1/status")
            return connection.getresponse().status == http.HTTPStatus.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()
