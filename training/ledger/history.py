"""What the served release was made from, and the releases before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import ClayloopError, Verdict
from serving import LINEAGE_FILE, Release, ReleaseStore
from training.ledger.rows import LedgerRow, RecordKey, by_decision
from training.ledger.store import count_fates, read_ledger, read_origin

# What History needs of a ledger.
_COLUMNS = ("fingerprint", "verdict", "chunk_id", "place", "fate")


@dataclass(frozen=True)
class History:
    """What the ledger of the served release tells.

    ``fingerprints`` are of all answers that it was made from, ``decided`` the records with a verdict.
    ``asked`` are the records of its holdout, ``trained`` the examples that it was trained on, ``learned``
    these and its negatives, and ``trained_about`` the ids and the sections of the examples' chunks.
    ``chunk_verdicts`` are pairs of a judged chunk's id and its verdict.
    """

    fingerprints: frozenset[str] = frozenset()
    decided: frozenset[RecordKey] = frozenset()
    asked: frozenset[RecordKey] = frozenset()
    trained: frozenset[RecordKey] = frozenset()
    learned: frozenset[RecordKey] = frozenset()
    trained_about: frozenset[str] = frozenset()
    chunk_verdicts: tuple[tuple[str, Verdict], ...] = ()

    @classmethod
    def of(cls, rows: Sequence[LedgerRow]) -> History:
        """From a release's ledger. Rows that its selection left out count as if they were not there."""
        known = [row for row in rows if row.fate != "left-out"]
        trained = [row for row in known if row.fate == "train"]
        return cls(
            fingerprints=frozenset(row.fingerprint for row in known),
            decided=frozenset(row.key for row in known if row.verdict != "undecided"),
            asked=frozenset(row.key for row in known if row.fate == "holdout"),
            trained=frozenset(row.key for row in trained),
            learned=frozenset(row.key for row in by_decision(known) if row.fate in ("train", "negative")),
            trained_about=frozenset(name for row in trained for name in (row.chunk_id, row.place) if name),
            chunk_verdicts=tuple((row.record_id, row.verdict) for row in known if row.dataset == "chunks"),
        )


def history_of(store: ReleaseStore, release_id: str) -> History:
    """Read a release's ledger, no more of it than that takes. Raises StateError for a damaged one."""
    return History.of(read_ledger(store.folder(release_id) / LINEAGE_FILE, _COLUMNS))


class PastRelease(BaseModel):
    """One release in a chain of parents. ``made`` says how. ``problem`` is set, and all else unknown, when it
    cannot be read any more. ``learned`` counts the decisions that its model was trained on, of all
    ``decisions``."""

    model_config = ConfigDict(frozen=True)

    id: str
    created_at: datetime | None = None
    made: Literal["bootstrap", "retrain", "reindex", "unknown"] = "unknown"
    run: str = ""
    selection: list[str] = []
    decisions: int = 0
    learned: int = 0
    problem: str = ""


def chain(store: ReleaseStore, release_id: str) -> list[PastRelease]:
    """The release and its parents, newest first, as far back as they are there."""
    found: list[PastRelease] = []
    following: str | None = release_id
    while following is not None and following not in {one.id for one in found}:
        try:
            release = store.get(following)
            found.append(_past_release(store, release))
        except ClayloopError as error:
            found.append(PastRelease(id=following, problem=error.message))
            break
        following = release.parent
    return found


def _past_release(store: ReleaseStore, release: Release) -> PastRelease:
    ledger = store.folder(release.id) / LINEAGE_FILE
    fates, origin = count_fates(ledger), read_origin(ledger)
    return PastRelease(
        id=release.id,
        created_at=release.created_at,
        made="retrain" if release.run_id else "reindex" if ledger.exists() else "bootstrap",
        run=release.run_id or origin.run,
        selection=origin.selection.describe(),
        decisions=fates.total() - fates["left-out"],
        learned=fates["train"] + fates["negative"],
    )
