"""Conversations that went wrong, and what people wrote that the bot should have answered."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from curation import CORRECTION, Chunk, Decision, Vote
from tests.training.material import conversation

WRITTEN = datetime(2026, 11, 29, 12, tzinfo=timezone.utc)


def corrected(
    chunk: Chunk,
    question: str,
    text: str,
    role: str = "owner",
    at: datetime = WRITTEN,
    others: Sequence[Chunk] = (),
    best: str = "",
) -> Decision:
    """A wrong answer from ``chunk`` with a correction; ``best`` is the source that was named, or "none"."""
    decision = conversation(chunk, question, "rejected", others, best)
    vote = Vote(
        question=CORRECTION,
        value=text,
        annotator="ada",
        annotator_id="ada",
        response_id=f"response-{question}-ada",
        at=at,
        role=role,
    )
    return decision.model_copy(update={"votes": (*decision.votes, vote)})


def taken_back(decision: Decision) -> Decision:
    """The same conversation without the correction."""
    votes = tuple(vote for vote in decision.votes if vote.question != CORRECTION)
    return decision.model_copy(update={"votes": votes})
