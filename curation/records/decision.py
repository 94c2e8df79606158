"""What the annotators said about one record."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id

DatasetName = Literal["chunks", "triplets", "conversations"]
Verdict = Literal["accepted", "rejected", "undecided"]

BEST_SOURCE = "best_source"  # the question to a conversation: the number of a source, or
NO_SOURCE = "none"


class Vote(BaseModel):
    """One annotator's submitted answer to one question.

    ``response_id`` and ``annotator_id`` (the user's id) are Argilla's. ``annotator`` is the user's name,
    which may change. ``at`` is when the response was last changed; None where Argilla does not say.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    value: str
    annotator: str
    annotator_id: str
    response_id: str
    at: datetime | None = None


class Decision(BaseModel):
    """What the annotators decided about one record of one dataset.

    ``record_id`` is our content-hash id (Argilla's external id). ``values`` holds the winning value of each
    question; a question that ended in a tie is left out. ``agreement`` is the share of votes that went to the
    winners, from 0 to 1 (1.0 with a single annotator). ``verdict`` and ``reason`` say what follows and why.
    ``fields`` and ``metadata`` are the record's, as the annotators saw them.
    """

    model_config = ConfigDict(frozen=True)

    record_id: str
    dataset: DatasetName
    values: dict[str, str]
    votes: tuple[Vote, ...]
    agreement: float
    verdict: Verdict
    reason: str
    fields: dict[str, str] = {}
    metadata: dict[str, str | int | float] = {}

    @property
    def annotators(self) -> tuple[str, ...]:
        return tuple(sorted({vote.annotator for vote in self.votes}))

    @property
    def named_source(self) -> str | None:
        """The chunk that annotators named as the source that answers a conversation's question. "" when
        they said that none does; None when they named none, or a number that is not there."""
        named = self.values.get(BEST_SOURCE)
        return None if self.dataset != "conversations" or named is None else self._source(named)

    @property
    def sources_with_votes(self) -> frozenset[str]:
        """The chunks that at least one annotator named as the source that answers."""
        named = (self._source(vote.value) for vote in self.votes if vote.question == BEST_SOURCE)
        return frozenset(chunk_id for chunk_id in named if chunk_id)

    @property
    def chunk_id(self) -> str:
        """The chunk that was judged: a triplet's chunk, or a conversation's named source, else its first
        source. "" where there is none."""
        return self.named_source or str(self.metadata.get("chunk_id", ""))

    @property
    def question(self) -> str:
        """What was asked; "" for a chunk. A conversation's question comes from its metadata, because the
        field shows the whole history in Markdown."""
        if self.dataset == "triplets":
            return self.fields.get("positive", "")
        return str(self.metadata.get("question") or self.fields.get("instruction", ""))

    @property
    def affirms(self) -> bool:
        """Whether it says that ``chunk_id`` answers the question. An accepted triplet or conversation says
        so, and so does a rejected conversation whose right source was named, unless it was out of bounds."""
        if self.verdict == "accepted":
            return self.dataset != "chunks" and self.named_source != ""
        return (
            self.verdict == "rejected"
            and bool(self.named_source)
            and self.values.get("out_of_guardrails") != "yes"
        )

    @property
    def last_answer(self) -> datetime | None:
        """When somebody last changed an answer to this record."""
        return max((vote.at for vote in self.votes if vote.at is not None), default=None)

    @property
    def fingerprint(self) -> str:
        """Changes whenever somebody's answer to this record changes, and not when a user gets another
        name: answers count by Argilla's response id, which belongs to one user and one record."""
        answers = sorted(f"{vote.question}\t{vote.value}\t{vote.response_id}" for vote in self.votes)
        return content_id("answers", self.dataset, self.record_id, *answers)

    def _source(self, named: str) -> str | None:
        """The chunk that an answer to ``best_source`` names."""
        if named == NO_SOURCE:
            return ""
        cited = str(self.metadata.get("cited", "")).split()
        place = int(named) if named.isdecimal() else 0
        return cited[place - 1] if 1 <= place <= len(cited) else None
