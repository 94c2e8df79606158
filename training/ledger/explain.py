"""Which decisions, by whom, made a release."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime

from pydantic import BaseModel, Field

from curation import SettingsError
from serving import LINEAGE_FILE, ReleaseStore
from training.ledger.ancestry import Ancestor, chain
from training.ledger.lineage import read_note
from training.ledger.lineage_columns import count_roles, find_rows, lineage_outline
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageRow
from training.ledger.tally import general_reason

Counts = dict[str, dict[str, int]]

_SHORTEST_PREFIX = 6


class ReleaseExplanation(BaseModel):
    """What a release was made from.

    ``datasets``, ``annotators`` and ``origins`` map a name to role → number of decisions; a decision by two annotators
    counts for both. ``reasons`` counts why decisions were dropped, unused or left out. ``chain`` is the release and its
    parents, newest first.
    """

    release: str
    created_at: datetime
    run: str | None
    base_model: str
    started_from: str | None
    selection: list[str]
    decisions: int
    roles: dict[str, int]
    datasets: Counts
    annotators: Counts
    origins: Counts
    reasons: Counts
    chain: list[Ancestor]


class Appearance(BaseModel):
    """A record in an earlier release. ``same_answers``: nobody's answer differed from the explained release's."""

    release: str
    role: str
    verdict: str
    same_answers: bool


class RecordExplanation(BaseModel):
    """What became of one record: its row in the lineage, and what it was in the releases before."""

    release: str
    record: LineageRow
    before: list[Appearance] = Field(default_factory=list)


def explain_release(store: ReleaseStore, release_id: str) -> ReleaseExplanation:
    """Count what is in the lineage. Raises ReleaseError for an unknown or damaged release, StateError for a damaged
    lineage."""
    release = store.get(release_id)
    folder = store.folder(release.id)
    rows = lineage_outline(
        folder / LINEAGE_FILE, ["dataset", "annotators", "reason", "origin", "kept_record_id"]
    )
    note = read_note(folder / LINEAGE_NOTE_FILE)
    return ReleaseExplanation(
        release=release.id,
        created_at=release.created_at,
        run=release.run_id or (note.run if note else None),
        base_model=release.base_model,
        started_from=note.started_from if note else None,
        selection=note.selection.describe() if note else [],
        decisions=sum(row.role != "left-out" for row in rows),
        roles=dict(Counter(row.role for row in rows).most_common()),
        datasets=_count((row.dataset, row.role) for row in rows),
        annotators=_count((name, row.role) for row in rows for name in row.annotators),
        origins=_count((row.origin, row.role) for row in rows if row.origin),
        reasons=_count(
            (row.role, general_reason(row)) for row in rows if row.role in ("dropped", "unused", "left-out")
        ),
        chain=chain(store, release.id),
    )


def explain_record(store: ReleaseStore, release_id: str, record_id: str) -> list[RecordExplanation]:
    """What became of a record, given by its id or the start of it; one answer per dataset that has it.

    Raises ReleaseError for an unknown release, SettingsError for a record that is not in its lineage or for a start that
    fits several.
    """
    release = store.get(release_id)
    lineage = store.folder(release.id) / LINEAGE_FILE
    found = find_rows(lineage, record_id)
    if not found and len(record_id) >= _SHORTEST_PREFIX:
        found = find_rows(lineage, record_id, only_begins=True)
        if len({row.record_id for row in found}) > 1:
            raise SettingsError(
                f"{len(found)} records begin with {record_id!r} in the lineage of {release.id}.",
                "Give more of the id.",
            )
    whole = found[0].record_id if found else record_id
    parents = [one.id for one in chain(store, release.id)[1:] if not one.problem]
    older = [(parent, find_rows(store.folder(parent) / LINEAGE_FILE, whole)) for parent in parents]
    if not found:
        raise _unknown(release.id, record_id, count_roles(lineage).total(), older)
    return [
        RecordExplanation(release=release.id, record=row, before=list(_appearances(row, older)))
        for row in found
    ]


def _appearances(row: LineageRow, older: Iterable[tuple[str, Sequence[LineageRow]]]) -> Iterable[Appearance]:
    for release, rows in older:
        for other in rows:
            if (other.dataset, other.record_id) == (row.dataset, row.record_id):
                yield Appearance(
                    release=release,
                    role=other.role,
                    verdict=other.verdict,
                    same_answers=not other.fingerprints.isdisjoint(row.fingerprints),
                )


def _unknown(
    release_id: str, record_id: str, size: int, older: Sequence[tuple[str, Sequence[LineageRow]]]
) -> SettingsError:
    there = [release for release, rows in older if rows]
    if there:
        hint = f"It is in the lineage of {there[0]}, an earlier release: its answers were withdrawn since."
    elif not size:
        hint = "That release was made without training: no decision had a part in it."
    else:
        hint = "Nobody had answered it when that release was made, or the id is wrong (lineage.parquet lists them)."
    return SettingsError(f"The record {record_id!r} is not in the lineage of {release_id}.", hint)


def _count(pairs: Iterable[tuple[str, str]]) -> Counts:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, what in pairs:
        counts[name][what] += 1
    return {name: dict(counts[name].most_common()) for name in sorted(counts)}
