"""The commands `status`, `backup`, `restore`, `reindex` and `check` of `argilla-lite`."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from argilla_lite.databases import Database, counts_of, database_of, file_damage, file_size
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home

if TYPE_CHECKING:
    from argilla_lite.engine.text_index import TextIndex


def status(home: Home, as_json: bool) -> int:
    """Prints whether Argilla runs, where, and how large it is. Returns 0 when it runs, 1 when not."""
    database = database_of(home)
    running = home.is_running()
    state = home.read_state() if running else {}
    processes = state.get("processes")
    report = {
        "running": running,
        "url": state.get("url"),
        "pid": state.get("pid"),
        "processes": processes if isinstance(processes, dict) else {},
        "home": str(home.root),
        "database": database.shown,
        "credentials": str(home.credentials_file) if home.credentials_file.exists() else None,
        "log": str(home.log_file),
        **counts_of(database),
        "bytes": (database.size() or 0) + file_size(home.text_index),
    }
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print(f"Argilla {'is running at ' + str(report['url']) if running else 'is not running'}")
        for name, value in report.items():
            if name not in {"running", "url", "pid", "processes"}:
                print(f"{name:<12} {value}")
        for name, pid in report["processes"].items():  # type: ignore[attr-defined]
            print(f"{name:<12} process {pid}")
    return 0 if running else 1


def backup(home: Home, target: Path, force: bool, as_json: bool) -> int:
    """Writes a backup and says what is in it."""
    from argilla_lite.backup import backup

    began = time.monotonic()
    manifest = backup(home, target, force)
    report = {
        "file": str(target),
        "bytes": target.stat().st_size,
        "seconds": round(time.monotonic() - began, 3),
        **manifest.counts,
    }
    print(
        json.dumps(report)
        if as_json
        else f"Wrote {target}: {_contents(manifest.counts)}; it contains secrets."
    )
    return 0


def restore(home: Home, source: Path, database_url: str | None, force: bool) -> int:
    """Restores a backup and says what came back."""
    from argilla_lite.restore import restore

    manifest = restore(home, source, database_url, force)
    print(f"Restored {_contents(manifest.counts)} as of {manifest.created}. Start it with `argilla-lite up`.")
    return 0


def finish_restore(home: Home) -> None:
    """Finishes a restore that was killed after it had begun to replace the home."""
    if home.pending_restore.exists():
        from argilla_lite.restore import finish

        with home.locked():
            finish(home)


def _contents(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items())


def reindex(home: Home, as_json: bool) -> int:
    """Builds the text index anew."""
    began = time.monotonic()
    index = _text_index(home, database_of(home))
    from argilla_lite.engine.text_repair import rebuild

    done = rebuild(index)
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps({"records": done.missing, "seconds": round(seconds, 3)}))
    else:
        print(f"Indexed {done.missing} records in {seconds:.1f} s.")
    return 0


def check(home: Home, as_json: bool) -> int:
    """Compares the text index with the records, and checks both databases for damage. Returns 0 when all is
    well, 6 if not."""
    database = database_of(home)
    index = _text_index(home, database)
    from argilla_lite.engine.text_repair import differences

    found = differences(index)
    damage = [f"{home.database.name}: {line}" for line in database.damage()]
    damage += [f"{home.text_index.name}: {line}" for line in file_damage(home.text_index)]
    if as_json:
        print(json.dumps({"text_index": asdict(found), "damage": damage}))
    elif found or damage:
        for line in damage:
            print(line)
        print(
            f"Text index: {found.missing} records missing, {found.outdated} outdated, "
            f"{found.superfluous} superfluous. `argilla-lite reindex` repairs it, and so does the next start."
        )
    else:
        print("The database and the text index agree.")
    return 6 if found or damage else 0


def _text_index(home: Home, database: Database) -> TextIndex:
    try:
        database.rows("SELECT count(*) FROM alembic_version")
    except LookupError as error:
        database.require()
        raise ArgillaLiteError(
            f"There is no Argilla in {home.root}. Start one with `argilla-lite up`."
        ) from error
    # The engine reads from the environment where the database is, as it does inside the server.
    os.environ.update(database.environment())
    from argilla_lite.engine.repair import open_index

    return open_index(home)
