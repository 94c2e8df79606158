"""What the annotators said about one record."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id, normalise

DatasetName = Literal["chunks", "triplets", "conversations"]
Verdict = Literal["accepted", "rejected", "undecided"]
Standing = Literal["accepted", "conflict", "unused"]
Acceptance = Literal["first", "majority", "unanimous", "weighted", "adjudicated"]

# Questions to a conversation.
BEST_SOURCE = "best_source"  # the number of a passage, or
NO_SOURCE = "none"
OTHER_SOURCE = "other_source"  # where the answer is, if in none of them: an address, a path or a heading
CORRECTION = "correction"  # what the answer should have been
LONGEST_CORRECTION = 4_000  # characters; more is as long as a book


class Vote(BaseModel):
    """One annotator's submitted answer to one question.

    ``response_id`` and ``annotator_id`` (the user's id) are Argilla's. ``annotator`` is the user's name and
    ``role`` is owner, admin or annotator ("" where Argilla does not say); both may change. ``at`` is when the
    response was last changed; None where Argilla does not say.
    """

    model_config = ConfigDict(frozen=True)

    question: str
    value: str
    annotator: str
    annotator_id: str
    response_id: str
    at: datetime | None = None
    role: str = ""

    @property
    def given(self) -> tuple[bool, float, str]:
        """What votes are ordered by in time; those without one come last."""
        return self.at is None, self.at.timestamp() if self.at else 0.0, self.response_id


class Correction(BaseModel):
    """What an answer should have been, as annotators wrote it.

    ``standing`` is ``conflict`` where they wrote different ones, ``unused`` where none counts; ``reason``
    says why. ``text``, ``role`` and ``at`` are those of who wrote it first.
    """

    model_config = ConfigDict(frozen=True)

    standing: Standing
    text: str
    reason: str = ""
    role: str = ""
    at: datetime | None = None


class Decision(BaseModel):
    """What the annotators decided about one record of one dataset.

    ``record_id`` is our content-hash id (Argilla's external id). ``values`` holds the winning value of each
    question; a question that ended in a tie is left out. ``agreement`` is the share of votes that went to the
    winners, from 0 to 1 (1.0 with a single annotator). ``verdict`` and ``reason`` say what follows and why.
    ``fields`` and ``metadata`` are the record's, as the annotators saw them. ``place`` is the chunk that was
    found for what annotators wrote instead of a number, ``astray`` why nothing was found (see
    curation.documents.naming); both are empty until somebody looks. ``policy`` is what made one value of
    several answers (curation.agreement.policies).
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
    place: str = ""
    astray: str = ""
    policy: Acceptance = "majority"

    @property
    def annotators(self) -> tuple[str, ...]:
        return tuple(sorted({vote.annotator for vote in self.votes}))

    @property
    def named_source(self) -> str | None:
        """The chunk that annotators named as the source that answers a conversation's question, by its
        number or by its place. "" when they said that none does; None when they named none, or what is not
        there."""
        named = self.values.get(BEST_SOURCE)
        if self.dataset != "conversations" or self.astray:
            return None
        return self.place or (None if named is None else self.numbered(named))

    @property
    def sources_with_votes(self) -> frozenset[str]:
        """The chunks that at least one annotator named as the source that answers."""
        named = (self.numbered(vote.value) for vote in self.votes if vote.question == BEST_SOURCE)
        return frozenset(chunk_id for chunk_id in (*named, self.place) if chunk_id)

    @property
    def correction(self) -> Correction | None:
        """What the answer should have been; None where nobody wrote it.

        One is accepted if the majority judged the answer wrong, and it is the only one or all say the same
        but for case and white space. One that is too long counts for nothing.
        """
        own = (vote for vote in self.votes if vote.question == CORRECTION)
        written = sorted(own, key=lambda vote: vote.given)
        if self.dataset != "conversations" or not written:
            return None
        usable = [vote for vote in written if len(vote.value.strip()) <= LONGEST_CORRECTION]
        first = (usable or written)[0]
        standing: Standing = "unused"
        if self.values.get("is_response_correct") != "no":
            reason = "the answer was corrected, but the majority did not judge it wrong"
        elif not usable:
            length = len(first.value.strip())
            reason = f"the correction is as long as a book: {length} characters of {LONGEST_CORRECTION}"
        elif (count := len({normalise(vote.value) for vote in usable})) > 1:
            standing, reason = "conflict", f"annotators wrote {count} different corrections"
        else:
            standing, reason = "accepted", ""
        return Correction(
            standing=standing, text=first.value.strip(), reason=reason, role=first.role, at=first.at
        )

    @property
    def chunk_id(self) -> str:
        """The chunk that was judged: a triplet's chunk, or a conversation's named source, else its first
        source. "" where there is none."""
        return self.named_source or str(self.metadata.get("chunk_id", ""))

    @property
    def question(self) -> str:
        """What was asked; "" for a chunk. A conversation's question comes from its metadata, because the
        field shows the whole history in Markdown. Of a follow-up it is what the bot took it for: alone, "and
        on Windows?" would teach that any page about Windows answers it."""
        if self.dataset == "triplets":
            return self.fields.get("positive", "")
        asked = self.metadata.get("meant") or self.metadata.get("question")
        return str(asked or self.fields.get("instruction", ""))

    @property
    def affirms(self) -> bool:
        """Whether it says that ``chunk_id`` answers the question. An accepted triplet or conversation says
        so, and so does a rejected conversation whose right source was named, unless it was out of bounds."""
        if self.astray:
            return False
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

    def numbered(self, named: str) -> str | None:
        """The chunk that an answer to ``best_source`` names: "" for none, None for what is not there."""
        if named == NO_SOURCE:
            return ""
        offered = str(self.metadata.get("offered", "")).split()
        place = int(named) if named.isdecimal() and len(named) < 4 else 0
        return offered[place - 1] if 1 <= place <= len(offered) else None
