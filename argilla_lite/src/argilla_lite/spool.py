"""Keeps jobs on disk that cannot be queued while Redis is gone, and queues them in order when it is back.

A job gets its id before the first attempt to queue it. Redis may have taken the job although its answer was
lost, so the id is looked up before a second attempt. A job's entry is deleted only after Redis holds the job;
after a crash in between, the next attempt finds the job in Redis. So no job is lost, and none is queued twice
while Redis remembers it (500 s after its end). A worker that is killed between delivering a webhook and
noting that delivers it twice, with the same webhook-id: see `patches`.
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
        """Whether no job waits. Very cheap as long as Redis was never gone."""
        if not self._path.exists():
            return True
        with self._opened() as connection:
            return connection.execute("SELECT 1 FROM jobs LIMIT 1").fetchone() is None

    def add(self, job_id: str, name: str, arguments: Sequence[Any]) -> None:
        """Stores a job; after this returns, the job survives a power cut. `name` is its kind; `arguments` are
        values that JSON can hold."""
        with self._opened() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO jobs (id, name, arguments) VALUES (?, ?, ?)",
                (job_id, name, json.dumps(arguments)),
            )

    def drain(self, queue: Callable[[str, str, list[Any]], None]) -> int:
        """Hands the oldest jobs over to `queue` (id, name and arguments), one after the other. When it raises
        an error, that job and the later ones stay. Returns how many were handed over."""
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
