"""Makes the text index agree with the database; run before the server starts, and before it starts again."""

from __future__ import annotations

import sqlite3
import sys
import time
from pathlib import Path

from argilla_lite.engine.sources import open_source
from argilla_lite.engine.text_index import TextIndex
from argilla_lite.engine.text_repair import repair
from argilla_lite.home import Home


def open_index(home: Home) -> TextIndex:
    """The home's text index; a damaged file is replaced, because all of it can be derived."""
    index = TextIndex(home.text_index, open_source(home))
    try:
        if index.create():
            print("The text index is of another version of argilla-lite; building it anew.")
    except sqlite3.DatabaseError as error:
        if isinstance(error, sqlite3.OperationalError):
            raise
        print(f"The text index is damaged ({error}); building it anew.")
        for suffix in ("", "-wal", "-shm"):
            Path(f"{home.text_index}{suffix}").unlink(missing_ok=True)
        index.create()
    home.text_index.chmod(0o600)
    return index


def main(home: Home) -> None:
    """Makes the triggers anew and repairs; for when nobody else is at work yet."""
    open_source(home).dialect.install()
    repair_index(home)


def repair_index(home: Home) -> None:
    """Repairs, and says so only if there was something to repair."""
    began = time.monotonic()
    found = repair(open_index(home))
    if found:
        print(
            f"Text index repaired in {time.monotonic() - began:.1f} s: {found.missing} records were missing, "
            f"{found.outdated} outdated, {found.superfluous} superfluous."
        )


if __name__ == "__main__":
    main(Home(Path(sys.argv[1])))
