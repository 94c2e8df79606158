"""What became of the decisions, counted: each once, by the role that its lineage gives it. A dry run, the summary of a retrain
and its report all count here, so that they cannot differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from training.ledger.lineage_record import LineageRow, Role
from training.prepare.conflicts import CONFLICT


class Tally(BaseModel):
    """Numbers of decisions: ``roles`` by what they became; of those that nothing is learned from, ``dropped``, ``unused``
    and ``left_out`` by reason, the most frequent first."""

    model_config = ConfigDict(frozen=True)

    roles: dict[Role, int] = {}
    dropped: dict[str, int] = {}
    unused: dict[str, int] = {}
    left_out: dict[str, int] = {}

    @property
    def reasons(self) -> dict[str, int]:
        """All reasons, each after its role, the most frequent first."""
        kinds: tuple[tuple[Role, dict[str, int]], ...] = (
            ("dropped", self.dropped),
            ("unused", self.unused),
            ("left-out", self.left_out),
        )
        named = {f"{role}: {reason}": count for role, found in kinds for reason, count in found.items()}
        return dict(Counter(named).most_common())


def tally(rows: Sequence[LineageRow]) -> Tally:
    """Count the ``rows`` of a lineage."""

    def reasons(role: Role) -> dict[str, int]:
        return dict(Counter(general_reason(row) for row in rows if row.role == role).most_common())

    return Tally(
        roles=dict(Counter(row.role for row in rows)),
        dropped=reasons("dropped"),
        unused=reasons("unused"),
        left_out=reasons("left-out"),
    )


def general_reason(row: LineageRow) -> str:
    """Why a row has its role, without what is special about the row: the record that it was dropped for, or that says the
    opposite."""
    if row.reason.startswith(CONFLICT):
        return f"{CONFLICT} another record was decided the other way"
    if row.role != "dropped":
        return row.reason
    return row.reason.partition(f" as {row.kept_record_id}: " if row.kept_record_id else " as ")[0]
