"""Argilla's own database, SQLite or PostgreSQL, for the command line: where it is, and a few queries."""

from __future__ import annotations

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home, write_private
from argilla_lite.postgresql import PostgresDatabase

DATABASE_VARIABLE = "ARGILLA_LITE_DATABASE_URL"  # read instead of `--database`


class Database(Protocol):
    """What the command line needs from a database; argilla_server opens its own connections."""

    @property
    def shown(self) -> str:
        """Its path, or its URL without the password."""

    def environment(self) -> dict[str, str]:
        """Variables that tell argilla_server and our engine where the database is."""

    def require(self) -> None:
        """Raises ArgillaLiteError unless the database can be used."""

    def rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        """The rows that a query finds; `?` in it stands for a parameter. Raises LookupError when the database
        is not there, or holds no Argilla yet."""

    def is_tuned(self) -> bool:
        """Whether `tune` has nothing to do."""

    def tune(self) -> None:
        """Changes settings that the database keeps."""

    def size(self) -> int | None:
        """Its size in bytes, or None when it does not answer."""

    def damage(self) -> list[str]:
        """What a quick look at its integrity finds, a line each."""

    def save(self, target: Path) -> None:
        """Writes what it holds at one instant into a file, while others go on writing."""


@dataclass(frozen=True)
class SqliteDatabase:
    """The default: one file in the home."""

    path: Path

    @property
    def shown(self) -> str:
        return str(self.path)

    def environment(self) -> dict[str, str]:
        return {
            "ARGILLA_DATABASE_URL": f"sqlite+aiosqlite:///{self.path}?check_same_thread=False",
            "ARGILLA_DATABASE_SQLITE_TIMEOUT": "30",
        }

    def require(self) -> None:
        """Checks nothing: the migration makes a missing file, and reports a damaged one."""

    def rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        try:
            uri = f"{self.path.as_uri()}?mode=ro"
            with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=5)) as connection:
                return connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise LookupError(str(error)) from error

    def is_tuned(self) -> bool:
        return self.rows("PRAGMA journal_mode") == [("wal",)]

    def tune(self) -> None:
        """Turns on write-ahead logging, with which readers and one writer can work at once.

        The file keeps the setting, so once is enough.
        """
        with contextlib.closing(sqlite3.connect(self.path, timeout=30)) as connection:
            mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        self.path.chmod(0o600)
        if mode != "wal":
            print(f"The file system below {self.path} does not allow SQLite's write-ahead log; using {mode}.")

    def size(self) -> int | None:
        return file_size(self.path)

    def damage(self) -> list[str]:
        return file_damage(self.path)

    def save(self, target: Path) -> None:
        # All pages in one step: one read transaction, which in WAL mode blocks nobody and never starts over.
        # Not VACUUM INTO, which may number rows anew.
        with (
            contextlib.closing(sqlite3.connect(self.path, timeout=30)) as source,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            source.backup(copy)


def file_size(path: Path) -> int:
    """Bytes of a SQLite file and its write-ahead log."""
    return sum(part.stat().st_size for suffix in ("", "-wal") if (part := Path(f"{path}{suffix}")).exists())


def file_damage(path: Path) -> list[str]:
    """What SQLite's quick check says about a file; empty when all is well."""
    if not path.exists():
        return []
    with contextlib.closing(sqlite3.connect(path, timeout=30)) as connection:
        try:
            rows = [str(row[0]) for row in connection.execute("PRAGMA quick_check")]
        except sqlite3.DatabaseError as error:
            rows = [str(error)]
    return [] if rows == ["ok"] else rows


def counts_of(database: Database) -> dict[str, int | None]:
    """Rows of each table that `status` shows; None for each when the database does not answer."""
    names = ("datasets", "records", "responses", "users")
    try:
        return {name: database.rows(f"SELECT count(*) FROM {name}")[0][0] for name in names}  # noqa: S608
    except LookupError:
        return dict.fromkeys(names)


def database_of(home: Home) -> Database:
    """The database that the home uses: the remembered PostgreSQL, or its own SQLite file. Raises
    ArgillaLiteError when the remembered address cannot be read."""
    try:
        return PostgresDatabase.parse(home.database_url_file.read_text(encoding="utf-8").strip())
    except FileNotFoundError:
        return SqliteDatabase(home.database)
    except OSError as error:
        raise ArgillaLiteError(f"{home.database_url_file} cannot be read: {error.strerror}.") from error


def choose(home: Home, url: str) -> None:
    """Stores where the database is (0600) of a home that this process has locked, for later commands.

    Raises ArgillaLiteError when the URL is malformed, the database cannot be used, or the home's Argilla is
    in SQLite already.
    """
    database = PostgresDatabase.parse(url)
    if home.database.exists():
        raise ArgillaLiteError(
            f"The Argilla in {home.root} is kept in SQLite ({home.database.name}). Its data would be missing "
            f"in {database.shown}: choose a new folder with --home, or leave the database out."
        )
    if not home.database_url_file.exists() or database_of(home) != database:
        database.require()  # a mistyped address is not stored
        write_private(home.database_url_file, database.url + "\n")
