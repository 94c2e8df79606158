"""Which database a home's Argilla has."""

from __future__ import annotations

import os

from argilla_lite.engine.source import Source
from argilla_lite.engine.sqlite_source import SqliteDialect
from argilla_lite.home import Home


def open_source(home: Home) -> Source:
    """The database that the environment names (`databases.Database.environment`), the home's own file without
    one."""
    if os.environ.get("ARGILLA_DATABASE_URL", "").startswith("postgresql"):
        from argilla_lite.engine.postgres_source import PostgresDialect

        return Source(PostgresDialect())
    return Source(SqliteDialect(home.database))
