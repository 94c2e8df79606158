"""What the annotators said about one record."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from curation.records.identity import content_id

DatasetName = Literal["chunks", "triplets", "conversations"]
Verdict = Literal["accepted", "rejected", "undecided"]

BEST_SOURCE = "best_source"  # the question to a conversation: the number of a source, or
NO_SOURCE = "none"


class Vote(BaseModel):
    """One annotator's submitted answer to one question. ``response_id``, ``annotator`` (user name, which may change),
    ``annotator_id`` (user id; "" in what earlier versions wrote) and ``at`` (when the response was last changed; None
    where nobody noted it) are Argilla's."""

    model_config = ConfigDict(frozen=True)

    question: str
    value: str
    annotator: str
    response_id: str
    at: datetime | None = None
    annotator_id: str = ""

    @property
    def person(self) -> str:
        """Who answered, whatever they are called: the user id, or the name where there is none."""
        return self.annotator_id or self.annotator

    def is_by(self, name: str) -> bool:
        """Whether ``name`` is the annotator's name, their user id, or what they go by where nobody knows their name."""
        if name == self.annotator:
            return True
        return bool(self.annotator_id) and name in (self.annotator_id, nameless(self.annotator_id))


def nameless(annotator_id: str) -> str:
    """What somebody goes by whose name Argilla does not tell: an admin's key sees the workspace's members only."""
    return f"user-{annotator_id[:8]}"


class Decision(BaseModel):
    """The outcome for one record of one dataset.

    ``record_id`` is our content-hash id (Argilla's external id). ``values`` holds the value that won per question
    (a tie leaves the question out). ``agreement`` is the share of votes that went to the winners, 0 to 1; 1.0 with a
    single annotator. ``verdict`` and ``reason`` say what follows and why. ``fields`` and ``metadata`` are the record's,
    as the annotators saw them.
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
        """The chunk that annotators named as the source that answers a conversation's question; "" when they said that
        none does, None when they said nothing, or named a number that the answer does not have."""
        named = self.values.get(BEST_SOURCE)
        return None if self.dataset != "conversations" or named is None else self._source(named)

    @property
    def sources_with_votes(self) -> frozenset[str]:
        """The chunks that at least one annotator named as the source that answers, whichever won."""
        named = (self._source(vote.value) for vote in self.votes if vote.question == BEST_SOURCE)
        return frozenset(chunk_id for chunk_id in named if chunk_id)

    @property
    def chunk_id(self) -> str:
        """The chunk that the decision says something about: a triplet's, the source that was named, else the first one. ""
        where there is none."""
        return self.named_source or str(self.metadata.get("chunk_id", ""))

    @property
    def question(self) -> str:
        """What was asked; "" of a chunk. A conversation's field shows the whole history in Markdown; its metadata has the
        question itself."""
        if self.dataset == "triplets":
            return self.fields.get("positive", "")
        return str(self.metadata.get("question") or self.fields.get("instruction", ""))

    @property
    def affirms(self) -> bool:
        """Whether it says of ``chunk_id`` that it answers the question: what was accepted, and a conversation that went wrong
        whose right source was named. What left the subject affirms nothing."""
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
        """Changes whenever somebody's answer to this record changes, and not when somebody is called otherwise: an answer
        goes by Argilla's response id, which is one person's for one record."""
        said = ((vote.question, vote.value, vote.response_id) for vote in self.votes)
        return fingerprint_by_response(self.dataset, self.record_id, said)

    @property
    def fingerprint_by_name(self) -> str:
        """What versions that went by user names called the fingerprint."""
        said = ((vote.question, vote.value, vote.annotator) for vote in self.votes)
        return fingerprint_by_name(self.dataset, self.record_id, said)

    @property
    def fingerprints(self) -> frozenset[str]:
        """Under which these answers may be known already."""
        return frozenset((self.fingerprint, self.fingerprint_by_name))

    def is_among(self, fingerprints: Collection[str]) -> bool:
        """Whether these answers are known: whether one of their fingerprints is among those (a set is best)."""
        return self.fingerprint in fingerprints or self.fingerprint_by_name in fingerprints

    def _source(self, named: str) -> str | None:
        """The chunk that an answer to ``best_source`` stands for."""
        if named == NO_SOURCE:
            return ""
        cited = str(self.metadata.get("cited", "")).split()
        place = int(named) if named.isdecimal() else 0
        return cited[place - 1] if 1 <= place <= len(cited) else None


def fingerprint_by_response(dataset: str, record_id: str, said: Iterable[tuple[str, str, str]]) -> str:
    """Of the answers to a record: (question, value, response id) each, in any order."""
    return content_id("answers", dataset, record_id, *_lines(said))


def fingerprint_by_name(dataset: str, record_id: str, said: Iterable[tuple[str, str, str]]) -> str:
    """Of the answers to a record: (question, value, user name) each, in any order."""
    return content_id("decision", dataset, record_id, *_lines(said))


def _lines(said: Iterable[tuple[str, str, str]]) -> list[str]:
    return sorted("\t".join(one) for one in said)
