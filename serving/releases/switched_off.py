"""Which curated answers maintainers switched off: a file of the state folder that people can read.

It holds from the next round on (`clayloop retrain --index-only` takes seconds), and whoever decides whether a
round is due asks here what has been switched, or confirmed, since the release that is served.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from filelock import FileLock

from curation import Home, StateError, read_record, write_json
from serving.releases.answers import answer_rows, read_answers
from serving.releases.record import LINEAGE_FILE
from serving.releases.store import ReleaseStore

SWITCHED_OFF = "switched off (`clayloop answers on` brings it back)"  # a row's reason


def switched_off(home: Home) -> list[str]:
    """The ids of the records whose answers are off. Raises StateError for a file that is no such list."""
    try:
        return read_record(home.answers_off, list[str])
    except FileNotFoundError:
        return []
    except StateError as error:
        raise StateError(
            f"{home.answers_off} is no list of record ids.", "Mend it, or delete it: then every answer is on."
        ) from error


def switch(home: Home, record_id: str, on: bool) -> bool:
    """Switch an answer on or off. False when it was so already. Raises StateError."""
    home.root.mkdir(parents=True, exist_ok=True)
    with FileLock(home.answers_off.with_suffix(".lock")):
        before = switched_off(home)
        after = sorted({*before, record_id} - ({record_id} if on else set()))
        if after != before:
            write_json(home.answers_off, after)
    return after != before


def unsettled_answers(
    store: ReleaseStore, release_id: str, off: Collection[str], answered: Mapping[str, datetime | None]
) -> tuple[str, ...]:
    """What another round would change about the curated answers of a release, decisions apart: what was
    switched since, and which stale answers were confirmed. ``answered`` says when a record was last answered.
    Raises StateError or ReleaseError for damaged files."""
    folder = store.folder(release_id)
    found = [
        f"{row['record_id']} on"
        for row in answer_rows(folder / LINEAGE_FILE)
        if row["reason"] == SWITCHED_OFF and row["record_id"] not in off
    ]
    for one in read_answers(folder):
        last = answered.get(one.record_id)
        if one.record_id in off:
            found.append(f"{one.record_id} off")
        elif one.stale_since is not None and last is not None and last > one.stale_since:
            found.append(f"{one.record_id} confirmed {last.isoformat()}")
    return tuple(found)
