"""Argilla's database in PostgreSQL instead of SQLite, given by a URL."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from argilla_lite.errors import ArgillaLiteError

if TYPE_CHECKING:
    import psycopg

_FORM = "postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
_SCHEMES = {"postgresql", "postgres", "postgresql+asyncpg", "postgresql+psycopg", "postgresql+psycopg2"}
# Both libpq and asyncpg read these from the environment; SQLAlchemy cannot pass them to both in one URL.
_TLS = {
    "sslmode": "PGSSLMODE",
    "sslrootcert": "PGSSLROOTCERT",
    "sslcert": "PGSSLCERT",
    "sslkey": "PGSSLKEY",
}
_PATIENCE = 10  # seconds until a server that does not answer counts as absent


@dataclass(frozen=True)
class PostgresDatabase:
    """One database of a PostgreSQL server. `host` may be the folder of a unix socket; `tls` are `PGSSL…`
    variables. Two are equal when all fields are, the password included."""

    host: str
    port: int
    user: str
    name: str
    password: str | None = field(default=None, repr=False)
    tls: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> PostgresDatabase:
        """Reads a URL. Raises ArgillaLiteError for one that is not PostgreSQL's, lacks a user, host or
        database, or has an unknown option."""
        try:
            parts = urlsplit(url)
            port = parts.port or 5432
        except ValueError as error:
            # The text of the URL stays out of the message: it may hold a password.
            raise ArgillaLiteError(f"The database URL cannot be read. Its form is {_FORM}.") from error
        options = dict(parse_qsl(parts.query))
        host = options.pop("host", None) or parts.hostname or ""
        name = unquote(parts.path.removeprefix("/"))
        if parts.scheme not in _SCHEMES or not (host and parts.username and name):
            raise ArgillaLiteError(
                f"The database URL has to be of the form {_FORM} (for a unix socket: "
                "postgresql://USER@/DATABASE?host=/FOLDER)."
            )
        if unknown := sorted(set(options) - set(_TLS)):
            raise ArgillaLiteError(
                f"The database URL has options that are not known: {', '.join(unknown)}. "
                f"There are host, {', '.join(_TLS)}."
            )
        return cls(
            host=host,
            port=port,
            user=unquote(parts.username),
            name=name,
            password=unquote(parts.password) if parts.password else None,
            tls=tuple(sorted((_TLS[option], value) for option, value in options.items())),
        )

    @property
    def url(self) -> str:
        """The URL with the password."""
        return self._url(f":{quote(self.password, safe='')}" if self.password else "")

    @property
    def shown(self) -> str:
        return self._url(":***" if self.password else "")

    def _url(self, password: str) -> str:
        options = self._tls_options()
        place = f"[{self.host}]" if ":" in self.host else self.host
        if self.host.startswith("/"):
            place, options = "", {"host": self.host, **options}
        query = "?" + urlencode(options, safe="/") if options else ""
        user, name = quote(self.user, safe=""), quote(self.name, safe="")
        return f"postgresql://{user}{password}@{place}:{self.port}/{name}{query}"

    def _tls_options(self) -> dict[str, str]:
        given = dict(self.tls)
        return {option: given[variable] for option, variable in _TLS.items() if variable in given}

    def environment(self) -> dict[str, str]:
        """The URL's parts as libpq's variables, which asyncpg reads too, and a URL without any of them.

        A password inside the URL could appear in a traceback, and percent signs in it would make Alembic
        fail, which reads the URL as a template.
        """
        variables = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGDATABASE": self.name,
        }
        if self.password is not None:
            variables["PGPASSWORD"] = self.password
        return {"ARGILLA_DATABASE_URL": "postgresql+asyncpg://", **variables, **dict(self.tls)}

    def require(self) -> None:
        for module in ("psycopg", "asyncpg"):
            if importlib.util.find_spec(module) is None:
                raise ArgillaLiteError(
                    f"PostgreSQL needs the package {module}: pip install 'argilla-lite[postgresql]'"
                )
        try:
            with self._connected() as connection:
                version = connection.info.server_version
                encoding = connection.info.parameter_status("server_encoding")
        except LookupError as error:
            raise ArgillaLiteError(
                f"The database {self.shown} cannot be used: {error}. "
                "Check the address, the password, and that the database has been made (createdb)."
            ) from error
        if version < 120000 or encoding != "UTF8":
            raise ArgillaLiteError(
                f"The database {self.shown} is PostgreSQL {version // 10000} with encoding {encoding}; "
                "12 or newer and UTF8 are needed."
            )

    def rows(self, query: str, *parameters: str) -> list[tuple[Any, ...]]:
        with self._connected() as connection:
            import psycopg

            try:
                return connection.execute(query.replace("?", "%s").encode(), parameters).fetchall()
            except psycopg.Error as error:
                raise LookupError(str(error).splitlines()[0]) from error

    @contextlib.contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        import psycopg
        from psycopg.conninfo import make_conninfo

        target = make_conninfo(
            "",
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=self.name,
            connect_timeout=_PATIENCE,
            application_name="argilla-lite",
            **self._tls_options(),
        )
        try:
            connection = psycopg.connect(target, autocommit=True)
        except psycopg.Error as error:
            raise LookupError(" ".join(str(error).split())) from error
        with contextlib.closing(connection):
            yield connection

    def is_tuned(self) -> bool:
        return True

    def tune(self) -> None:
        """Changes nothing: the server belongs to somebody else."""

    def size(self) -> int | None:
        try:
            return int(self.rows("SELECT pg_database_size(current_database())")[0][0])
        except LookupError:
            return None

    def damage(self) -> list[str]:
        """Finds nothing: PostgreSQL checks its own files."""
        return []

    def save(self, target: Path) -> None:
        # Of our search engine's tables only the schema: their rows are made from Argilla's on each server.
        exclude = "--exclude-table-data=argilla_lite_*"
        self._run("pg_dump", "--format=custom", "--compress=0", exclude, f"--file={target}")

    def load(self, dump: Path) -> None:
        """Replaces what is in the database by a dump, in one transaction. Raises ArgillaLiteError when that
        failed, and nothing has changed."""
        self._run(
            "pg_restore", "--clean", "--if-exists", "--single-transaction", f"--dbname={self.name}", str(dump)
        )

    def read_dump(self, dump: Path) -> None:
        """Raises ArgillaLiteError unless the file is a dump that can be read here."""
        self._run("pg_restore", "--list", str(dump), owners=True)

    def _run(self, program: str, *arguments: str, owners: bool = False) -> None:
        path = shutil.which(program) or _newest(program)
        if path is None:
            raise ArgillaLiteError(
                f"{program} is needed to back up or restore PostgreSQL, and is not installed "
                "(Debian: postgresql-client)."
            )
        plain = [] if owners else ["--no-owner", "--no-privileges"]
        environment = {"PATH": os.environ.get("PATH", ""), **self.environment()}
        done = subprocess.run(
            [path, *plain, *arguments],
            env=environment,
            capture_output=True,
            text=True,
            errors="replace",
            check=False,
        )
        if done.returncode:
            lines = done.stderr.strip().splitlines() or [f"status {done.returncode}"]
            raise ArgillaLiteError(f"{program} failed for {self.shown}: {lines[0]}")


def _newest(program: str) -> str | None:
    """The program of the newest installed version, in the folders that Debian uses."""
    found = sorted(
        Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), key=lambda path: float(path.parts[-3])
    )
    return str(found[-1]) if found else None


def use_psycopg() -> None:
    """Has SQLAlchemy use psycopg 3 for `postgresql://`, so that psycopg2 need not be installed too.

    Call it before argilla_server is imported, which makes a synchronous engine at once (database.py:65).
    """
    from sqlalchemy.dialects import registry

    registry.register("postgresql", "sqlalchemy.dialects.postgresql.psycopg", "PGDialect_psycopg")
