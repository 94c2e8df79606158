"""Argilla's own database, read in snapshots: the one truth that everything here is derived from.

The same statements run on SQLite and on PostgreSQL; a `Dialect` says the few things that the two say
differently. Ids are 32 hexadecimal digits throughout, moments whole microseconds since 1970 (UTC), JSON
columns their text.
"""

# ruff: noqa: S608 - only names that this package makes get into SQL text; values are parameters
from __future__ import annotations

import json
import logging
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import orjson

_LOGGER = logging.getLogger("argilla_lite")
BATCH = 500  # ids in one statement


def parsed(text: str | bytes) -> Any:
    """JSON as Argilla stores it or is sent it. orjson reads a vector in a fifth of the time, but no NaN, and
    no huge number."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return json.loads(text)


@dataclass(frozen=True)
class Question:
    """A dataset's question; `type` is as in argilla_server's QuestionType."""

    id: str
    name: str
    type: str


@dataclass(frozen=True)
class Definition:
    """What a dataset's records can be searched by: questions, and metadata property → its type.

    The type is terms, integer or float.
    """

    questions: tuple[Question, ...]
    properties: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class RecordRow:
    """A record without its text. `metadata` is JSON text or None."""

    id: str
    inserted: int
    updated: int
    status: str
    external_id: str | None
    metadata: str | None


class Dialect(ABC):
    """How one kind of database says what the other says differently."""

    mark: str

    @abstractmethod
    def connect(self) -> Any:
        """A new DB-API connection without implicit transactions."""

    @abstractmethod
    def begin(self, cursor: Any) -> None:
        """Starts a read-only transaction that sees one state of the database until its end."""

    @abstractmethod
    def hexed(self, column: str) -> str:
        """An id as 32 hexadecimal digits."""

    @abstractmethod
    def id_parameter(self, record_id: str) -> str:
        """An id of 32 hexadecimal digits as the database compares it."""

    @abstractmethod
    def micros(self, column: str) -> str:
        """A moment as whole microseconds since 1970."""

    @abstractmethod
    def text(self, column: str) -> str:
        """JSON, or an enumeration, as text."""

    @abstractmethod
    def member(self, column: str, name: str) -> str:
        """A member of a JSON object, as text."""

    @abstractmethod
    def among(self, column: str, ids: Sequence[str]) -> tuple[str, tuple[Any, ...]]:
        """A condition that an id is one of `ids`, with its parameters."""

    @abstractmethod
    def revision(self, cursor: Any) -> int:
        """The number up to which this snapshot shows every change: no change below it will appear later."""

    @abstractmethod
    def changed(self, cursor: Any, dataset_id: str, since: int) -> list[str]:
        """The records of a dataset that may have changed since the snapshot that had the revision `since`."""

    @abstractmethod
    def install(self) -> None:
        """Has the database note which records change (`changes`); forgets what was noted so far."""


class Snapshot:
    """One state of Argilla's database."""

    def __init__(self, dialect: Dialect, cursor: Any) -> None:
        self._dialect = dialect
        self._cursor = cursor

    def revision(self) -> int:
        """Grows with every change to records, suggestions, responses and vectors."""
        return self._dialect.revision(self._cursor)

    def changed(self, dataset_id: str, since: int) -> list[str]:
        """Ids of records that may have changed, appeared or gone since the snapshot with the revision
        `since`."""
        return self._dialect.changed(self._cursor, dataset_id, since)

    def datasets(self) -> list[str]:
        """The published datasets, those that were last worked on first."""
        rows = self._rows(
            f"SELECT {self._dialect.hexed('id')} FROM datasets WHERE {self._dialect.text('status')} = 'ready'"
            " ORDER BY last_activity_at DESC"
        )
        return [row[0] for row in rows]

    def definition(self, dataset_id: str) -> Definition:
        """The dataset's questions and metadata properties, by name."""
        kind = self._dialect.member("settings", "type")
        questions = self._of_dataset(f"{self._dialect.hexed('id')}, name, {kind} FROM questions", dataset_id)
        properties = self._of_dataset(f"name, {kind} FROM metadata_properties", dataset_id)
        return Definition(
            tuple(sorted((Question(*row) for row in questions), key=lambda one: one.name)),
            tuple(sorted((name, kind) for name, kind in properties)),
        )

    def vector_settings(self, dataset_id: str) -> dict[str, int]:
        """Id → dimensions of the dataset's vector settings."""
        return dict(
            self._of_dataset(f"{self._dialect.hexed('id')}, dimensions FROM vectors_settings", dataset_id)
        )

    def fields(self, dataset_id: str) -> list[tuple[str, str]]:
        """Name and type of each field, in the order in which they were made."""
        kind, own_id = self._dialect.member("settings", "type"), self._dialect.hexed("id")
        return self._of_dataset(f"name, {kind} FROM fields", dataset_id, f"inserted_at, {own_id}")

    def records(self, dataset_id: str, ids: Sequence[str] | None = None) -> Iterator[RecordRow]:
        """Records in the order in which they were added; all, or those of `ids` that are there."""
        say = self._dialect
        columns = (
            f"{say.micros('r.inserted_at')}, {say.micros('r.updated_at')}, {say.text('r.status')},"
            f" r.external_id, {say.text('r.metadata')}"
        )
        order = f"ORDER BY r.inserted_at, {say.hexed('r.id')}"
        for row in self._of_records(columns, dataset_id, ids, order=order):
            yield RecordRow(*row)

    def stamps(self, dataset_id: str) -> Iterator[tuple[str, str]]:
        """Record id and when the record was last changed, as text."""
        for record_id, updated in self._of_records(self._dialect.micros("r.updated_at"), dataset_id, None):
            yield record_id, str(updated)

    def texts(self, dataset_id: str, ids: Sequence[str]) -> Iterator[tuple[str, str | None, str]]:
        """Record id, fields (JSON text) and stamp, of those of `ids` that are there."""
        say = self._dialect
        columns = f"{say.text('r.fields')}, {say.micros('r.updated_at')}"
        for record_id, fields, updated in self._of_records(columns, dataset_id, ids):
            yield record_id, fields, str(updated)

    def suggestions(
        self, dataset_id: str, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, str, str, str | None, str | None, str | None]]:
        """Record id, question id, value and score (JSON text), agent, type."""
        say = self._dialect
        columns = (
            f"{say.hexed('s.question_id')}, {say.text('s.value')}, {say.text('s.score')}, s.agent,"
            f" {say.text('s.type')}"
        )
        join = "JOIN suggestions AS s ON s.record_id = r.id"
        yield from self._of_records(columns, dataset_id, ids, join)

    def responses(
        self, dataset_id: str, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, str, str, str | None]]:
        """Record id, user id, status, values (JSON text: question → {"value": …})."""
        say = self._dialect
        values = say.text('a."values"')
        columns = f"{say.hexed('a.user_id')}, {say.text('a.status')}, {values}"
        join = "JOIN responses AS a ON a.record_id = r.id"
        yield from self._of_records(columns, dataset_id, ids, join)

    def vectors(
        self, dataset_id: str, setting_id: str, ids: Sequence[str] | None = None
    ) -> Iterator[tuple[str, str]]:
        """Record id and vector (JSON text) of one vector setting."""
        say = self._dialect
        join = f"JOIN vectors AS v ON v.record_id = r.id AND v.vector_settings_id = {say.mark}"
        parameters = (say.id_parameter(setting_id),)
        yield from self._of_records(say.text("v.value"), dataset_id, ids, join, parameters=parameters)

    def _of_dataset(self, select: str, dataset_id: str, order: str = "name") -> list[Any]:
        statement = f"SELECT {select} WHERE dataset_id = {self._dialect.mark} ORDER BY {order}"
        return list(self._rows(statement, (self._dialect.id_parameter(dataset_id),)))

    def _of_records(
        self,
        columns: str,
        dataset_id: str,
        ids: Sequence[str] | None,
        join: str = "",
        order: str = "",
        parameters: tuple[Any, ...] = (),
    ) -> Iterator[Any]:
        """Record id and `columns` of all records `r`, or of those of `ids` that are there. `parameters` are
        those of the `join`."""
        select = f"SELECT {self._dialect.hexed('r.id')}, {columns} FROM records AS r {join}"
        where = f"{select} WHERE r.dataset_id = {self._dialect.mark}"
        parameters = (*parameters, self._dialect.id_parameter(dataset_id))
        if ids is None:
            yield from self._rows(f"{where} {order}", parameters)
            return
        for start in range(0, len(ids), BATCH):
            condition, wanted = self._dialect.among("r.id", ids[start : start + BATCH])
            yield from self._rows(f"{where} AND {condition} {order}", (*parameters, *wanted))

    def _rows(self, statement: str, parameters: tuple[Any, ...] = ()) -> Iterator[Any]:
        self._cursor.execute(statement, parameters)
        while batch := self._cursor.fetchmany(2000):
            yield from batch


class Source:
    """Opens snapshots. One connection each, kept for the next one; safe to use from several threads."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self._idle: list[Any] = []

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """A state of the database that stays the same until the end of the block."""
        connection, cursor = self._begun()
        try:
            yield Snapshot(self.dialect, cursor)
            cursor.execute("COMMIT")
            cursor.close()
        except BaseException:
            connection.close()  # whatever state it is in
            raise
        self._idle.append(connection)

    def _begun(self) -> tuple[Any, Any]:
        """A connection and its cursor in a new transaction. One that broke since it was last used is
        replaced."""
        while self._idle:
            connection = self._idle.pop()
            try:
                cursor = connection.cursor()
                self.dialect.begin(cursor)
                return connection, cursor
            except Exception as error:
                connection.close()
                _LOGGER.info("A connection to the database was lost (%s); making another.", error)
        connection = self.dialect.connect()
        cursor = connection.cursor()
        self.dialect.begin(cursor)
        return connection, cursor
