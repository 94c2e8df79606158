"""What the served release was made from, and the releases before it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from curation import Verdict
from training.ledger.rows import LedgerRow, RecordKey


@dataclass(frozen=True)
class History:
    """What the ledger of the served release tells: ``fingerprints`` of all answers that it was made from, the
    records that it ``asked`` (its holdout) and ``trained`` on, and the verdict on each chunk that was judged
    (id → verdict)."""

    fingerprints: frozenset[str] = frozenset()
    asked: frozenset[RecordKey] = frozenset()
    trained: frozenset[RecordKey] = frozenset()
    chunk_verdicts: Mapping[str, Verdict] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Sequence[LedgerRow]) -> History:
        """From a release's ledger; what its selection left out is not known to it."""
        known = [row for row in rows if row.fate != "left-out"]
        return cls(
            fingerprints=frozenset(row.fingerprint for row in known),
            asked=frozenset(row.key for row in known if row.fate == "holdout"),
            trained=frozenset(row.key for row in known if row.fate == "train"),
            chunk_verdicts={row.record_id: row.verdict for row in known if row.dataset == "chunks"},
        )
