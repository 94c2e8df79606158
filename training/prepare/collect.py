"""From decisions to the rows of the ledger: what each one teaches, or why it teaches nothing."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from curation import Chunk, Corpus, Decision, VectorsOf, normalise, place_named_sources
from serving import CHUNK_REJECTED, GONE_FROM_DOCUMENTS, HEADING, SWITCHED_OFF
from training.ledger.rows import LedgerRow, exchange, of, section_of


def collect(
    decisions: Sequence[Decision],
    corpus: Corpus,
    include_unreviewed: bool = True,
    vectors_of: VectorsOf | None = None,
    off: Collection[str] = (),
) -> list[LedgerRow]:
    """The ledger's rows for ``decisions``, in their order.

    An accepted triplet teaches (query, chunk), an accepted conversation (question, the chunk that it cites
    first), and any conversation (question, the source that annotators named as the one that answers). In the
    last case the chunk that the bot put first is refused, unless somebody named that one. Other rejected
    records are refusals where they say anything of the chunk. What was said about a chunk that was edited
    since counts for the chunk that took its place. Of a page that was named in writing the chunk counts that
    is nearest to the question by ``vectors_of``, else by words. A correction is an answer of its own, and
    served unless others contradict it or its record is ``off``.
    """
    chunks = _Chunks.of(decisions, corpus, include_unreviewed)

    def nearest(question: str, among: Sequence[Chunk]) -> int:
        assert vectors_of is not None  # noqa: S101 - not asked otherwise
        vectors = vectors_of([question, *(chunk.text for chunk in among)])
        return int(np.argmax(vectors[1:] @ vectors[0]))

    decisions = place_named_sources(decisions, corpus.chunks, nearest if vectors_of else None, chunks.indexed)
    rows = _agreed([row for decision in decisions for row in _rows_of(decision, chunks)])
    served = [
        row.settled("unused", SWITCHED_OFF) if row.record_id in off else row.settled("served")
        for row in of(rows, "answer", "open")
    ]
    return exchange(rows, served)


def to_index(rows: Sequence[LedgerRow], chunks: Sequence[Chunk], include_unreviewed: bool) -> list[Chunk]:
    """The chunks to index, in their order: those that were accepted, and, with ``include_unreviewed``, all
    that were not rejected."""
    verdicts = {row.record_id: row.verdict for row in of(rows, "chunk")}
    return [chunk for chunk in chunks if _is_indexed(verdicts.get(chunk.id), include_unreviewed)]


def _is_indexed(verdict: str | None, include_unreviewed: bool) -> bool:
    return verdict == "accepted" or (include_unreviewed and verdict != "rejected")


@dataclass(frozen=True)
class _Place:
    """Where the chunk of a record is today. ``chunk`` is None when it is not among the documents as it was
    judged; ``text`` is then today's, or else the one that it had (empty when nobody knows)."""

    place: str
    version: str = ""
    text: str = ""
    chunk: Chunk | None = None


@dataclass(frozen=True)
class _Chunks:
    """The documents' chunks of today and of before, with what was decided about them."""

    corpus: Corpus
    rejected: frozenset[str]
    indexed: frozenset[str]

    @classmethod
    def of(cls, decisions: Sequence[Decision], corpus: Corpus, include_unreviewed: bool) -> _Chunks:
        verdicts = {one.record_id: one.verdict for one in decisions if one.dataset == "chunks"}
        indexed = (one.id for one in corpus.chunks if _is_indexed(verdicts.get(one.id), include_unreviewed))
        return cls(
            corpus=corpus,
            rejected=frozenset(key for key, verdict in verdicts.items() if verdict == "rejected"),
            indexed=frozenset(indexed),
        )

    def find(self, chunk_id: str) -> _Place:
        chunk = self.corpus.by_id.get(chunk_id)
        if chunk is not None:
            return _Place(section_of(chunk), chunk_id, chunk.text, chunk)
        former = self.corpus.former.get(chunk_id)
        if former is None:
            return _Place(chunk_id)
        now = self.corpus.by_id.get(former.replaced_by)
        text = now.text if now else former.chunk.text
        return _Place(section_of(former.chunk), now.id if now else "", text)


def _rows_of(decision: Decision, chunks: _Chunks) -> list[LedgerRow]:
    if decision.dataset == "chunks":
        return [_of_chunk(decision, chunks)]
    return [*_of_question(decision, chunks), *_of_answer(decision, chunks)]


def _of_question(decision: Decision, chunks: _Chunks) -> list[LedgerRow]:
    """What a triplet or a conversation says of its question and its chunk."""
    chunk_id = decision.chunk_id
    at = chunks.find(chunk_id)
    is_triplet = decision.dataset == "triplets"
    shown = at.text if at.chunk or not is_triplet else decision.fields.get("anchor", "")
    origin = str(decision.metadata.get("origin", "")) or ("" if is_triplet else "conversation")
    row = _row(
        decision,
        origin=origin,
        query=decision.question.strip(),
        text=shown,
        chunk_id=chunk_id,
        place=at.place,
        version=at.version,
    )
    reason = _teaches_nothing(decision, row, chunks)
    if reason == CHUNK_REJECTED and decision.affirms:
        return [row.settled("unused", reason, teaches="example")]
    if reason:
        return [row.settled("unused", reason)]
    if decision.verdict == "rejected" and not decision.affirms:
        return [_refusal(decision, row)]
    negative = decision.fields.get("negative", "").strip() if is_triplet else ""
    if decision.values.get("is_negative_irrelevant") != "yes":
        negative = ""
    example = row.model_copy(
        update={"teaches": "example", "text": _trained_text(row, at.chunk), "negative": negative}
    )
    passed_over = _passed_over(decision, example, chunks) if decision.verdict == "rejected" else None
    return [example, passed_over] if passed_over else [example]


def _of_answer(decision: Decision, chunks: _Chunks) -> list[LedgerRow]:
    """What the answer should have been, if anybody wrote it. It comes from the source that was named, or else
    from the first one, unless annotators said that this is not it."""
    correction = decision.correction
    if correction is None:
        return []
    chunk_id = "" if decision.astray or decision.named_source == "" else decision.chunk_id
    at = chunks.find(chunk_id)
    row = _row(
        decision,
        teaches="answer",
        origin="conversation",
        query=decision.question.strip(),
        text=correction.text,
        chunk_id=chunk_id,
        place=at.place,
        version=at.version,
    )
    if correction.standing != "accepted":
        return [row.settled(correction.standing, correction.reason)]
    return [row if row.query else row.settled("unused", "the question is empty")]


def _agreed(rows: list[LedgerRow]) -> list[LedgerRow]:
    """Corrections of one question agree: others are a conflict, and of equal ones the first stays."""
    asked: defaultdict[str, dict[str, list[LedgerRow]]] = defaultdict(lambda: defaultdict(list))
    for row in of(rows, "answer", "open"):
        asked[normalise(row.query)][normalise(row.text)].append(row)
    changed: list[LedgerRow] = []
    for texts in asked.values():
        firsts = [same[0] for same in texts.values()]
        for same in texts.values():
            if other := next((first for first in firsts if first is not same[0]), None):
                reason = "the same question was corrected otherwise in another record"
                changed += [row.settled("conflict", reason, other) for row in same]
            else:
                reason = "the same question was corrected so in another record"
                changed += [row.settled("duplicate", reason, same[0], similarity=1.0) for row in same[1:]]
    return exchange(rows, changed)


def _of_chunk(decision: Decision, chunks: _Chunks) -> LedgerRow:
    row = _row(decision, teaches="chunk", chunk_id=decision.record_id)
    if decision.verdict == "rejected":
        return row.settled("removed", decision.reason)
    if decision.record_id in chunks.indexed:
        return row.settled("indexed", decision.reason)
    return row.settled(
        "unused", GONE_FROM_DOCUMENTS if decision.record_id not in chunks.corpus.by_id else _why(decision)
    )


def _row(decision: Decision, **content: Any) -> LedgerRow:
    return LedgerRow(
        dataset=decision.dataset,
        record_id=decision.record_id,
        fingerprint=decision.fingerprint,
        verdict=decision.verdict,
        decided=decision.reason,
        agreement=decision.agreement,
        votes=decision.votes,
        **content,
    )


def _teaches_nothing(decision: Decision, row: LedgerRow, chunks: _Chunks) -> str:
    """Why nothing is learned from a triplet or a conversation, or nothing."""
    if decision.astray:
        return decision.astray
    if decision.verdict == "undecided":
        return _why(decision)
    if not row.query:
        return "the question is empty"
    if row.chunk_id in chunks.rejected or row.version in chunks.rejected:
        return CHUNK_REJECTED
    if not row.text.strip():
        if decision.verdict == "accepted" and decision.metadata.get("refused") == "yes":
            return "the bot was right to refuse it"
        is_here = row.chunk_id in chunks.corpus.by_id
        return "its chunk is empty" if is_here else "it cites no chunk of the current documents"
    if decision.verdict == "accepted":
        return "none of its sources answers it" if decision.named_source == "" else ""
    if decision.affirms or _is_certain(decision):
        return ""
    if decision.dataset == "triplets":
        return _why(decision)
    unsaid = _says_nothing_of_its_chunk(decision)
    return f"{_why(decision)} ({unsaid})" if unsaid else ""


def _is_certain(decision: Decision) -> bool:
    """Whether a rejected record judged the pair of question and chunk itself, and not only an answer."""
    if decision.dataset == "triplets":
        return decision.values.get("is_positive_relevant") == "no"
    return decision.named_source == ""


def _says_nothing_of_its_chunk(decision: Decision) -> str:
    """Why a rejected conversation refuses no chunk; "" where it does."""
    if decision.named_source:
        return "a source was named, but outside of the guardrails"
    if decision.chunk_id in decision.sources_with_votes:
        return "some named its first source as the one that answers"
    if decision.values.get("is_response_correct") == "yes":
        return "the answer was correct"
    return ""


def _refusal(decision: Decision, row: LedgerRow) -> LedgerRow:
    return row.model_copy(
        update={"teaches": "refusal", "certain": _is_certain(decision), "reason": _why(decision)}
    )


def _passed_over(decision: Decision, example: LedgerRow, chunks: _Chunks) -> LedgerRow | None:
    """The refusal of the chunk that the bot put first, where annotators named another source. None where
    somebody named the first one, or where it is not among the documents any more or was rejected."""
    first = chunks.corpus.by_id.get(str(decision.metadata.get("chunk_id", "")))
    if first is None or first.id == example.chunk_id:
        return None
    if first.id in chunks.rejected or first.id in decision.sources_with_votes:
        return None
    return example.model_copy(
        update={
            "teaches": "refusal",
            "text": first.text,
            "chunk_id": first.id,
            "place": section_of(first),
            "version": first.id,
            "negative": "",
            "reason": "another source was named as the one that answers",
        }
    )


def _why(decision: Decision) -> str:
    return f"{decision.verdict}: {decision.reason}" if decision.reason else decision.verdict


def _trained_text(row: LedgerRow, chunk: Chunk | None) -> str:
    """The text to train against: a heading goes with the body, as the holdout ranks it (docs/training.md)."""
    if row.origin != HEADING:
        return row.text
    if chunk:
        return chunk.bare.strip() or row.text
    first, _, rest = row.text.partition("\n\n")
    return rest.strip() or row.text if row.query.casefold() in first.casefold() else row.text
