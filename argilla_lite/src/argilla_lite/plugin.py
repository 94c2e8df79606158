"""Registers the embedded search engine with argilla_server, whose application and command line it exports.

Import this instead of argilla_server. `python -m argilla_lite.plugin …` is `argilla_server …` with that
engine, for instance `search-engine reindex`. It needs the environment that `services` makes.
"""

from __future__ import annotations

import os
import sqlite3

from sqlalchemy import event
from sqlalchemy.engine import Engine

from argilla_lite.postgresql import use_psycopg

# Multiplying a matrix by one vector gains little from threads, which wait for each other on a busy machine.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


@event.listens_for(Engine, "connect")
def _tune_sqlite(connection: object, _record: object) -> None:
    if os.environ.get("ARGILLA_DATABASE_URL", "").startswith("postgresql"):
        return
    # NORMAL is safe against any crash of a process with a write-ahead log; FULL syncs at each commit.
    cursor = connection.cursor()  # type: ignore[attr-defined]
    try:
        cursor.execute("PRAGMA synchronous = NORMAL")
    except sqlite3.OperationalError:
        pass
    finally:
        cursor.close()


use_psycopg()

from argilla_server import app  # noqa: E402 - what is above has to come first

from argilla_lite import patches  # noqa: E402
from argilla_lite.engine.engine import EmbeddedSearchEngine, warm_up  # noqa: E402

__all__ = ["EmbeddedSearchEngine", "app", "warm_up"]

patches.apply(app)


def __getattr__(name: str) -> object:
    # Argilla's command line imports alembic: half a second that the server and the worker need not spend.
    if name == "cli":
        from argilla_server.cli.__main__ import app as cli

        return cli
    raise AttributeError(name)


if __name__ == "__main__":
    __getattr__("cli")()  # type: ignore[operator]
