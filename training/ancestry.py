"""Where a release comes from: the releases before it, and what its weights have seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation.errors import ClayloopError
from serving.release import LINEAGE_FILE, Release
from serving.releases import ReleaseStore
from training.lineage import LINEAGE_NOTE_FILE, LineageRow, read_lineage, read_note
from training.selection import Selection
from training.settings import TrainingSettings

# What leaves a trace in the weights; a held-out or dropped question does not.
LEARNED_ROLES = frozenset({"train", "negative"})


class Ancestor(BaseModel):
    """One release in a chain of parents. ``made`` says how; ``started_from`` is the release whose weights it went on
    from (None: the base model). ``problem`` is set, and all else unknown, when it cannot be read any more."""

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: datetime | None = None
    made: Literal["bootstrap", "retrain", "reindex", "unknown"] = "unknown"
    run: str | None = None
    started_from: str | None = None
    selection: list[str] = []
    decisions: int = 0
    learned: int = 0
    problem: str = ""


def chain(store: ReleaseStore, release_id: str) -> list[Ancestor]:
    """The release and its parents, newest first, as far back as they are there."""
    found: list[Ancestor] = []
    following: str | None = release_id
    while following is not None and following not in {one.id for one in found}:
        try:
            release = store.get(following)
            found.append(_ancestor(store, release))
        except ClayloopError as error:
            found.append(Ancestor(id=following, problem=error.message))
            break
        following = release.parent
    return found


def remembers(store: ReleaseStore, release_id: str, selection: Selection) -> bool:
    """Whether the weights of a release have seen an answer that ``selection`` is to forget: in its own training, or in
    that of a release that it went on from. Yes when that can no longer be told."""
    records, names = set(selection.without_records), set(selection.without_annotators)
    ids = names.union(*(person.ids for person in selection.people.values()))
    former = ids.union(*(person.names for person in selection.people.values()))

    def is_theirs(row: LineageRow) -> bool:
        return any(name in names or (key in ids if key else name in former) for name, key in row.people)

    return any(
        rows is None or any(_taught(row) and (row.record_id in records or is_theirs(row)) for row in rows)
        for rows in lineages(store, release_id)
    )


def records_seen(store: ReleaseStore, release_id: str) -> set[tuple[str, str]] | None:
    """The records (dataset, id) that the weights of a release have learned from, in its own training or in that of a release
    that it went on from. None when that can no longer be told."""
    found: set[tuple[str, str]] = set()
    for rows in lineages(store, release_id):
        if rows is None:
            return None
        found |= {(row.dataset, row.record_id) for row in rows if _taught(row)}
    return found


def places_known(store: ReleaseStore, release_id: str, chunk_ids: Collection[str]) -> dict[str, str]:
    """Chunk id → the section that a release, or else the newest one before it, knew the chunk in: of those of ``chunk_ids``
    that one of them made an example of, as far back as they can be read."""
    found: dict[str, str] = {}
    passed: set[str] = set()
    following: str | None = release_id
    while following is not None and following not in passed and len(found) < len(chunk_ids):
        passed.add(following)
        try:
            release = store.get(following)
            rows = read_lineage(store.folder(release.id) / LINEAGE_FILE)
        except ClayloopError:
            break
        for one in (example for row in rows for example in row.examples):
            # An earlier version gave the id for the place of a chunk that was gone.
            if one.chunk_id in chunk_ids and one.place and one.place != one.chunk_id:
                found.setdefault(one.chunk_id, one.place)
        following = release.parent
    return found


def lineages(store: ReleaseStore, release_id: str) -> Iterator[list[LineageRow] | None]:
    """What a release learned from, then what the one did that it went on from, and so on. None, as the last, when that can
    no longer be told."""
    passed: set[str] = set()
    following: str | None = release_id
    while following is not None and following not in passed:
        passed.add(following)
        try:
            folder = store.folder(store.get(following).id)
            rows = read_lineage(folder / LINEAGE_FILE)
            note = read_note(folder / LINEAGE_NOTE_FILE)
        except ClayloopError:
            yield None
            return
        yield rows
        if note is None:
            if rows:  # of an earlier version: what it started from was not noted
                yield None
            return
        following = note.started_from


def clean_start(
    store: ReleaseStore, served: Release, settings: TrainingSettings, selection: Selection
) -> tuple[TrainingSettings, str]:
    """The settings to train with, and a note if they are not the given ones: what is to be forgotten must not be
    in the weights that training starts from."""
    if not selection.forgets or settings.fit.start == "base":
        return settings, ""
    if not remembers(store, served.id, selection):
        return settings, ""
    fit = settings.fit.model_copy(update={"start": "base"})
    return settings.model_copy(update={"fit": fit}), (
        f"Training starts from the base model: {served.id} has learned from what is to be forgotten."
    )


def _taught(row: LineageRow) -> bool:
    return row.role in LEARNED_ROLES


def _ancestor(store: ReleaseStore, release: Release) -> Ancestor:
    folder = store.folder(release.id)
    rows = read_lineage(folder / LINEAGE_FILE)
    note = read_note(folder / LINEAGE_NOTE_FILE)
    made: Literal["bootstrap", "retrain", "reindex"]
    if release.run_id:
        made = "retrain"
    else:
        made = "reindex" if rows or (folder / LINEAGE_FILE).exists() else "bootstrap"
    return Ancestor(
        id=release.id,
        created_at=release.created_at,
        made=made,
        run=release.run_id,
        started_from=note.started_from if note else None,
        selection=note.selection.describe() if note else [],
        decisions=sum(row.role != "left-out" for row in rows),
        learned=sum(_taught(row) for row in rows),
    )
