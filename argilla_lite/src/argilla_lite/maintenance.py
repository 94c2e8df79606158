"""`argilla-lite status`, `reindex` and `check`."""

from __future__ import annotations

import json
import sqlite3
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from argilla_lite.engine.repair import open_index
from argilla_lite.errors import ArgillaLiteError
from argilla_lite.home import Home


def status(home: Home, as_json: bool) -> int:
    """Prints what runs. 0 when it does, 1 when not."""
    running = home.is_running()
    state = home.read_state() if running else {}
    processes = state.get("processes")
    report = {
        "running": running,
        "url": state.get("url"),
        "pid": state.get("pid"),
        "processes": processes if isinstance(processes, dict) else {},
        "home": str(home.root),
        "credentials": str(home.credentials_file) if home.credentials_file.exists() else None,
        "log": str(home.log_file),
        "bytes": sum(_size(path) for path in (home.database, home.text_index)),
        **_counts(home),
    }
    if as_json:
        print(json.dumps(report, indent=2))
    else:
        print(f"Argilla {'is running at ' + str(report['url']) if running else 'is not running'}")
        for name in ("home", "credentials", "log", "datasets", "records", "responses", "users", "bytes"):
            print(f"{name:<12} {report[name]}")
        for name, pid in report["processes"].items():  # type: ignore[attr-defined]
            print(f"{name:<12} process {pid}")
    return 0 if running else 1


def reindex(home: Home, as_json: bool) -> int:
    """Builds the text index anew."""
    _need_database(home)
    began = time.monotonic()
    done = open_index(home).rebuild()
    seconds = time.monotonic() - began
    if as_json:
        print(json.dumps({"records": done.missing, "seconds": round(seconds, 3)}))
    else:
        print(f"Indexed {done.missing} records in {seconds:.1f} s.")
    return 0


def check(home: Home, as_json: bool) -> int:
    """Compares the text index with the records, and asks SQLite about both files. 0 when all is well, 6 if not."""
    _need_database(home)
    found = open_index(home).differences()
    damage = [f"{path.name}: {line}" for path in (home.database, home.text_index) for line in _damage(path)]
    if as_json:
        print(json.dumps({"text_index": asdict(found), "damage": damage}))
    elif found or damage:
        for line in damage:
            print(line)
        print(
            f"Text index: {found.missing} records missing, {found.outdated} outdated, {found.superfluous} superfluous."
            " `argilla-lite reindex` repairs it, and so does the next start."
        )
    else:
        print("The database and the text index agree.")
    return 6 if found or damage else 0


def _need_database(home: Home) -> None:
    if not home.database.exists():
        raise ArgillaLiteError(f"There is no Argilla in {home.root}. Start one with `argilla-lite up`.")


def _size(path: Path) -> int:
    return sum(part.stat().st_size for suffix in ("", "-wal") if (part := Path(f"{path}{suffix}")).exists())


def _counts(home: Home) -> dict[str, int | None]:
    names = ("datasets", "records", "responses", "users")
    try:
        with closing(sqlite3.connect(f"{home.database.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return {name: connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0] for name in names}  # noqa: S608
    except sqlite3.Error:
        return dict.fromkeys(names)


def _damage(path: Path) -> list[str]:
    with closing(sqlite3.connect(path, timeout=30)) as connection:
        rows = [row[0] for row in connection.execute("PRAGMA quick_check")]
    return [] if rows == ["ok"] else rows
