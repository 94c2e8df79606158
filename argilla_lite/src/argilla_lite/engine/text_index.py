"""The full-text index: one FTS5 table per dataset in a SQLite file of its own, derived from Argilla's
records.

Each record's row in `documents` notes which state of the record was indexed. Writing reads the records anew
from Argilla's database inside the index's write transaction, so that of two concurrent writers the later one
always indexes the newer state, and a crash between Argilla's commit and ours is found and repaired at the
next start (`text_repair`).
"""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

import hashlib
import json
import logging
import re
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from argilla_lite.engine import tokens
from argilla_lite.engine.source import BATCH, Source, parsed
from argilla_lite.engine.text_query import MARKER

_LOGGER = logging.getLogger("argilla_lite")
_LAYOUT = 3  # raise it when tables or tokenization change: the index is then built anew
_BUSY_TIMEOUT = 30.0  # seconds to wait for another process's write
_HEX_ID = re.compile(r"[0-9a-f]{32}")


class TextIndex:
    """Writes the index, into `file`, of the records in `source`. Safe to use from several threads and
    processes; ids are 32 hexadecimal digits."""

    def __init__(self, file: Path, source: Source) -> None:
        self.source = source
        self._file = file
        self._lock = threading.Lock()
        self._pending: dict[str, set[str]] = {}

    def connect(self, read_only: bool = False) -> sqlite3.Connection:
        """A new connection, for any thread, without implicit transactions."""
        connection = sqlite3.connect(
            self._file, timeout=_BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
        )
        if read_only:
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA cache_size = -16000")
        else:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = NORMAL")
        return connection

    def create(self) -> bool:
        """Makes the file and its tables, anew if they are of another layout. Returns whether they were."""
        with closing(self.connect()) as writer:
            layout = writer.execute("PRAGMA user_version").fetchone()[0]
            if layout == _LAYOUT:
                return False
            with transaction(writer):
                for (name,) in writer.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'"
                ).fetchall():
                    writer.execute(f'DROP TABLE "{name}"')
                for name in ("datasets", "documents", "counter"):
                    writer.execute(f"DROP TABLE IF EXISTS {name}")
                writer.execute("CREATE TABLE datasets (dataset_id TEXT PRIMARY KEY, columns TEXT NOT NULL)")
                writer.execute(
                    "CREATE TABLE documents (rowid INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE,"
                    " dataset_id TEXT NOT NULL, stamp TEXT NOT NULL, digest BLOB NOT NULL,"
                    " revision INTEGER NOT NULL)"
                )
                writer.execute("CREATE INDEX documents_revision ON documents (dataset_id, revision)")
                # A revision is never given twice, also when the documents that had it are gone.
                writer.execute("CREATE TABLE counter (revision INTEGER NOT NULL)")
                writer.execute("INSERT INTO counter VALUES (0)")
                writer.execute(f"PRAGMA user_version = {_LAYOUT}")
            return bool(layout)

    def columns(self, reader: sqlite3.Connection, dataset_id: str) -> dict[str, str] | None:
        """Field name → FTS5 column, or None if the dataset is not indexed yet."""
        row = reader.execute("SELECT columns FROM datasets WHERE dataset_id = ?", (dataset_id,)).fetchone()
        if row is None:
            return None
        return {name: f"c{number}" for number, name in enumerate(json.loads(row[0]))}

    def refresh(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        """Indexes records as Argilla's database has them now; forgets those that it no longer has.

        A failure (a full disk) is logged and tried again with the next call: the records are safe in
        Argilla's database already, and answering with an error would tell the caller otherwise.
        """
        with self._lock:
            wanted = self._pending.pop(dataset_id, set()) | set(record_ids)
            try:
                self.write(dataset_id, sorted(wanted))
            except sqlite3.Error as error:
                self._pending[dataset_id] = wanted
                _LOGGER.error("The text index could not be written (%s); trying again later.", error)

    def retry(self, dataset_id: str) -> None:
        """Indexes what could not be indexed before, if anything."""
        if dataset_id in self._pending:
            self.refresh(dataset_id, [])

    def drop(self, dataset_id: str) -> None:
        """Forgets a dataset."""
        with self._lock, closing(self.connect()) as writer, transaction(writer):
            self._pending.pop(dataset_id, None)
            drop(writer, dataset_id)

    def write(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        """What `refresh` does, in one transaction, with any error raised."""
        if not _HEX_ID.fullmatch(dataset_id):
            raise ValueError(f"Not a dataset id: {dataset_id!r}")
        # The transaction begins before anything is read: who writes later has read later.
        with closing(self.connect()) as writer, transaction(writer), self.source.snapshot() as snapshot:
            fields = snapshot.fields(dataset_id)
            if not fields:
                drop(writer, dataset_id)
                return
            known = writer.execute("SELECT 1 FROM datasets WHERE dataset_id = ?", (dataset_id,)).fetchone()
            if known is None:
                _create(writer, dataset_id, [name for name, _ in fields])
            revision = writer.execute(
                "UPDATE counter SET revision = revision + 1 RETURNING revision"
            ).fetchall()
            for start in range(0, len(record_ids), BATCH):
                batch = record_ids[start : start + BATCH]
                texts = list(snapshot.texts(dataset_id, batch))
                _write_batch(writer, dataset_id, fields, batch, texts, revision[0][0])


def _write_batch(
    writer: sqlite3.Connection,
    dataset_id: str,
    fields: list[tuple[str, str]],
    batch: Sequence[str],
    texts: Sequence[tuple[str, str | None, str]],
    revision: int,
) -> None:
    table = f"text_{dataset_id}"
    marks = ",".join("?" * len(batch))
    old: dict[str, int] = dict(
        writer.execute(f"SELECT record_id, rowid FROM documents WHERE record_id IN ({marks})", batch)
    )
    writer.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row,) for row in old.values()])
    gone = set(batch)
    indexed = []
    for record_id, raw, stamp in texts:
        gone.discard(record_id)
        rowid = writer.execute(
            "INSERT INTO documents (rowid, record_id, dataset_id, stamp, digest, revision)"
            " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET stamp = excluded.stamp,"
            " digest = excluded.digest, revision = excluded.revision RETURNING rowid",
            (old.get(record_id), record_id, dataset_id, stamp, digest(raw), revision),
        ).fetchall()[0][0]
        values = parsed(raw) if raw else {}
        indexed.append((rowid, *(tokens.field_text(values.get(name), kind) for name, kind in fields), MARKER))
    columns = ", ".join(["rowid", *(f"c{number}" for number in range(len(fields))), MARKER])
    writer.executemany(
        f"INSERT INTO {table} ({columns}) VALUES ({','.join('?' * (len(fields) + 2))})", indexed
    )
    writer.executemany("DELETE FROM documents WHERE record_id = ?", [(one,) for one in gone])


def _create(writer: sqlite3.Connection, dataset_id: str, names: list[str]) -> None:
    columns = ", ".join(f"c{number}" for number in range(len(names)))
    tokenizer = tokens.TOKENIZER.replace("'", "''")
    writer.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS text_{dataset_id}"
        f" USING fts5({columns}, {MARKER}, tokenize='{tokenizer}')"
    )
    writer.execute("INSERT INTO datasets VALUES (?, ?)", (dataset_id, json.dumps(names)))


def drop(writer: sqlite3.Connection, dataset_id: str) -> None:
    """Removes all that is kept of a dataset, inside the caller's transaction."""
    if _HEX_ID.fullmatch(dataset_id):
        writer.execute(f"DROP TABLE IF EXISTS text_{dataset_id}")
    writer.execute("DELETE FROM documents WHERE dataset_id = ?", (dataset_id,))
    writer.execute("DELETE FROM datasets WHERE dataset_id = ?", (dataset_id,))


def digest(fields: str | None) -> bytes:
    """Tells whether a record's fields (JSON text) are what was indexed."""
    return hashlib.blake2b((fields or "").encode(), digest_size=12).digest()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Writes all that happens inside, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
