"""Removing releases that nobody will miss."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from pydantic import BaseModel

from curation import StateError
from serving.releases.store import ReleaseStore


class Garbage(BaseModel):
    """What is to go, or is gone: the releases, oldest first, and how many bytes they alone take (releases
    share files by hard links)."""

    releases: list[str]
    freed: int


def find_garbage(store: ReleaseStore, keep: int) -> Garbage:
    """All releases but the newest ``keep``, the served one, the one that a rollback leads to, those that are
    pinned or a canary, and the newest untrained one, whose model is the base that others are compared with
    (``BaseVectors``). Raises StateError when the log of promotions or the marks can't be read."""
    kept = {*store.ids()[-keep:], *store.marks.read().kept, store.current_id() or ""}
    store.promotions.lines()  # raises where nobody can tell what a rollback leads to
    with suppress(StateError):  # it leads nowhere
        kept.add(store.previous_id())
    if (untrained := store.untrained()) is not None:
        kept.add(untrained.id)
    gone = [one for one in store.ids() if one not in kept]
    return Garbage(releases=gone, freed=_alone([store.folder(one) for one in gone]))


def collect_garbage(store: ReleaseStore, keep: int) -> Garbage:
    """Remove what ``find_garbage`` finds. Killed at any instant, each release is whole or gone."""
    found = find_garbage(store, keep)
    for release_id in found.releases:
        store.remove(release_id)
    return found


def _alone(folders: Sequence[Path]) -> int:
    """Bytes of the files all of whose names are in ``folders``."""
    names: dict[tuple[int, int], tuple[int, int, int]] = {}
    for path in (path for folder in folders for path in folder.rglob("*") if path.is_file()):
        at = path.stat()
        _, _, seen = names.get((at.st_dev, at.st_ino), (0, 0, 0))
        names[at.st_dev, at.st_ino] = (at.st_size, at.st_nlink, seen + 1)
    return sum(size for size, links, seen in names.values() if seen == links)
