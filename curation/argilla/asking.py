"""Which of a kind's records are asked about, from what Argilla holds and what is about to be sent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from curation.argilla.api import JsonObject
from curation.argilla.conversations import answer_in
from curation.argilla.decisions import decision_of, one_a_record
from curation.argilla.filters import Metadata
from curation.argilla.queue import Candidate, bare_words, queue_of, speaking
from curation.argilla.schemas import DECIDED_BY
from curation.argilla.upsert import Outline, Shelf, is_answered
from curation.argilla.users import User
from curation.records.decision import Acceptance, DatasetName, Decision
from curation.records.gold import is_gold
from curation.shown.records import readable
from curation.suggestions.priority import is_empty_talk


def queue_outlines(
    kind: DatasetName,
    shelves: Sequence[Shelf],
    outlines: Sequence[Outline],
    users: Mapping[str, User],
    policy: Acceptance,
) -> list[Decision]:
    """Write into the metadata of each of ``outlines`` whether it is asked about. Returns what was decided in
    these datasets."""
    answered: dict[str, list[JsonObject]] = {}
    for shelf in shelves:
        for key, record in shelf.records.items():
            if is_answered(record) and not is_gold(key):
                answered.setdefault(key, []).append(record)
    said = [decision_of(kind, record, users, policy) for records in answered.values() for record in records]
    decisions = list(one_a_record(one for one in said if one is not None))
    verdicts = {one.record_id: one.verdict for one in decisions if one.verdict != "undecided"}
    corrections = {
        bare_words(one.question).casefold(): (one.record_id, bare_words(one.correction.text))
        for one in decisions
        if one.correction is not None and one.correction.standing == "accepted"
    }
    every: dict[str, tuple[JsonObject, Metadata]] = {
        key: (records[0]["fields"], records[0].get("metadata") or {}) for key, records in answered.items()
    }
    every |= {one.id: (one.fields, one.metadata) for one in outlines}
    found = queue_of(
        (
            replace(
                _candidate(kind, key, fields, metadata, corrections),
                verdict=verdicts.get(key, ""),
                is_answered=key in answered,
            )
            for key, (fields, metadata) in every.items()
        ),
        speaking(kind),
    )
    for outline in outlines:
        outline.metadata.pop(DECIDED_BY, None)
        outline.metadata |= found[outline.id]
    return decisions


def _candidate(
    kind: DatasetName,
    key: str,
    fields: JsonObject,
    metadata: Metadata,
    corrections: Mapping[str, tuple[str, str]],
) -> Candidate:
    """Near duplicates have a chunk's text in common, a query of one chunk, or a question with its answer.
    ``corrections`` are by their question: whose they are, and their words."""
    if kind == "chunks":
        return Candidate(key, "", fields.get("chunk", ""))
    if kind == "triplets":
        return Candidate(key, str(metadata.get("chunk_id", "")), fields["positive"])
    question, answer = str(metadata.get("question") or fields["instruction"]), answer_in(fields["response"])
    by, words = corrections.get(bare_words(question).casefold(), ("", ""))
    return Candidate(
        key,
        "",
        f"{question}\n{answer}",
        is_small_talk=is_empty_talk(question),
        corrected_by=by if words and words in bare_words(readable(answer)) else "",
    )
