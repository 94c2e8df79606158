"""SQLite connections: one reader per thread over both files, one writer for the text index."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from pathlib import Path

_BUSY_TIMEOUT = 30.0  # seconds to wait for another process's write


class Connections:
    """Opens connections lazily, anew in each thread and after each fork (SQLite forbids carrying them over).

    Args:
        argilla: Argilla's database.
        text: The text index; seen as schema `text` by readers.
    """

    def __init__(self, argilla: Path, text: Path) -> None:
        self._argilla = argilla
        self._text = text
        self._local = threading.local()

    def reader(self) -> sqlite3.Connection:
        """This thread's read-only connection to Argilla's database, with the text index attached."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.process != os.getpid():
            connection = self._open(self._argilla)
            connection.execute("ATTACH DATABASE ? AS text", (str(self._text),))
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA cache_size = -16000")
            connection.create_function("shuffled", 2, _shuffled, deterministic=True)
            self._local.connection, self._local.process = connection, os.getpid()
        return connection

    def source(self) -> sqlite3.Connection:
        """A fresh connection to Argilla's database alone, for the writer to read from."""
        connection = self._open(self._argilla)
        connection.execute("PRAGMA query_only = ON")
        return connection

    def writer(self) -> sqlite3.Connection:
        """A fresh connection to the text index alone. BEGIN IMMEDIATE would lock every attached file."""
        connection = self._open(self._text)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    @staticmethod
    def _open(path: Path) -> sqlite3.Connection:
        connection = sqlite3.connect(
            path, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = None
        return connection


def _shuffled(user_id: str, record_id: str) -> int:
    # Not a cheap checksum: the orders of two users must have nothing to do with each other.
    return int.from_bytes(hashlib.blake2b(f"{user_id}:{record_id}".encode(), digest_size=4).digest(), "big")
