"""Where a release comes from: the releases before it, and what its weights have seen."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BaseModel, ConfigDict

from curation import Chunk, ClayloopError
from serving import INDEX_FOLDER, LINEAGE_FILE, ChunkIndex, Release, ReleaseStore
from training.ledger.lineage import read_lineage, read_note
from training.ledger.lineage_columns import count_roles, lineage_examples, lineage_outline
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageRow
from training.ledger.past import Past
from training.prepare.selection import Selection
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


def past_of(store: ReleaseStore, release_id: str) -> Past:
    """Read from the lineages of the release and of those that it went on from. Raises StateError for a damaged one of its
    own."""
    own = lineage_outline(store.folder(release_id) / LINEAGE_FILE, ["dataset", "record_id"])
    learned: set[tuple[str, str]] = set()
    taught: set[str] = set()
    for folder in weights_from(store, release_id):
        if folder is None:
            break
        try:
            rows = lineage_outline(folder / LINEAGE_FILE, ["dataset", "record_id"])
            examples = lineage_examples(folder / LINEAGE_FILE)
        except ClayloopError:
            break
        learned |= {(row.dataset, row.record_id) for row in rows if row.role in LEARNED_ROLES}
        trained = examples.filter(pc.equal(examples.column("side"), "train"))
        for column in ("chunk_id", "place"):
            taught.update(trained.column(column).unique().to_pylist())
    return Past(
        asked=frozenset((row.dataset, row.record_id) for row in own if row.role == "holdout"),
        trained=frozenset((row.dataset, row.record_id) for row in own if row.role == "train"),
        learned=frozenset(learned),
        taught=frozenset(one for one in taught if one),
    )


def places_known(store: ReleaseStore, release_id: str, chunk_ids: Collection[str]) -> dict[str, str]:
    """Chunk id → the section that a release, or else the newest one before it, knew the chunk in: of those of ``chunk_ids``
    that one of them made an example of, as far back as they can be read."""
    found: dict[str, str] = {}
    wanted = pa.array(sorted(chunk_ids), pa.string())
    passed: set[str] = set()
    following: str | None = release_id
    while following is not None and following not in passed and len(found) < len(chunk_ids):
        passed.add(following)
        try:
            release = store.get(following)
            examples = lineage_examples(store.folder(release.id) / LINEAGE_FILE)
        except ClayloopError:
            break
        known = examples.filter(pc.is_in(examples.column("chunk_id"), value_set=wanted))
        for chunk_id, place in zip(
            known.column("chunk_id").to_pylist(), known.column("place").to_pylist(), strict=True
        ):
            # An earlier version gave the id for the place of a chunk that was gone.
            if place and place != chunk_id:
                found.setdefault(chunk_id, place)
        following = release.parent
    return found


def chunks_known(store: ReleaseStore, chunk_ids: Collection[str]) -> dict[str, Chunk]:
    """Those of ``chunk_ids`` that a release indexed, as far as the releases can be read. The id is a hash of path, section and
    text: it does not matter which release it is."""
    found: dict[str, Chunk] = {}
    for release_id in reversed(store.ids()):
        missing = set(chunk_ids) - found.keys()
        if not missing:
            break
        with suppress(ClayloopError):
            found |= ChunkIndex.open(store.folder(release_id) / INDEX_FOLDER).find(missing)
    return found


def lineages(store: ReleaseStore, release_id: str) -> Iterator[list[LineageRow] | None]:
    """What a release learned from, then what the one did that it went on from, and so on. None, as the last, when that can
    no longer be told."""
    for folder in weights_from(store, release_id):
        try:
            yield read_lineage(folder / LINEAGE_FILE) if folder else None
        except ClayloopError:
            yield None
            return


def weights_from(store: ReleaseStore, release_id: str) -> Iterator[Path | None]:
    """The folder of a release, then of the one that its training went on from, and so on. None, as the last, when that can
    no longer be told."""
    passed: set[str] = set()
    following: str | None = release_id
    while following is not None and following not in passed:
        passed.add(following)
        try:
            folder = store.folder(store.get(following).id)
            note = read_note(folder / LINEAGE_NOTE_FILE)
            # Of an earlier version: what it started from was not noted.
            is_unknown = note is None and bool(count_roles(folder / LINEAGE_FILE))
        except ClayloopError:
            yield None
            return
        yield folder
        if is_unknown:
            yield None
        if note is None:
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
    roles = count_roles(folder / LINEAGE_FILE)
    note = read_note(folder / LINEAGE_NOTE_FILE)
    made: Literal["bootstrap", "retrain", "reindex"]
    made = "retrain" if release.run_id else "reindex" if (folder / LINEAGE_FILE).exists() else "bootstrap"
    return Ancestor(
        id=release.id,
        created_at=release.created_at,
        made=made,
        run=release.run_id,
        started_from=note.started_from if note else None,
        selection=note.selection.describe() if note else [],
        decisions=roles.total() - roles["left-out"],
        learned=sum(roles[role] for role in LEARNED_ROLES),
    )
