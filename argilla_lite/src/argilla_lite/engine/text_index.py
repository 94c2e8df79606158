"""The full-text index: one FTS5 table per dataset in a SQLite file of its own, derived from Argilla's records.

Each record's row in `documents` notes which state of the record was indexed. Writing reads the records anew from
Argilla's database inside the index's write transaction, so that of two concurrent writers the later one always
indexes the newer state, and a crash between Argilla's commit and ours is found and repaired at the next start.
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
from dataclasses import dataclass

from argilla_lite.engine import tokens
from argilla_lite.engine.connections import Connections
from argilla_lite.engine.text_query import MARKER

_LOGGER = logging.getLogger("argilla_lite")
_LAYOUT = 1  # raise it when tables or tokenization change: the index is then built anew
_BATCH = 500
_HEX_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Differences:
    """How the index differs from Argilla's records: record ids per kind."""

    missing: int = 0
    outdated: int = 0
    superfluous: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.outdated or self.superfluous)

    def __add__(self, other: Differences) -> Differences:
        return Differences(
            self.missing + other.missing, self.outdated + other.outdated, self.superfluous + other.superfluous
        )


class TextIndex:
    """Keeps and finds what is indexed. Safe to use from several threads and processes.

    Ids are 32 hexadecimal digits, as SQLAlchemy stores UUIDs in SQLite.
    """

    def __init__(self, connections: Connections) -> None:
        self._connections = connections
        self._lock = threading.Lock()
        self._pending: dict[str, set[str]] = {}

    def create(self) -> None:
        """Makes the file and its tables, anew if they are of another layout."""
        with closing(self._connections.writer()) as writer:
            if writer.execute("PRAGMA user_version").fetchone()[0] == _LAYOUT:
                return
            with _transaction(writer):
                for (name,) in writer.execute(
                    "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL%'"
                ).fetchall():
                    writer.execute(f'DROP TABLE "{name}"')
                writer.execute("DROP TABLE IF EXISTS datasets")
                writer.execute("DROP TABLE IF EXISTS documents")
                writer.execute("CREATE TABLE datasets (dataset_id TEXT PRIMARY KEY, columns TEXT NOT NULL)")
                writer.execute(
                    "CREATE TABLE documents (rowid INTEGER PRIMARY KEY, record_id TEXT NOT NULL UNIQUE,"
                    " dataset_id TEXT NOT NULL, stamp TEXT NOT NULL, digest BLOB NOT NULL, revision INTEGER NOT NULL)"
                )
                writer.execute("CREATE INDEX documents_revision ON documents (dataset_id, revision)")
                writer.execute(f"PRAGMA user_version = {_LAYOUT}")

    def columns(self, reader: sqlite3.Connection, dataset_id: str) -> dict[str, str] | None:
        """Field name → FTS5 column, or None if the dataset is not indexed yet."""
        row = reader.execute(
            "SELECT columns FROM text.datasets WHERE dataset_id = ?", (dataset_id,)
        ).fetchone()
        if row is None:
            return None
        return {name: f"c{number}" for number, name in enumerate(json.loads(row[0]))}

    def refresh(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        """Indexes records as Argilla's database has them now; forgets those that it no longer has.

        A failure (a full disk) is logged and tried again with the next call: the records are safe in Argilla's
        database already, and answering with an error would tell the caller otherwise.
        """
        with self._lock:
            wanted = self._pending.pop(dataset_id, set()) | set(record_ids)
            try:
                self._refresh(dataset_id, sorted(wanted))
            except sqlite3.Error as error:
                self._pending[dataset_id] = wanted
                _LOGGER.error("The text index could not be written (%s); trying again later.", error)

    def retry(self, dataset_id: str) -> None:
        """Indexes what could not be indexed before, if anything."""
        if dataset_id in self._pending:
            self.refresh(dataset_id, [])

    def drop(self, dataset_id: str) -> None:
        """Forgets a dataset."""
        with self._lock, closing(self._connections.writer()) as writer, _transaction(writer):
            self._pending.pop(dataset_id, None)
            _drop(writer, dataset_id)

    def ensure(self, dataset_id: str) -> None:
        """Indexes a dataset if it is not indexed yet."""
        with closing(self._connections.writer()) as writer:
            if (
                writer.execute("SELECT 1 FROM datasets WHERE dataset_id = ?", (dataset_id,)).fetchone()
                is None
            ):
                self.repair(dataset_id)

    def differences(self) -> Differences:
        """Compares the index with Argilla's records and changes nothing."""
        with closing(self._connections.source()) as source, closing(self._connections.writer()) as writer:
            total = Differences()
            known = {row[0] for row in writer.execute("SELECT dataset_id FROM datasets")}
            wanted = set(_datasets(source))
            for dataset_id in wanted:
                to_index, _, to_drop = self._compare(source, writer, dataset_id)
                indexed = _stamps(writer, dataset_id)
                missing = sum(record_id not in indexed for record_id in to_index)
                total += Differences(missing, len(to_index) - missing, len(to_drop))
            for dataset_id in known - wanted:
                total += Differences(superfluous=max(1, len(_stamps(writer, dataset_id))))
            return total

    def repair(self, dataset_id: str | None = None) -> Differences:
        """Makes the index agree with Argilla's records.

        Args:
            dataset_id: Only this one; by default all, and what belongs to no dataset is dropped.

        Returns:
            What was found to differ, and is repaired.
        """
        total = Differences()
        with (
            self._lock,
            closing(self._connections.source()) as source,
            closing(self._connections.writer()) as writer,
        ):
            wanted = [dataset_id] if dataset_id else _datasets(source)
            if dataset_id is None:
                known = {row[0] for row in writer.execute("SELECT dataset_id FROM datasets")}
                for gone in known - set(wanted):
                    total += Differences(superfluous=len(_stamps(writer, gone)))
                    with _transaction(writer):
                        _drop(writer, gone)
            for one in wanted:
                to_index, to_touch, to_drop = self._compare(source, writer, one)
                indexed = _stamps(writer, one)
                missing = sum(record_id not in indexed for record_id in to_index)
                total += Differences(missing, len(to_index) - missing, len(to_drop))
                if to_touch:
                    with _transaction(writer):
                        writer.executemany("UPDATE documents SET stamp = ? WHERE record_id = ?", to_touch)
                changed = [*to_index, *to_drop]
                for start in range(0, max(len(changed), 1), _BATCH):
                    self._refresh(one, changed[start : start + _BATCH])
        return total

    def rebuild(self) -> Differences:
        """Forgets everything and indexes it anew."""
        with self._lock, closing(self._connections.writer()) as writer:
            for (dataset_id,) in writer.execute("SELECT dataset_id FROM datasets").fetchall():
                with _transaction(writer):
                    _drop(writer, dataset_id)
        return self.repair()

    @staticmethod
    def _compare(
        source: sqlite3.Connection, writer: sqlite3.Connection, dataset_id: str
    ) -> tuple[list[str], list[tuple[str, str]], list[str]]:
        """Records to index, (stamp, record id) whose text is unchanged, record ids to drop."""
        known_fields = writer.execute(
            "SELECT columns FROM datasets WHERE dataset_id = ?", (dataset_id,)
        ).fetchone()
        fields = _fields(source, dataset_id)
        if known_fields is not None and json.loads(known_fields[0]) != [name for name, _ in fields]:
            with _transaction(writer):
                _drop(writer, dataset_id)
        indexed = _stamps(writer, dataset_id)
        to_index: list[str] = []
        doubtful: list[str] = []
        rows = source.execute("SELECT id, updated_at FROM records WHERE dataset_id = ?", (dataset_id,))
        for record_id, stamp in rows:
            known = indexed.pop(record_id, None)
            if known is None:
                to_index.append(record_id)
            elif known[0] != stamp:
                doubtful.append(record_id)
        to_drop = list(indexed)
        # A response touches its record: the stamp tells that something changed, the digest whether it was the text.
        to_touch: list[tuple[str, str]] = []
        indexed = _stamps(writer, dataset_id) if doubtful else {}
        for start in range(0, len(doubtful), _BATCH):
            for record_id, raw, stamp in _records(source, dataset_id, doubtful[start : start + _BATCH]):
                if _digest(raw) == indexed[record_id][1]:
                    to_touch.append((stamp, record_id))
                else:
                    to_index.append(record_id)
        return to_index, to_touch, to_drop

    def _refresh(self, dataset_id: str, record_ids: Sequence[str]) -> None:
        if not _HEX_ID.fullmatch(dataset_id):
            raise ValueError(f"Not a dataset id: {dataset_id!r}")
        table = f"text_{dataset_id}"
        # The transaction begins before anything is read: who writes later has read later.
        with (
            closing(self._connections.writer()) as writer,
            closing(self._connections.source()) as source,
            _transaction(writer),
        ):
            fields = _fields(source, dataset_id)
            if not fields:
                _drop(writer, dataset_id)
                return
            if (
                writer.execute("SELECT 1 FROM datasets WHERE dataset_id = ?", (dataset_id,)).fetchone()
                is None
            ):
                _create(writer, dataset_id, [name for name, _ in fields])
            columns = ", ".join(["rowid", *(f"c{number}" for number in range(len(fields))), MARKER])
            insert = (
                f"INSERT OR REPLACE INTO {table} ({columns}) VALUES ({','.join('?' * (len(fields) + 2))})"
            )
            revision = 1 + writer.execute("SELECT coalesce(max(revision), 0) FROM documents").fetchone()[0]
            for start in range(0, len(record_ids), _BATCH):
                batch = record_ids[start : start + _BATCH]
                marks = ",".join("?" * len(batch))
                old = dict(
                    writer.execute(
                        f"SELECT record_id, rowid FROM documents WHERE record_id IN ({marks})", batch
                    )
                )
                writer.executemany(f"DELETE FROM {table} WHERE rowid = ?", [(row,) for row in old.values()])
                gone = set(batch)
                for record_id, raw, stamp in _records(source, dataset_id, batch):
                    gone.discard(record_id)
                    values = json.loads(raw) if raw else {}
                    rowid = writer.execute(
                        "INSERT INTO documents (rowid, record_id, dataset_id, stamp, digest, revision)"
                        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (record_id) DO UPDATE SET stamp = excluded.stamp,"
                        " digest = excluded.digest, revision = excluded.revision RETURNING rowid",
                        (old.get(record_id), record_id, dataset_id, stamp, _digest(raw), revision),
                    ).fetchone()[0]
                    texts = [tokens.field_text(values.get(name), kind) for name, kind in fields]
                    writer.execute(insert, (rowid, *texts, MARKER))
                writer.executemany("DELETE FROM documents WHERE record_id = ?", [(one,) for one in gone])


def _create(writer: sqlite3.Connection, dataset_id: str, names: list[str]) -> None:
    columns = ", ".join(f"c{number}" for number in range(len(names)))
    tokenizer = tokens.TOKENIZER.replace("'", "''")
    writer.execute(
        f"CREATE VIRTUAL TABLE IF NOT EXISTS text_{dataset_id} USING fts5({columns}, {MARKER}, tokenize='{tokenizer}')"
    )
    writer.execute("INSERT INTO datasets VALUES (?, ?)", (dataset_id, json.dumps(names)))


def _drop(writer: sqlite3.Connection, dataset_id: str) -> None:
    if _HEX_ID.fullmatch(dataset_id):
        writer.execute(f"DROP TABLE IF EXISTS text_{dataset_id}")
    writer.execute("DELETE FROM documents WHERE dataset_id = ?", (dataset_id,))
    writer.execute("DELETE FROM datasets WHERE dataset_id = ?", (dataset_id,))


def _datasets(source: sqlite3.Connection) -> list[str]:
    return [row[0] for row in source.execute("SELECT id FROM datasets WHERE status = 'ready'")]


def _fields(source: sqlite3.Connection, dataset_id: str) -> list[tuple[str, str]]:
    """Name and type of each field, in the order in which they were made (their columns' order)."""
    return source.execute(
        "SELECT name, json_extract(settings, '$.type') FROM fields WHERE dataset_id = ? ORDER BY inserted_at, id",
        (dataset_id,),
    ).fetchall()


def _records(
    source: sqlite3.Connection, dataset_id: str, record_ids: Sequence[str]
) -> Iterator[tuple[str, str, str]]:
    marks = ",".join("?" * len(record_ids))
    yield from source.execute(
        f"SELECT id, fields, updated_at FROM records WHERE id IN ({marks}) AND dataset_id = ?",
        (*record_ids, dataset_id),
    )


def _stamps(writer: sqlite3.Connection, dataset_id: str) -> dict[str, tuple[str, bytes]]:
    rows = writer.execute(
        "SELECT record_id, stamp, digest FROM documents WHERE dataset_id = ?", (dataset_id,)
    )
    return {record_id: (stamp, digest) for record_id, stamp, digest in rows}


def _digest(raw: str | None) -> bytes:
    return hashlib.blake2b((raw or "").encode(), digest_size=12).digest()


@contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    connection.execute("COMMIT")
