"""The same pair accepted and rejected: reported, never averaged away.

There are three kinds. Two records ask the same about the same chunk (or about its near duplicate) and are
answered differently: nobody can say which one is right, so neither is learned from nor asked in the holdout
until one of them is changed in Argilla. Two annotators answer one record differently: the majority decides,
as the guidelines say, and what the others answered is listed so that a maintainer can look. A chunk is
rejected although somebody accepted a question about it: the question is not learned, and the gate counts
such chunks.

Questions that are only alike may also be opposites ("raise the limit", "lower the limit"), which no cosine
tells from paraphrases. So they never take away what was accepted: in nearly the same wording the refusal
goes, in other words both are learned, and somebody should look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import DatasetName, Likeness, Sameness
from serving import CHUNK_REJECTED
from training.ledger.rows import LedgerRow, RecordKey, exchange, of
from training.prepare.split import PrepareContext

_OTHER_WAY = "another record was decided the other way"
# The question whose answer accepts or rejects a record.
_DECIDING: dict[DatasetName, str] = {
    "triplets": "is_positive_relevant",
    "conversations": "is_response_correct",
}


class ConflictSide(BaseModel):
    """One record of a conflict, and who answered it so."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    annotators: tuple[str, ...]


class Conflict(BaseModel):
    """A question and a chunk on which answers differ.

    ``between`` is ``records`` when different records were decided differently, ``meaning`` when that is so of
    questions in other words, ``annotators`` when people disagree about one record, and ``chunk`` when the
    question was accepted and the chunk itself rejected. ``left_out``: nothing is learned from any of the
    records.
    """

    model_config = ConfigDict(frozen=True)

    between: Literal["records", "meaning", "annotators", "chunk"]
    query: str
    chunk_id: str
    accepted: tuple[ConflictSide, ...]
    rejected: tuple[ConflictSide, ...]
    left_out: bool


def settle_conflicts(
    rows: Sequence[LedgerRow], context: PrepareContext
) -> tuple[list[LedgerRow], list[Conflict]]:
    """Find the conflicts, and settle the rows from which nothing can be learned because of them.

    Questions are alike when training would take them for one (``similarity.Sameness``). Only a pair that was
    refused for certain in the same words takes an accepted one with it, unless the text was refused before an
    edit and accepted after it: the documents may have been put right. A rejected conversation judged an
    answer and not the pair: beside a like pair that was accepted it is reported and goes, but not what it
    teaches of the source that was named.
    """
    own = {row.key: context.group_of(row) for row in of(rows, "example", "open")}
    # Naming a near duplicate of the first source says nothing against the first source.
    rows = [
        row.settled("unused", "it nearly equals the source that was named")
        if row.teaches == "refusal" and row.fate == "open" and own.get(row.key) == context.group_of(row)
        else row
        for row in rows
    ]
    examples, refusals = of(rows, "example", "open"), of(rows, "refusal", "open")
    conflicts: list[Conflict] = []
    gone: list[LedgerRow] = []
    for found in _opposites(examples, refusals, context):
        yes, no = [examples[at] for at in found.accepted], [refusals[at] for at in found.refused]
        conflicts.append(
            Conflict(
                between="meaning" if found.by == "meaning" else "records",
                query=yes[0].query,
                chunk_id=yes[0].chunk_id,
                accepted=tuple(map(_side, yes)),
                rejected=tuple(map(_side, no)),
                left_out=found.by == "words",
            )
        )
        if found.by == "words":
            certain = next(row for row in no if row.certain)
            gone += [row.settled("conflict", _OTHER_WAY, certain) for row in yes]
        if found.by != "meaning":
            gone += [row.settled("conflict", _OTHER_WAY, yes[0]) for row in no]
    conflicts.extend(_disagreements(rows))
    conflicts.extend(_about_rejected_chunks(rows))
    return exchange(rows, gone), conflicts


@dataclass
class _Opposite:
    """Examples and refusals (by place) about one chunk that ask alike. ``by`` ``words``: neither side stays;
    ``wording``: the refusals go; ``meaning``: all stay."""

    by: Likeness
    accepted: list[int]
    refused: list[int]


def _opposites(
    examples: Sequence[LedgerRow], refusals: Sequence[LedgerRow], context: PrepareContext
) -> list[_Opposite]:
    """Like questions about the same chunk of which some were accepted and some refused, in the order of the
    first accepted one. All accepted questions in the words of one refusal are in one conflict."""
    yes: dict[str, list[int]] = defaultdict(list)
    no: dict[str, list[int]] = defaultdict(list)
    for at, row in enumerate(examples):
        yes[context.group_of(row)].append(at)
    for at, row in enumerate(refusals):
        no[context.group_of(row)].append(at)
    both = [group for group in yes if group in no]
    same = Sameness(context.dedup)
    if context.by_meaning and both:
        asked = [examples[at].query for group in both for at in yes[group]]
        asked += [refusals[at].query for group in both for at in no[group]]
        same.embed(asked, context.by_meaning)
    found: list[_Opposite] = []
    for group in both:
        accepted = [(at, examples[at]) for at in yes[group]]
        alone = [one for at in no[group] if (one := _against(at, refusals[at], accepted, same))]
        found += _linked(alone)
    return sorted(found, key=lambda one: (one.accepted, one.refused))


def _against(
    at: int, refusal: LedgerRow, accepted: Sequence[tuple[int, LedgerRow]], same: Sameness
) -> _Opposite | None:
    """One refusal and what was ``accepted`` of like questions about the same chunk; None without any."""
    how: dict[int, Likeness] = {}
    for place, example in accepted:
        likeness = same.how(example.query, refusal.query)
        if likeness == "words" and _was_edited_since(refusal) and not _was_edited_since(example):
            likeness = "wording"  # the text that was refused is not the one that was accepted
        if likeness:
            how[place] = likeness
    kinds = set(how.values())
    if not kinds:
        return None
    if refusal.certain and "words" in kinds:
        return _Opposite("words", [place for place in how if how[place] == "words"], [at])
    # A wrong answer says nothing against its source: such a refusal goes even if only the meaning is alike.
    return _Opposite("meaning" if refusal.certain and kinds == {"meaning"} else "wording", list(how), [at])


def _was_edited_since(row: LedgerRow) -> bool:
    """Whether the chunk has been edited since it was judged."""
    return row.version not in ("", row.chunk_id)


def _linked(alone: Sequence[_Opposite]) -> list[_Opposite]:
    """Make one conflict of those that share an accepted row. Only refusals that take their examples with them
    (``words``) bring several conflicts together."""
    linked: list[_Opposite] = []
    for one in sorted(alone, key=lambda one: one.by != "words"):
        touched = [other for other in linked if set(other.accepted) & set(one.accepted)]
        if one.by == "words":
            linked = [other for other in linked if other not in touched]
            touched.append(one)
            accepted = {at for other in touched for at in other.accepted}
            refused = [at for other in touched for at in other.refused]
            linked.append(_Opposite("words", sorted(accepted), refused))
        elif one.by == "wording" and touched:
            touched[0].refused.append(one.refused[0])
        elif one.by == "wording":
            linked.append(one)
    for one in linked:
        one.refused.sort()
    return [*linked, *(one for one in alone if one.by == "meaning")]


def _side(row: LedgerRow, annotators: Iterable[str] = ()) -> ConflictSide:
    names = tuple(sorted(set(annotators) or set(row.people.values())))
    return ConflictSide(dataset=row.dataset, record_id=row.record_id, annotators=names)


def _disagreements(rows: Sequence[LedgerRow]) -> Iterator[Conflict]:
    """Records that some annotators accepted and others rejected, whatever the majority was."""
    first: dict[RecordKey, LedgerRow] = {}
    for row in rows:
        first.setdefault(row.key, row)
    for row in first.values():
        question = _DECIDING.get(row.dataset)
        voted: dict[str, set[str]] = defaultdict(set)
        for vote in row.votes:
            if vote.question == question:
                voted[vote.value].add(vote.annotator)
        if voted["yes"] and voted["no"]:
            yield Conflict(
                between="annotators",
                query=row.query,
                chunk_id=row.chunk_id,
                accepted=(_side(row, voted["yes"]),),
                rejected=(_side(row, voted["no"]),),
                left_out=False,
            )


def _about_rejected_chunks(rows: Sequence[LedgerRow]) -> Iterator[Conflict]:
    """Questions that were accepted for a chunk that was rejected as useless."""
    rejected = {row.record_id: row for row in of(rows, "chunk", "removed")}
    for row in of(rows, "example", "unused"):
        chunk = rejected.get(row.version) or rejected.get(row.chunk_id)
        if row.reason == CHUNK_REJECTED and chunk is not None:
            yield Conflict(
                between="chunk",
                query=row.query,
                chunk_id=chunk.record_id,
                accepted=(_side(row),),
                rejected=(_side(chunk),),
                left_out=True,
            )
