"""From what annotators decided to what a model can learn, and which chunks are served."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation import Chunk, DatasetName, Decision

HEADING = "heading"
# What tells rows apart: a conversation can give an example and a refusal, so its record alone does not.
RowKey = tuple[Literal["example", "refusal"], DatasetName, str]


class Example(BaseModel):
    """A question and the text that answers it.

    ``text`` is what training sees; ``chunk_id`` the chunk it comes from. ``place`` names the chunk's section and
    stays the same when its text is edited. ``negative`` is a question that the chunk does not answer, if the
    annotators said so. ``live`` is false when the chunk is not in the index as the annotators saw it; ``version`` is
    then the indexed chunk that it has become, if that is known: only against that one can the question be asked.
    """

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    query: str
    text: str
    chunk_id: str
    place: str
    origin: str
    negative: str = ""
    live: bool = True
    version: str = ""

    @property
    def key(self) -> RowKey:
        return "example", self.dataset, self.record_id


class Refusal(BaseModel):
    """A question and a chunk of which annotators did not accept that one answers the other.

    ``certain``: they judged the pair itself (a rejected triplet), or said that no source of a conversation answers its
    question. Otherwise a rejected conversation only says that the answer was wrong; its chunk may be the right one all the
    same. ``reason`` is the decision's.
    """

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    query: str
    text: str
    chunk_id: str
    place: str
    certain: bool
    reason: str
    version: str = ""

    @property
    def key(self) -> RowKey:
        return "refusal", self.dataset, self.record_id


class Whereabouts(BaseModel):
    """Of a chunk that is not among the documents any more: the section that it belongs to, the id of the indexed chunk
    that it has become (empty when that is not known), and what a record teaches that does not show the chunk: the text of
    today, or else the one that it had (empty when neither is known). ``became`` is the chunk of today, indexed or not."""

    model_config = ConfigDict(frozen=True)

    place: str
    version: str = ""
    text: str = ""
    became: str = ""


class Unused(BaseModel):
    """A decision that nothing is learned from, and why; or only what it is made ``of``: its example or its refusal, and
    something may be learned from the other."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    reason: str
    of: Literal["decision", "example", "refusal"] = "decision"


@dataclass
class Learnable:
    """What a set of decisions comes to. ``chunks`` are those to index, in the order of the corpus."""

    examples: list[Example] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    unused: list[Unused] = field(default_factory=list)
    chunks: list[Chunk] = field(default_factory=list)
    rejected_chunks: set[str] = field(default_factory=set)


def collect(
    decisions: Sequence[Decision],
    chunks: Sequence[Chunk],
    include_unreviewed: bool = True,
    gone: Mapping[str, Whereabouts] | None = None,
) -> Learnable:
    """Sort ``decisions`` into examples, refusals, unused ones and the chunks to index.

    Rejected chunks leave index and training alike. An accepted triplet teaches (query, chunk), an accepted
    conversation (question, the chunk it cites first), and any conversation (question, the source that annotators named
    as the one that answers; the chunk that the bot put first is then refused, unless somebody named that one); other
    rejected ones are refusals, from which negatives are made, where they say anything of the chunk. ``gone`` tells what is
    known of chunks that are not among ``chunks``; another one's place is its own id,
    and a conversation about it teaches nothing.
    """
    judged = {one.record_id: one.verdict for one in decisions if one.dataset == "chunks"}
    result = Learnable(rejected_chunks={key for key, verdict in judged.items() if verdict == "rejected"})
    result.chunks = [
        chunk
        for chunk in chunks
        if (include_unreviewed and chunk.id not in result.rejected_chunks)
        or judged.get(chunk.id) == "accepted"
    ]
    by_id = {chunk.id: chunk for chunk in chunks}
    live = {chunk.id for chunk in result.chunks}
    for decision in decisions:
        if decision.dataset == "chunks":
            continue
        made = _learn(decision, by_id, live, result.rejected_chunks, gone or {})
        if isinstance(made, Example):
            result.examples.append(made)
            if decision.verdict == "rejected":
                result.refusals.extend(_passed_over(decision, made, by_id, result.rejected_chunks))
        elif isinstance(made, Refusal):
            result.refusals.append(made)
        else:
            result.unused.append(Unused(dataset=decision.dataset, record_id=decision.record_id, reason=made))
    return result


def section_of(chunk: Chunk) -> str:
    """Names the chunk's section: what stays when its text is edited."""
    return "\t".join((chunk.path, *chunk.section))


def _learn(
    decision: Decision,
    chunks: Mapping[str, Chunk],
    live: set[str],
    rejected: set[str],
    gone: Mapping[str, Whereabouts],
) -> Example | Refusal | str:
    """The example or the refusal that ``decision`` gives, or why it gives neither."""
    if decision.verdict == "undecided":
        return _why(decision)
    is_triplet = decision.dataset == "triplets"
    query = decision.question.strip()
    named = decision.named_source
    chunk_id = decision.chunk_id
    chunk = chunks.get(chunk_id)
    unknown = Whereabouts(place=section_of(chunk) if chunk else chunk_id)
    where = unknown if chunk else gone.get(chunk_id, unknown)
    shown = decision.fields.get("anchor", "") if is_triplet else where.text
    if not query:
        return "the question is empty"
    if chunk_id in rejected or where.became in rejected:
        return "its chunk was rejected"
    if chunk is None and not shown.strip():
        return "it cites no chunk of the current documents"
    if not (chunk.text if chunk else shown).strip():
        return "its chunk is empty"
    if named == "" and decision.verdict == "accepted":
        return "none of its sources answers it"
    if decision.verdict == "rejected" and not decision.affirms:
        certain = named == "" or (is_triplet and decision.values.get("is_positive_relevant") == "no")
        if is_triplet and not certain:
            return _why(decision)
        if not is_triplet and not certain and (unsaid := _says_nothing_of_its_chunk(decision)):
            return f"{_why(decision)} ({unsaid})"
        return Refusal(
            dataset=decision.dataset,
            record_id=decision.record_id,
            query=query,
            text=chunk.text if chunk else shown,
            chunk_id=chunk_id,
            place=where.place,
            certain=certain,
            reason=_why(decision),
            version=where.version,
        )
    origin = str(decision.metadata.get("origin", "")) or ("conversation" if not is_triplet else "")
    negative = decision.fields.get("negative", "").strip() if is_triplet else ""
    if decision.values.get("is_negative_irrelevant") != "yes":
        negative = ""
    return Example(
        dataset=decision.dataset,
        record_id=decision.record_id,
        query=query,
        text=_taught_text(query, chunk, shown, origin),
        chunk_id=chunk_id,
        place=where.place,
        origin=origin,
        negative=negative,
        live=chunk is not None and chunk_id in live,
        version=where.version,
    )


def _says_nothing_of_its_chunk(decision: Decision) -> str:
    """Why a rejected conversation refuses no chunk, for certain or not; "" where it does."""
    if decision.named_source:
        return "a source was named, but outside of the guardrails"
    if decision.chunk_id in decision.sources_with_votes:
        return "some named its first source as the one that answers"
    if decision.values.get("is_response_correct") == "yes":
        return "the answer was correct"
    return ""


def _passed_over(
    decision: Decision, example: Example, chunks: Mapping[str, Chunk], rejected: set[str]
) -> list[Refusal]:
    """The chunk that the bot put first where annotators named another one as the source that answers, and nobody that one."""
    first = chunks.get(str(decision.metadata.get("chunk_id", "")))
    if first is None or first.id == example.chunk_id:
        return []
    if first.id in rejected or first.id in decision.sources_with_votes:
        return []
    return [
        Refusal(
            dataset=decision.dataset,
            record_id=decision.record_id,
            query=example.query,
            text=first.text,
            chunk_id=first.id,
            place=section_of(first),
            certain=False,
            reason="another source was named as the one that answers",
        )
    ]


def _why(decision: Decision) -> str:
    return f"{decision.verdict}: {decision.reason}" if decision.reason else decision.verdict


def _taught_text(query: str, chunk: Chunk | None, shown: str, origin: str) -> str:
    """The text to train against: a heading goes with the body, as the holdout ranks it (docs/decisions-training.md)."""
    text = chunk.text if chunk else shown
    if origin != HEADING:
        return text
    if chunk:
        return chunk.body.strip() or text
    first, _, rest = shown.partition("\n\n")
    return rest.strip() or shown if query.casefold() in first.casefold() else shown
