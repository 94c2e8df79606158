"""Which decisions made a release: one row for each, so that what is new can be told and every row explained."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import BaseModel, ConfigDict

from curation.files import read_table, write_table
from curation.records import Chunk, Decision
from training.examples import Example, Unused
from training.split import Dropped

Role = Literal["train", "holdout", "dropped", "indexed", "index-removed", "unused"]
_Key = tuple[str, str]

LINEAGE_SCHEMA = pa.schema(
    [
        ("dataset", pa.string()),
        ("record_id", pa.string()),
        ("fingerprint", pa.string()),
        ("verdict", pa.string()),
        ("annotators", pa.list_(pa.string())),
        ("responses", pa.list_(pa.string())),
        ("role", pa.string()),
        ("reason", pa.string()),
    ]
)


class LineageRow(BaseModel):
    """What became of one decision. ``responses`` are Argilla's response ids, ``reason`` is for people."""

    model_config = ConfigDict(frozen=True)

    dataset: str
    record_id: str
    fingerprint: str
    verdict: str
    annotators: list[str]
    responses: list[str]
    role: Role
    reason: str


class News(BaseModel):
    """How decisions differ from those that a release was made from. ``withdrawn`` counts those that are gone."""

    model_config = ConfigDict(frozen=True)

    new: int
    withdrawn: int

    @property
    def total(self) -> int:
        return self.new + self.withdrawn


def compare(decisions: Sequence[Decision], known: Sequence[LineageRow]) -> News:
    """What is new since the release whose lineage is ``known``: there is no counter that could drift.

    An undecided record (a tie, or no answer that counts) is no news unless it was decided before.
    """
    fingerprints = {row.fingerprint for row in known}
    decided_before = {(row.dataset, row.record_id) for row in known if row.verdict != "undecided"}
    here = {(one.dataset, one.record_id) for one in decisions}
    new = [
        one
        for one in decisions
        if one.fingerprint not in fingerprints
        and (one.verdict != "undecided" or (one.dataset, one.record_id) in decided_before)
    ]
    return News(new=len(new), withdrawn=len(decided_before - here))


def trace(
    decisions: Sequence[Decision],
    train: Sequence[Example],
    holdout: Sequence[Example],
    dropped: Sequence[Dropped],
    unused: Sequence[Unused],
    indexed: Collection[str],
) -> list[LineageRow]:
    """One row per decision. ``indexed`` are the ids of the chunks in the release's index."""
    roles: dict[_Key, tuple[Role, str]] = {}
    for one in unused:
        roles[one.dataset, one.record_id] = ("unused", one.reason)
    for gone in dropped:
        roles[gone.dataset, gone.record_id] = (
            "dropped",
            f"{gone.reason} as {gone.kept_record_id}: {gone.kept}",
        )
    for example in train:
        roles[example.dataset, example.record_id] = ("train", "")
    for example in holdout:
        roles[example.dataset, example.record_id] = ("holdout", "")
    return [_row(decision, roles, indexed) for decision in decisions]


def not_indexed(lineage: Sequence[LineageRow], chunks: Sequence[Chunk], include_unreviewed: bool) -> set[str]:
    """Ids of those of ``chunks`` that annotators rejected, or, without ``include_unreviewed``, did not accept."""
    verdicts = {row.record_id: row.verdict for row in lineage if row.dataset == "chunks"}
    return {
        chunk.id
        for chunk in chunks
        if verdicts.get(chunk.id) == "rejected"
        or (not include_unreviewed and verdicts.get(chunk.id) != "accepted")
    }


def write_lineage(path: Path, rows: Sequence[LineageRow]) -> None:
    """Write a release's lineage.parquet. Raises StateError when the disk is full."""
    write_table(path, pa.Table.from_pylist([row.model_dump() for row in rows], schema=LINEAGE_SCHEMA))


def read_lineage(path: Path) -> list[LineageRow]:
    """The rows of a lineage.parquet; none when there is no such file (a bootstrap learned from nothing).

    Raises StateError for a damaged one.
    """
    if not path.exists():
        return []
    return [LineageRow.model_validate(row) for row in read_table(path, LINEAGE_SCHEMA).to_pylist()]


def _row(decision: Decision, roles: Mapping[_Key, tuple[Role, str]], indexed: Collection[str]) -> LineageRow:
    role, reason = roles.get((decision.dataset, decision.record_id), ("unused", decision.reason))
    if decision.dataset == "chunks":
        if decision.verdict == "rejected":
            role, reason = "index-removed", decision.reason
        elif decision.record_id in indexed:
            role, reason = "indexed", decision.reason
        else:
            role, reason = "unused", "no longer among the documents"
    return LineageRow(
        dataset=decision.dataset,
        record_id=decision.record_id,
        fingerprint=decision.fingerprint,
        verdict=decision.verdict,
        annotators=list(decision.annotators),
        responses=sorted({vote.response_id for vote in decision.votes}),
        role=role,
        reason=reason,
    )
