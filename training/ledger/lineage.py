"""Which decisions made a release: one row for each, so that what is new can be told and every row explained."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Literal

import pyarrow as pa
from pydantic import ValidationError

from curation import Chunk, Decision, StateError, read_json, write_json, write_table
from serving import NO_LONGER_THERE
from training.ledger.known import News, compare
from training.ledger.lineage_columns import lineage_table
from training.ledger.lineage_record import (
    LINEAGE_NOTE_FILE,
    LINEAGE_SCHEMA,
    LineageExample,
    LineageNote,
    LineageRow,
    LineageVote,
    Role,
)
from training.prepare.examples import Example, Unused
from training.prepare.negatives import Negative
from training.prepare.selection import LeftOut
from training.prepare.split import Dropped

__all__ = [
    "LINEAGE_NOTE_FILE",
    "LINEAGE_SCHEMA",
    "LineageExample",
    "LineageNote",
    "LineageRow",
    "LineageVote",
    "News",
    "Role",
    "compare",
    "fingerprints_of",
    "not_indexed",
    "read_lineage",
    "read_note",
    "trace",
    "write_lineage",
    "write_note",
]

_Key = tuple[str, str]


def fingerprints_of(rows: Iterable[LineageRow]) -> set[str]:
    """Of all answers that a release was made from: ``Decision.fingerprint`` is in it for a decision that it knows. What its run's
    selection left out is not."""
    return {one for row in rows if row.role != "left-out" for one in row.fingerprints}


def trace(
    decisions: Sequence[Decision],
    train: Sequence[Example],
    holdout: Sequence[Example],
    dropped: Sequence[Dropped],
    unused: Sequence[Unused],
    indexed: Collection[str],
    left_out: Sequence[LeftOut] = (),
    negatives: Sequence[Negative] = (),
) -> list[LineageRow]:
    """One row per decision, then one for each that was left out. ``indexed`` are the ids of the chunks in the release's
    index. A decision that became several things has the role that comes first in train, holdout, negative, dropped, unused: who
    asks what the weights have learned goes by it.
    """
    fates: dict[_Key, _Fate] = defaultdict(_Fate)
    for one in sorted(unused, key=lambda one: one.of != "refusal"):  # what became of its example says more
        fates[one.dataset, one.record_id].take("unused", one.reason)
    for gone in dropped:
        fate = fates[gone.dataset, gone.record_id]
        fate.take("dropped", f"{gone.reason} as {gone.kept_record_id}: {gone.kept}")
        fate.kept_record_id = gone.kept_record_id
        fate.examples.append(
            LineageExample(query=gone.query, chunk_id=gone.chunk_id, place=gone.place, side="dropped")
        )
    refused = {one.refusal: one for one in negatives if one.source == "refused"}
    for decision in decisions:
        against = refused.get(("refusal", decision.dataset, decision.record_id))
        if against is not None and decision.verdict == "rejected":
            fates[decision.dataset, decision.record_id].take(
                "negative", f"a negative {against.kind} of record {against.record_id}"
            )
    sides: tuple[tuple[Literal["holdout", "train"], Sequence[Example]], ...]
    sides = (("holdout", holdout), ("train", train))
    for side, examples in sides:
        for example in examples:
            fate = fates[example.dataset, example.record_id]
            fate.take(side, "")
            fate.examples.append(
                LineageExample(
                    query=example.query,
                    chunk_id=example.chunk_id,
                    place=example.place,
                    side=side,
                )
            )
    rows = [
        _row(decision, fates.get((decision.dataset, decision.record_id)), indexed) for decision in decisions
    ]
    rows += [
        LineageRow(dataset=gone.dataset, record_id=gone.record_id, role="left-out", reason=gone.reason)
        for gone in left_out
    ]
    return rows


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

    Columns that a lineage of an earlier version lacks are empty. Raises StateError for a damaged one.
    """
    return [LineageRow.model_validate(row) for row in lineage_table(path).to_pylist()]


def write_note(path: Path, note: LineageNote) -> None:
    """Write a release's lineage.json. Raises StateError when the disk is full."""
    write_json(path, note.model_dump(mode="json"))


def read_note(path: Path) -> LineageNote | None:
    """A release's lineage.json; None when there is none: a bootstrap, or a release of an earlier version.

    Raises StateError for a damaged one.
    """
    try:
        return LineageNote.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        raise StateError(
            f"{path} cannot be read.", "Promote another release, or restore this one."
        ) from error


class _Fate:
    """What became of one decision, as it comes to light."""

    def __init__(self) -> None:
        self.role: Role = "unused"
        self.reason = ""
        self.kept_record_id = ""
        self.examples: list[LineageExample] = []

    def take(self, role: Role, reason: str) -> None:
        self.role, self.reason = role, reason


def _row(decision: Decision, fate: _Fate | None, indexed: Collection[str]) -> LineageRow:
    role: Role = fate.role if fate else "unused"
    reason = fate.reason if fate else decision.reason
    if decision.dataset == "chunks":
        if decision.verdict == "rejected":
            role, reason = "index-removed", decision.reason
        elif decision.record_id in indexed:
            role, reason = "indexed", decision.reason
        else:
            role, reason = "unused", NO_LONGER_THERE
    people = sorted({(vote.annotator, vote.annotator_id) for vote in decision.votes})
    return LineageRow(
        dataset=decision.dataset,
        record_id=decision.record_id,
        fingerprint=decision.fingerprint,
        verdict=decision.verdict,
        annotators=[name for name, _ in people],
        responses=sorted({vote.response_id for vote in decision.votes}),
        role=role,
        reason=reason,
        decided=decision.reason,
        agreement=decision.agreement,
        origin=str(decision.metadata.get("origin", "")),
        votes=[
            LineageVote(question=vote.question, value=vote.value, annotator=vote.annotator)
            for vote in decision.votes
        ],
        examples=fate.examples if fate else [],
        kept_record_id=fate.kept_record_id if fate else "",
        annotator_ids=[person_id for _, person_id in people],
    )
