"""`argilla-lite backup`: writes the database as of one instant and the secrets into one file.

Argilla may run meanwhile.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import shutil
import sqlite3
from pathlib import Path

from argilla_lite import __version__, archive
from argilla_lite.databases import SqliteDatabase, counts_of, database_of
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home


def backup(home: Home, target: Path, force: bool) -> archive.Manifest:
    """Writes a backup to `target` (0600), which appears whole or not at all; `force` replaces a file of that
    name.

    The text index is left out, because a start builds it from the database. Webhook events that are waiting
    to be delivered are left out too, because the running Argilla still delivers them. Raises ArgillaLiteError
    when there is nothing to back up, or the file cannot be written.
    """
    database = database_of(home)
    if target.exists() and not force:
        raise ArgillaLiteError(f"{target} exists already. Choose another name, or replace it with --force.")
    if target.is_dir():
        raise ArgillaLiteError(f"{target} is a folder; give the name of a file.")
    try:
        database.rows("SELECT version_num FROM alembic_version")
    except LookupError as error:
        database.require()
        raise ArgillaLiteError(f"There is no Argilla in {home.root} to back up.") from error
    sqlite = isinstance(database, SqliteDatabase)
    name = archive.SQLITE_DATABASE if sqlite else archive.POSTGRES_DUMP
    with archive.scratch_folder(target.parent, target.name) as folder:
        try:
            database.save(folder / name)
            for secret in archive.SECRETS:
                shutil.copyfile(home.root / secret, folder / secret)
            saved = SqliteDatabase(folder / name) if sqlite else database
            manifest = archive.Manifest(
                database="sqlite" if sqlite else "postgresql",
                argilla_lite=__version__,
                argilla_server=importlib.metadata.version("argilla-server"),
                revision=str(saved.rows("SELECT version_num FROM alembic_version")[0][0]),
                created=datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
                counts={table: count for table, count in counts_of(saved).items() if count is not None},
                files={one: archive.digest(folder / one) for one in (name, *archive.SECRETS)},
            )
            archive.write(target, manifest, folder)
        except (OSError, sqlite3.Error, LookupError) as error:
            raise ArgillaLiteError(f"The backup {target} could not be written: {error}.") from error
    return manifest
