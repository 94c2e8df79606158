"""Wrong answers become questions about the search: triplets with the passages that may have been right."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from curation.argilla.schemas import YES
from curation.records.decision import OTHER_SOURCE, Decision
from curation.records.triplet import Triplet

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus

MOST_PASSAGES = 3  # of one question


def triplets_of_turns(decisions: Iterable[Decision], corpus: Corpus) -> list[Triplet]:
    """For each rejected conversation whose right source nobody named, its question with each of the best
    passages that were offered: who answers these says which the search should have put first.

    None for what was out of bounds, for "none of the passages", and for follow-ups, which nobody understands
    alone.
    """
    made = []
    for one in decisions:
        is_named = one.named_source is not None or any(vote.question == OTHER_SOURCE for vote in one.votes)
        is_out = one.values.get("out_of_guardrails") == YES
        if one.dataset != "conversations" or one.verdict != "rejected" or is_named or is_out:
            continue
        question = str(one.metadata.get("question", "")).strip()
        if not question or one.metadata.get("turn"):
            continue
        offered = (corpus.by_id.get(key) for key in str(one.metadata.get("offered", "")).split())
        for chunk in [chunk for chunk in offered if chunk is not None][:MOST_PASSAGES]:
            made.append(
                Triplet(
                    id=Triplet.make_id(chunk.id, question, ""),
                    chunk_id=chunk.id,
                    anchor=chunk.text,
                    positive=question,
                    origin="conversation",
                    path=chunk.path,
                    section=chunk.heading,
                )
            )
    return made
