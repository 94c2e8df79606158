"""Jobs that could not be queued because Redis was gone: kept on disk, queued in their order when it is back.

A job gets its id before the first attempt. Redis may have taken it although the answer was lost, so the id is
looked up before a second attempt, and a job's entry goes only after Redis holds the job. A crash in between
leaves an entry whose job is found then: nothing is lost, and nothing is queued twice as long as Redis
remembers the job (500 s after its end). What is executed twice nevertheless (a worker killed between
delivering and noting it) carries the same webhook-id: see `patches`.
"""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

_BATCH = 100


class Spool:
    """A queue in a SQLite file, which appears with its first job. Safe to use from several processes."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_empty(self) -> bool:
        """Whether nothing waits. Costs next to nothing while Redis has never been lost."""
        if not self._path.exists():
            return True
        with self._opened() as connection:
            return connection.execute("SELECT 1 FROM jobs LIMIT 1").fetchone() is None

    def add(self, job_id: str, name: str, arguments: Sequence[Any]) -> None:
        """Keeps a job; when this returns it survives a power cut.

        Args:
            name: Of the function to call, for whoever takes the job out.
            arguments: What JSON can hold.
        """
        with self._opened() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO jobs (id, name, arguments) VALUES (?, ?, ?)",
                (job_id, name, json.dumps(arguments)),
            )

    def drain(self, queue: Callable[[str, str, list[Any]], None]) -> int:
        """Hands the oldest jobs over, one after the other.

        Args: queue: Gets id, name and arguments. What it raises ends the draining; that job and the later
        ones stay.

        Returns:
            How many were handed over; 0 when nothing waits.
        """
        if self.is_empty():
            return 0
        with self._opened() as connection:
            rows = connection.execute(
                "SELECT number, id, name, arguments FROM jobs ORDER BY number LIMIT ?", (_BATCH,)
            ).fetchall()
            done = 0
            try:
                for _, job_id, name, arguments in rows:
                    queue(job_id, name, json.loads(arguments))
                    done += 1
            finally:
                connection.executemany(
                    "DELETE FROM jobs WHERE number = ?", [(row[0],) for row in rows[:done]]
                )
        return done

    @contextlib.contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with contextlib.closing(sqlite3.connect(self._path, timeout=30)) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            connection.execute(
                "CREATE TABLE IF NOT EXISTS jobs (number INTEGER PRIMARY KEY AUTOINCREMENT,"
                " id TEXT NOT NULL UNIQUE, name TEXT NOT NULL, arguments TEXT NOT NULL)"
            )
            with connection:
                yield connection
