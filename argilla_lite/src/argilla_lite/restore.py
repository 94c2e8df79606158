"""`argilla-lite restore`: verifies a backup as a whole, then replaces a home with it, all or nothing.

The new files are unpacked and verified beside the old ones, and then their folder is renamed to `restore/`.
When the command is killed before the rename, the old home is unchanged. When it is killed after it, the next
command puts the new files in place.
"""

from __future__ import annotations

import importlib.metadata
import json
import shutil
from dataclasses import asdict
from pathlib import Path

from packaging.version import Version

from argilla_lite import archive
from argilla_lite.databases import Database, SqliteDatabase, database_of
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home, write_private
from argilla_lite.postgresql import PostgresDatabase


def restore(home: Home, source: Path, database_url: str | None, force: bool) -> archive.Manifest:
    """Makes a home what it was when the backup `source` was taken; `force` replaces an Argilla that is there.

    `database_url` says where to restore a backup of PostgreSQL to; by default to what the home uses. Raises
    AlreadyRunningError when the home is in use, ArgillaLiteError when the file is no backup or damaged, or
    there is an Argilla already. Then nothing has changed.
    """
    home.create()
    with home.locked():
        finish(home)
        target = PostgresDatabase.parse(database_url) if database_url else database_of(home)
        if not force:
            _need_nothing(home, target)
        for left in home.root.glob(".restore.*.part"):
            shutil.rmtree(left)
        with archive.scratch_folder(home.root, "restore") as folder:
            manifest = archive.extract(source, folder)
            _verify(source, manifest, folder, target)
            if isinstance(target, PostgresDatabase):
                write_private(folder / home.database_url_file.name, target.url + "\n")
            write_private(folder / archive.MANIFEST, json.dumps(asdict(manifest)) + "\n")
            archive.sync_folder(folder)
            folder.rename(home.pending_restore)
            archive.sync_folder(home.root)
        finish(home)
    return manifest


def finish(home: Home) -> None:
    """Puts a verified backup in place, if one is pending, in a home that this process has locked. Can be
    killed at any point and called again. Raises ArgillaLiteError when PostgreSQL refused: the restore stays
    pending."""
    pending = home.pending_restore
    if not pending.is_dir():
        return
    # The manifest is deleted last: when it is gone, all else is in place.
    if (pending / archive.MANIFEST).exists():
        _load_dump(pending, home)
        for path in home.derived_files():
            path.unlink(missing_ok=True)
        shutil.rmtree(home.redis_dir, ignore_errors=True)
        home.create()
        # Deletes the old database, or the old database address, unless the backup replaces it.
        kind = json.loads((pending / archive.MANIFEST).read_text(encoding="utf-8"))["database"]
        if kind == "sqlite":
            home.database_url_file.unlink(missing_ok=True)
        if kind != "sqlite" or (pending / home.database.name).exists():
            for suffix in ("-wal", "-shm", ""):
                Path(f"{home.database}{suffix}").unlink(missing_ok=True)
        for path in sorted(pending.iterdir()):
            if path.name != archive.MANIFEST:
                path.replace(home.root / path.name)
        archive.sync_folder(home.root)
    shutil.rmtree(pending)


def _load_dump(pending: Path, home: Home) -> None:
    """PostgreSQL first, in one transaction; the files follow when it has succeeded."""
    dump = pending / archive.POSTGRES_DUMP
    if dump.exists():
        url = (pending / home.database_url_file.name).read_text(encoding="utf-8").strip()
        PostgresDatabase.parse(url).load(dump)
        dump.unlink()


def _need_nothing(home: Home, target: Database) -> None:
    if any(path.exists() for path in (home.database, home.credentials_file, home.database_url_file)):
        raise ArgillaLiteError(
            f"There is an Argilla in {home.root} already. Choose an empty folder with --home, or replace it "
            "with --force."
        )
    if isinstance(target, PostgresDatabase):
        target.require()
        try:
            target.rows("SELECT version_num FROM alembic_version")
        except LookupError:
            return
        raise ArgillaLiteError(
            f"There is an Argilla in {target.shown} already. Name an empty database, or replace it "
            "with --force."
        )


def _verify(source: Path, manifest: archive.Manifest, folder: Path, target: Database) -> None:
    """Raises ArgillaLiteError unless this installation can use what was unpacked."""
    installed = importlib.metadata.version("argilla-server")
    if Version(manifest.argilla_server) > Version(installed):
        raise ArgillaLiteError(
            f"{source} is of Argilla {manifest.argilla_server}, newer than the {installed} that is installed."
        )
    if manifest.database == "postgresql":
        if not isinstance(target, PostgresDatabase):
            raise ArgillaLiteError(
                f"{source} is a backup of PostgreSQL: say with --database where to restore it to."
            )
        target.require()
        target.read_dump(folder / archive.POSTGRES_DUMP)
        return
    if not isinstance(target, SqliteDatabase):
        raise ArgillaLiteError(f"{source} is a backup of SQLite and cannot be restored to {target.shown}.")
    unpacked = SqliteDatabase(folder / archive.SQLITE_DATABASE)
    if damage := unpacked.damage():
        raise ArgillaLiteError(f"The database in {source} is damaged: {damage[0]}.")
    if unpacked.rows("SELECT version_num FROM alembic_version") != [(manifest.revision,)]:
        raise ArgillaLiteError(f"The database in {source} is not of the schema that its manifest names.")
