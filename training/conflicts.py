"""The same pair accepted and rejected: reported, never averaged away.

Two records can ask the same about the same chunk (or about its near duplicate) and be answered differently, and two
annotators can answer one record differently. A chunk can be rejected although somebody accepted a question about it: the
question is not learned from then, and the gate counts such chunks (training.coverage). In the first case nobody can say which record is right: neither is learned
from, and neither is asked in the holdout, until one of them is changed in Argilla. In the second the majority decided, as
the guidelines say; what the others answered is listed so that a maintainer can look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation.records import DatasetName, Decision
from training.dedup import normalise
from training.examples import Example, Refusal, Unused

_Key = tuple[DatasetName, str]
# The question whose answer accepts or rejects a record.
_DECIDING: dict[DatasetName, str] = {
    "triplets": "is_positive_relevant",
    "conversations": "is_response_correct",
}


class Side(BaseModel):
    """One record of a conflict, and who answered it so."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    annotators: tuple[str, ...]


class Conflict(BaseModel):
    """A question and a chunk on which answers differ.

    ``between`` is ``records`` when different records were decided differently, ``annotators`` when people disagree about
    one record, and ``chunk`` when the question was accepted and the chunk itself rejected. ``left_out``: nothing is
    learned from any of the records.
    """

    model_config = ConfigDict(frozen=True)

    between: Literal["records", "annotators", "chunk"]
    query: str
    chunk_id: str
    accepted: tuple[Side, ...]
    rejected: tuple[Side, ...]
    left_out: bool


@dataclass
class Settled:
    """What is left to learn from, and what is not: ``unused`` are the records of conflicts that were left out."""

    examples: list[Example] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


def settle(
    examples: Sequence[Example],
    refusals: Sequence[Refusal],
    decisions: Sequence[Decision],
    groups: Mapping[str, str],
) -> Settled:
    """Find the conflicts and leave out what can't be learned from because of them.

    ``groups`` maps a chunk's id to the one that stands for its near duplicates. Questions are the same when they are
    after normalisation. A rejected conversation judged an answer and not the pair: beside an accepted pair it is
    reported, and the pair stays.
    """
    by_key = {(one.dataset, one.record_id): one for one in decisions}
    yes: dict[tuple[str, str], list[Example]] = defaultdict(list)
    no: dict[tuple[str, str], list[Refusal]] = defaultdict(list)
    for example in examples:
        yes[_pair(example, groups)].append(example)
    for refusal in refusals:
        no[_pair(refusal, groups)].append(refusal)
    result = Settled()
    gone: dict[_Key, str] = {}
    for pair in [pair for pair in yes if pair in no]:
        certain = any(one.certain for one in no[pair])
        result.conflicts.append(
            Conflict(
                between="records",
                query=yes[pair][0].query,
                chunk_id=yes[pair][0].chunk_id,
                accepted=tuple(_sides(yes[pair], by_key)),
                rejected=tuple(_sides(no[pair], by_key)),
                left_out=certain,
            )
        )
        both: list[Example | Refusal] = [*yes[pair], *no[pair]]
        for row in both:
            if certain or isinstance(row, Refusal):
                others = no[pair] if isinstance(row, Example) else yes[pair]
                gone[row.dataset, row.record_id] = others[0].record_id
    result.conflicts.extend(_disagreements(decisions))
    result.conflicts.extend(_about_rejected_chunks(decisions))
    result.examples = [one for one in examples if (one.dataset, one.record_id) not in gone]
    result.refusals = [one for one in refusals if (one.dataset, one.record_id) not in gone]
    rows: list[Example | Refusal] = [*examples, *refusals]
    result.unused = [
        Unused(
            dataset=row.dataset,
            record_id=row.record_id,
            reason=f"conflict: record {gone[row.dataset, row.record_id]} was decided the other way",
        )
        for row in rows
        if (row.dataset, row.record_id) in gone
    ]
    return result


def _pair(row: Example | Refusal, groups: Mapping[str, str]) -> tuple[str, str]:
    return normalise(row.query), groups.get(row.chunk_id, row.chunk_id)


def _sides(rows: Iterable[Example | Refusal], decisions: Mapping[_Key, Decision]) -> Iterable[Side]:
    for row in rows:
        decision = decisions.get((row.dataset, row.record_id))
        yield Side(
            dataset=row.dataset,
            record_id=row.record_id,
            annotators=decision.annotators if decision else (),
        )


def _disagreements(decisions: Sequence[Decision]) -> Iterable[Conflict]:
    """Records that some annotators accepted and others rejected, whatever the majority was."""
    for decision in decisions:
        question = _DECIDING.get(decision.dataset)
        voted: dict[str, set[str]] = defaultdict(set)
        for vote in decision.votes:
            if vote.question == question:
                voted[vote.value].add(vote.annotator)
        if not (voted["yes"] and voted["no"]):
            continue
        yes, no = (
            Side(
                dataset=decision.dataset,
                record_id=decision.record_id,
                annotators=tuple(sorted(voted[value])),
            )
            for value in ("yes", "no")
        )
        yield Conflict(
            between="annotators",
            query=_asked(decision),
            chunk_id=str(decision.metadata.get("chunk_id", "")),
            accepted=(yes,),
            rejected=(no,),
            left_out=False,
        )


def _about_rejected_chunks(decisions: Sequence[Decision]) -> Iterable[Conflict]:
    """Questions that were accepted for a chunk that was rejected as useless."""
    rejected = {
        one.record_id: one for one in decisions if one.dataset == "chunks" and one.verdict == "rejected"
    }
    for decision in decisions:
        chunk = rejected.get(str(decision.metadata.get("chunk_id", "")))
        if chunk is None or decision.dataset == "chunks" or decision.verdict != "accepted":
            continue
        yes, no = (
            Side(dataset=one.dataset, record_id=one.record_id, annotators=one.annotators)
            for one in (decision, chunk)
        )
        yield Conflict(
            between="chunk",
            query=_asked(decision),
            chunk_id=chunk.record_id,
            accepted=(yes,),
            rejected=(no,),
            left_out=True,
        )


def _asked(decision: Decision) -> str:
    fields = decision.fields
    asked = decision.metadata.get("question") or fields.get("positive") or fields.get("instruction", "")
    return str(asked)
