"""Argilla's database in SQLite, where each write appends to a table of changes through triggers."""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from argilla_lite.engine.source import Dialect

BUSY_TIMEOUT = 30.0  # seconds to wait for another process's write
_CHANGES = "argilla_lite_changes"


class SqliteDialect(Dialect):
    """`database` is Argilla's file. Ids are stored as 32 hexadecimal digits, moments as UTC text with
    microseconds."""

    mark = "?"

    def __init__(self, database: Path) -> None:
        self._database = database

    def connect(self) -> Any:
        connection = sqlite3.connect(
            self._database, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        connection.execute("PRAGMA query_only = ON")
        return connection

    def begin(self, cursor: Any) -> None:
        cursor.execute("BEGIN")

    def hexed(self, column: str) -> str:
        return column

    def id_parameter(self, record_id: str) -> str:
        return record_id

    def micros(self, column: str) -> str:
        return (
            f"CAST(strftime('%s', {column}) AS INTEGER) * 1000000 + CAST(substr({column}, 21, 6) AS INTEGER)"
        )

    def text(self, column: str) -> str:
        # A column of the type JSON has numeric affinity: a lone number in it has become one.
        return f"CAST({column} AS TEXT)"

    def member(self, column: str, name: str) -> str:
        return f"json_extract({column}, '$.{name}')"

    def among(self, column: str, ids: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        return f"{column} IN ({','.join('?' * len(ids))})", tuple(ids)

    def revision(self, cursor: Any) -> int:
        # sqlite_sequence also knows numbers whose rows are gone.
        row = cursor.execute("SELECT seq FROM sqlite_sequence WHERE name = ?", (_CHANGES,)).fetchone()
        return int(row[0]) if row else 0

    def changed(self, cursor: Any, dataset_id: str, since: int) -> list[str]:
        rows = cursor.execute(
            f"SELECT DISTINCT record_id FROM {_CHANGES} WHERE dataset_id = ? AND seq > ?", (dataset_id, since)
        )
        return [row[0] for row in rows.fetchall()]

    def install(self) -> None:
        with closing(
            sqlite3.connect(self._database, timeout=BUSY_TIMEOUT, isolation_level=None)
        ) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.execute(
                f"CREATE TABLE IF NOT EXISTS {_CHANGES} (seq INTEGER PRIMARY KEY AUTOINCREMENT,"
                " dataset_id TEXT NOT NULL, record_id TEXT NOT NULL)"
            )
            connection.execute(
                f"CREATE INDEX IF NOT EXISTS {_CHANGES}_of_dataset ON {_CHANGES} (dataset_id, seq)"
            )
            for name, statement in _triggers():
                connection.execute(f"DROP TRIGGER IF EXISTS {name}")
                connection.execute(statement)
            connection.execute(f"DELETE FROM {_CHANGES}")
            connection.execute("COMMIT")


def _triggers() -> list[tuple[str, str]]:
    """Name and statement of each trigger. A cascade (a deleted user's responses) fires them too."""
    made = []
    for event, row in (("INSERT", "NEW"), ("UPDATE", "NEW"), ("DELETE", "OLD")):
        name = f"argilla_lite_records_{event.lower()}"
        body = f"INSERT INTO {_CHANGES} (dataset_id, record_id) VALUES ({row}.dataset_id, {row}.id);"
        made.append((name, f"CREATE TRIGGER {name} AFTER {event} ON records BEGIN {body} END"))
        for table in ("suggestions", "responses", "vectors"):
            name = f"argilla_lite_{table}_{event.lower()}"
            # Of a record that is gone the record's own trigger tells.
            body = (
                f"INSERT INTO {_CHANGES} (dataset_id, record_id)"
                f" SELECT dataset_id, id FROM records WHERE id = {row}.record_id;"
            )
            made.append((name, f"CREATE TRIGGER {name} AFTER {event} ON {table} BEGIN {body} END"))
    return made
