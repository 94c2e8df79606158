"""The same pair accepted and rejected: reported, never averaged away.

Two records can ask the same about the same chunk (or about its near duplicate) and be answered differently, and two
annotators can answer one record differently. A chunk can be rejected although somebody accepted a question about it: the
question is not learned from then, and the gate counts such chunks (training.coverage). In the first case nobody can say which
record is right: neither is learned from, and neither is asked in the holdout, until one of them is changed in Argilla. In the
second the majority decided, as the guidelines say; what the others answered is listed so that a maintainer can look.

Questions that are only alike may also be opposites ("raise the limit", "lower the limit"), which no cosine tells from
paraphrases. So they never take away what was accepted: in nearly the same wording the refusal goes, in other words both are
learned, and somebody should look.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import DatasetName, Decision
from training.prepare.examples import Example, Refusal, RowKey, Unused
from training.prepare.meaning import VectorsOf
from training.prepare.sameness import Likeness, Sameness
from training.settings import DedupSettings

_Key = tuple[DatasetName, str]
_SAME_WORDS = DedupSettings(near=False, semantic=False)
CONFLICT = "conflict:"  # what the reason of a row begins with that a conflict took away
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

    ``between`` is ``records`` when different records were decided differently, ``meaning`` when that is so of questions in
    other words, ``annotators`` when people disagree about one record, and ``chunk`` when the question was accepted and the
    chunk itself rejected. ``left_out``: nothing is learned from any of the records.
    """

    model_config = ConfigDict(frozen=True)

    between: Literal["records", "meaning", "annotators", "chunk"]
    query: str
    chunk_id: str
    accepted: tuple[Side, ...]
    rejected: tuple[Side, ...]
    left_out: bool


@dataclass
class Settled:
    """What is left to learn from, and what is not: ``unused`` are the rows that conflicts took away."""

    examples: list[Example] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)


def settle(
    examples: Sequence[Example],
    refusals: Sequence[Refusal],
    decisions: Sequence[Decision],
    groups: Mapping[str, str],
    settings: DedupSettings = _SAME_WORDS,
    vectors_of: VectorsOf | None = None,
    became: Mapping[str, str] | None = None,
) -> Settled:
    """Find the conflicts and leave out what can't be learned from because of them.

    ``groups`` maps a chunk's id to the one that stands for its near duplicates, and for what it was before an edit, ``became``
    the id of a chunk that was edited to today's.
    Questions are alike when training would take them for one: by ``settings``, and by their meaning where ``vectors_of``
    embeds them; without either, after normalisation. Only a pair that was refused for certain in the same words takes an
    accepted one with it, unless the text was refused before an edit and accepted after it: the documents may have been put
    right. A rejected conversation judged an answer and not the pair: beside a like pair that was accepted it
    is reported and goes, but not what it teaches of the source that was named.
    """
    refusals = _without_own(examples, refusals, groups)
    by_key = {(one.dataset, one.record_id): one for one in decisions}
    result = Settled()
    gone: dict[RowKey, str] = {}
    for found in _opposites(examples, refusals, groups, settings, vectors_of):
        yes, no = [examples[row] for row in found.accepted], [refusals[row] for row in found.refused]
        result.conflicts.append(
            Conflict(
                between="meaning" if found.by == "meaning" else "records",
                query=yes[0].query,
                chunk_id=yes[0].chunk_id,
                accepted=tuple(_sides(yes, by_key)),
                rejected=tuple(_sides(no, by_key)),
                left_out=found.by == "words",
            )
        )
        if found.by == "words":
            gone |= {one.key: next(row for row in no if row.certain).record_id for one in yes}
        if found.by != "meaning":
            gone |= {one.key: yes[0].record_id for one in no}
    result.conflicts.extend(_disagreements(decisions))
    result.conflicts.extend(_about_rejected_chunks(decisions, became or {}))
    result.examples = [one for one in examples if one.key not in gone]
    result.refusals = [one for one in refusals if one.key not in gone]
    rows: list[Example | Refusal] = [*examples, *refusals]
    result.unused = [
        Unused(
            dataset=row.dataset,
            record_id=row.record_id,
            reason=f"{CONFLICT} record {gone[row.key]} was decided the other way",
            of=row.key[0],
        )
        for row in rows
        if row.key in gone
    ]
    return result


def _without_own(
    examples: Sequence[Example], refusals: Sequence[Refusal], groups: Mapping[str, str]
) -> list[Refusal]:
    """``refusals`` without the sources that were passed over for their own near duplicates."""
    own = {(one.dataset, one.record_id): _group(one, groups) for one in examples}
    return [one for one in refusals if own.get((one.dataset, one.record_id)) != _group(one, groups)]


@dataclass
class _Opposite:
    """Rows of ``examples`` and of ``refusals`` about one chunk that ask alike. ``by`` ``words``: neither side stays;
    ``wording``: the refusals go; ``meaning``: all stay."""

    by: Likeness
    accepted: list[int]
    refused: list[int]


def _opposites(
    examples: Sequence[Example],
    refusals: Sequence[Refusal],
    groups: Mapping[str, str],
    settings: DedupSettings,
    vectors_of: VectorsOf | None,
) -> list[_Opposite]:
    """What was accepted and what was refused of like questions and the same chunk, ordered by the first that was accepted. A
    refusal that is the same as two others in its words brings these together."""
    yes: dict[str, list[int]] = defaultdict(list)
    no: dict[str, list[int]] = defaultdict(list)
    for row, example in enumerate(examples):
        yes[_group(example, groups)].append(row)
    for row, refusal in enumerate(refusals):
        no[_group(refusal, groups)].append(row)
    both = [group for group in yes if group in no]
    same = Sameness(settings)
    if settings.semantic and vectors_of and both:
        rows: list[Example | Refusal] = [examples[row] for group in both for row in yes[group]]
        rows += [refusals[row] for group in both for row in no[group]]
        same.embed([one.query for one in rows], vectors_of)
    found: list[_Opposite] = []
    for group in both:
        alone = [
            one
            for row in no[group]
            if (one := _against(row, refusals[row], [(at, examples[at]) for at in yes[group]], same))
        ]
        found += _linked(alone)
    return sorted(found, key=lambda one: (one.accepted, one.refused))


def _against(
    row: int, refusal: Refusal, accepted: Sequence[tuple[int, Example]], same: Sameness
) -> _Opposite | None:
    """What was accepted that asks like one refusal, about the same chunk."""
    how: dict[int, Likeness] = {}
    for at, example in accepted:
        likeness = same.how(example.query, refusal.query)
        if likeness == "words" and refusal.version and not example.version:
            likeness = "wording"  # the text that was refused is not the one that was accepted
        if likeness:
            how[at] = likeness
    kinds = set(how.values())
    if not kinds:
        return None
    if refusal.certain and "words" in kinds:
        return _Opposite("words", [at for at in how if how[at] == "words"], [row])
    # An answer that was wrong is no word against its source: it goes even where only the meaning is alike.
    return _Opposite("meaning" if refusal.certain and kinds == {"meaning"} else "wording", list(how), [row])


def _linked(alone: Sequence[_Opposite]) -> list[_Opposite]:
    """Those with the same accepted rows as one. What takes no example with it joins nothing to the others."""
    linked: list[_Opposite] = []
    for one in sorted(alone, key=lambda one: one.by != "words"):
        touched = [other for other in linked if set(other.accepted) & set(one.accepted)]
        if one.by == "words":
            linked = [other for other in linked if other not in touched]
            touched.append(one)
            accepted = {at for other in touched for at in other.accepted}
            linked.append(
                _Opposite("words", sorted(accepted), [at for other in touched for at in other.refused])
            )
        elif one.by == "wording" and touched:
            touched[0].refused.append(one.refused[0])
        elif one.by == "wording":
            linked.append(one)
    for one in linked:
        one.refused.sort()
    return [*linked, *(one for one in alone if one.by == "meaning")]


def _group(row: Example | Refusal, groups: Mapping[str, str]) -> str:
    return groups.get(row.chunk_id, row.chunk_id)


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
            query=decision.question,
            chunk_id=decision.chunk_id,
            accepted=(yes,),
            rejected=(no,),
            left_out=False,
        )


def _about_rejected_chunks(decisions: Sequence[Decision], became: Mapping[str, str]) -> Iterable[Conflict]:
    """Questions that were accepted for a chunk that was rejected as useless."""
    rejected = {
        one.record_id: one for one in decisions if one.dataset == "chunks" and one.verdict == "rejected"
    }
    for decision in decisions:
        chunk = rejected.get(became.get(decision.chunk_id, decision.chunk_id))
        if chunk is None or decision.dataset == "chunks" or not decision.affirms:
            continue
        yes, no = (
            Side(dataset=one.dataset, record_id=one.record_id, annotators=one.annotators)
            for one in (decision, chunk)
        )
        yield Conflict(
            between="chunk",
            query=decision.question,
            chunk_id=chunk.record_id,
            accepted=(yes,),
            rejected=(no,),
            left_out=True,
        )
