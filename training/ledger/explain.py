"""Which decisions, by whom, made a release, and what became of a single record: for ``clayloop explain``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from curation import ClayloopError, SettingsError
from serving import INDEX_FOLDER, ChunkIndex, Release, ReleaseStore
from training.ledger.rows import SILENT, LedgerRow, by_decision
from training.ledger.store import count_fates, find_rows, ledger_of, lineage_of, read_origin

Counts = dict[str, dict[str, int]]

_SHORTEST_PREFIX = 6
_COUNTED = ("fate", "reason", "origin", "votes")


class PastRelease(BaseModel):
    """One release in a chain of parents. ``made`` says how: "retrain", or the command that promoted it first.

    ``problem`` is set, and all else unknown, when it cannot be read any more. ``learned`` counts the
    decisions that its model was trained on, of all ``decisions``.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: datetime | None = None
    made: str = "unknown"
    run: str = ""
    selection: list[str] = []
    decisions: int = 0
    learned: int = 0
    problem: str = ""


class ReleaseExplanation(BaseModel):
    """What a release was made from.

    ``datasets``, ``annotators`` and ``origins`` map a name to fate → number of decisions; a decision by two
    annotators counts for both. ``reasons`` maps a fate to reason → number, of decisions that nothing is
    learned from, and ``records`` each reason to the ids of their records. ``chain`` is the release and its
    parents, newest first.
    """

    release: str
    created_at: datetime
    run: str
    base_model: str
    selection: list[str]
    decisions: int
    fates: dict[str, int]
    datasets: Counts
    annotators: Counts
    origins: Counts
    reasons: Counts
    records: dict[str, list[str]]
    chain: list[PastRelease]


class Appearance(BaseModel):
    """A record in an earlier release. ``same_answers``: nobody's answer differed from the explained
    release's."""

    release: str
    fate: str
    verdict: str
    same_answers: bool


class RecordExplanation(BaseModel):
    """What became of one record: its rows in the ledger (two where it taught an example and a refusal), and
    what it was in the releases before. ``leads_to`` is the id of the chunk to which its question leads in the
    release's index; "" when it does not."""

    release: str
    rows: list[LedgerRow]
    leads_to: str = ""
    before: list[Appearance] = Field(default_factory=list)


def explain_release(store: ReleaseStore, release_id: str) -> ReleaseExplanation:
    """Count what is in the ledger. Raises ReleaseError for an unknown or damaged release, StateError for a
    damaged ledger."""
    release = store.get(release_id)
    rows = by_decision(ledger_of(store, release.id, _COUNTED))
    past = chain(store, release.id)
    records: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        if row.fate in SILENT:
            records[row.reason].append(row.record_id)
    return ReleaseExplanation(
        release=release.id,
        created_at=release.created_at,
        run=past[0].run,
        base_model=release.base_model,
        selection=past[0].selection,
        decisions=sum(row.fate != "left-out" for row in rows),
        fates=dict(Counter(row.fate for row in rows).most_common()),
        datasets=_count((row.dataset, row.fate) for row in rows),
        annotators=_count((name, row.fate) for row in rows for name in row.people.values()),
        origins=_count((row.origin, row.fate) for row in rows if row.origin),
        reasons=_count((row.fate, row.reason) for row in rows if row.fate in SILENT),
        records=records,
        chain=past,
    )


def explain_record(store: ReleaseStore, release_id: str, record_id: str) -> list[RecordExplanation]:
    """What became of a record, given by its id or the start of it; one answer per dataset that has it.

    Raises ReleaseError for an unknown release, SettingsError for a record that is not in its ledger or for a
    start that fits several.
    """
    release = store.get(release_id)
    ledger = lineage_of(store, release.id)
    found = find_rows(ledger, record_id)
    if not found and len(record_id) >= _SHORTEST_PREFIX:
        found = find_rows(ledger, record_id, only_begins=True)
        if (number := len({row.record_id for row in found})) > 1:
            raise SettingsError(
                f"{number} records begin with {record_id!r} in the lineage of {release.id}.",
                "Give more of the id.",
            )
    whole = found[0].record_id if found else record_id
    parents = [one.id for one in chain(store, release.id)[1:] if not one.problem]
    older = [(parent, find_rows(lineage_of(store, parent), whole)) for parent in parents]
    if not found:
        raise _unknown(release.id, record_id, count_fates(ledger).total(), older)
    asked = ChunkIndex.open(store.folder(release.id) / INDEX_FOLDER).questions()
    leads = {(one.dataset, one.record_id): one.chunk_id for one in asked}
    rows_of: dict[str, list[LedgerRow]] = defaultdict(list)
    for row in found:
        rows_of[row.dataset].append(row)
    return [
        RecordExplanation(
            release=release.id,
            rows=rows,
            leads_to=leads.get(rows[0].key, ""),
            before=list(_appearances(rows[0], older)),
        )
        for rows in rows_of.values()
    ]


def chain(store: ReleaseStore, release_id: str) -> list[PastRelease]:
    """The release and its parents, newest first, as far back as they are there. Those that were pruned
    (``ReleaseStore.prune``) are left out."""
    found: list[PastRelease] = []
    following: str | None = release_id
    seen: set[str] = set()  # of a damaged log of promotions two releases may each have followed the other
    while following is not None and following not in seen:
        seen.add(following)
        try:
            release = store.get(following)
            found.append(_past_release(store, release))
        except ClayloopError as error:
            first = store.promotions.first(following)
            if first is not None and first.before is not None and not store.folder(following).exists():
                following = first.before
                continue
            found.append(PastRelease(id=following, problem=error.message))
            break
        following = release.parent
    return found


def _past_release(store: ReleaseStore, release: Release) -> PastRelease:
    ledger = lineage_of(store, release.id)
    fates, origin = count_fates(ledger), read_origin(ledger)
    first = store.promotions.first(release.id)
    return PastRelease(
        id=release.id,
        created_at=release.created_at,
        made="retrain" if release.run_id else first.by if first else "unknown",
        run=release.run_id or origin.run,
        selection=origin.selection.describe(),
        decisions=fates.total() - fates["left-out"],
        learned=fates["train"] + fates["negative"],
    )


def _appearances(row: LedgerRow, older: Iterable[tuple[str, Sequence[LedgerRow]]]) -> Iterator[Appearance]:
    for release, rows in older:
        for other in by_decision(rows):
            if other.key == row.key:
                yield Appearance(
                    release=release,
                    fate=other.fate,
                    verdict=other.verdict,
                    same_answers=other.fingerprint == row.fingerprint,
                )


def _unknown(
    release_id: str, record_id: str, size: int, older: Sequence[tuple[str, Sequence[LedgerRow]]]
) -> SettingsError:
    there = [release for release, rows in older if rows]
    if there:
        hint = f"It is in the lineage of {there[0]}, an earlier release: its answers were withdrawn since."
    elif not size:
        hint = "That release was made without training: no decision had a part in it."
    else:
        hint = (
            "Nobody had answered it when that release was made, or the id is wrong "
            "(lineage.parquet lists them)."
        )
    return SettingsError(f"The record {record_id!r} is not in the lineage of {release_id}.", hint)


def _count(pairs: Iterable[tuple[str, str]]) -> Counts:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for name, what in pairs:
        counts[name][what] += 1
    return {name: dict(counts[name].most_common()) for name in sorted(counts)}
