"""How far annotators agree: per question, per annotator, and with what was suggested to them."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import median

from pydantic import BaseModel, ConfigDict

from curation.agreement.alpha import Alpha, alpha_of
from curation.agreement.policies import most_said
from curation.records.decision import DatasetName, Decision, Vote
from curation.records.gold import gold_id
from curation.suggestions.choice import SIGNALS, read_guesses

_TRUSTED = ("owner", "admin")
LONGEST_BREAK = 300.0
"""Seconds between two answers of one person beyond which they did something else in between."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class QuestionAgreement(_Part):
    """How far people agree on one question."""

    dataset: DatasetName
    question: str
    answers: int
    alpha: Alpha


class AnnotatorAgreement(_Part):
    """How often one person said in ``compared`` answers what most of the others did (a tie is not compared),
    how many of ``gold`` answers to records with a known answer were right, and how many seconds lie between
    two of their answers, if they made no break (the median)."""

    annotator: str
    records: int
    compared: int
    agreed: int
    gold: int
    gold_right: int
    seconds: float | None


class Anchoring(_Part):
    """What people made of one agent's suggestions to one question: how many they kept of those shown, and how
    often they agreed with those that were held back. ``anchoring`` is the difference of the two shares."""

    agent: str
    question: str
    shown: int = 0
    kept: int = 0
    held_back: int = 0
    agreed: int = 0

    @property
    def anchoring(self) -> float | None:
        if not self.shown or not self.held_back:
            return None
        return self.kept / self.shown - self.agreed / self.held_back


class Agreement(_Part):
    """All of it."""

    questions: tuple[QuestionAgreement, ...]
    annotators: tuple[AnnotatorAgreement, ...]
    suggestions: tuple[Anchoring, ...]


def agreement_of(
    decisions: Sequence[Decision], questions: Iterable[str], gold: Iterable[Decision] = ()
) -> Agreement:
    """The agreement on those of ``questions`` that somebody answered. ``gold`` is what was said to gold
    records: right is what is known of the record that each is a copy of. The order of decisions and votes
    never matters."""
    wanted = set(questions)
    answers: dict[tuple[DatasetName, str], list[list[str]]] = defaultdict(list)
    for decision in decisions:
        for question in wanted & {vote.question for vote in decision.votes}:
            own = [vote.value for vote in decision.votes if vote.question == question]
            answers[decision.dataset, question].append(own)
    return Agreement(
        questions=tuple(
            QuestionAgreement(
                dataset=dataset, question=question, answers=sum(map(len, found)), alpha=alpha_of(found)
            )
            for (dataset, question), found in sorted(answers.items())
        ),
        annotators=_annotators(decisions, wanted, _gold(decisions, gold)),
        suggestions=_suggestions(decisions),
    )


def known_answers(decision: Decision) -> dict[str, str]:
    """What is known of a record: what an owner or admin said, else what two people or more said alike. The
    yes/no questions only, and nothing where one of them is not known."""
    found: dict[str, str] = {}
    for question in {vote.question for vote in decision.votes if vote.value in ("yes", "no")}:
        votes = [vote for vote in decision.votes if vote.question == question]
        trusted = [vote for vote in votes if vote.role in _TRUSTED]
        values = {vote.value for vote in trusted or votes}
        if len(values) != 1 or not (trusted or len({vote.annotator_id for vote in votes}) > 1):
            return {}
        found[question] = values.pop()
    return found


def _gold(decisions: Iterable[Decision], gold: Iterable[Decision]) -> Mapping[str, list[bool]]:
    """Annotator → whether each answer to a gold record was right. Who answered the record itself knows it,
    and is not measured by it."""
    originals = {gold_id(one.record_id): one for one in decisions}
    right: dict[str, list[bool]] = defaultdict(list)
    for one in gold:
        original = originals.get(one.record_id)
        known = known_answers(original) if original else {}
        aware = {vote.annotator_id for vote in original.votes} if original else set()
        for vote in one.votes:
            if vote.question in known and vote.annotator_id not in aware:
                right[vote.annotator].append(vote.value == known[vote.question])
    return right


def _annotators(
    decisions: Sequence[Decision], wanted: set[str], gold: Mapping[str, list[bool]]
) -> tuple[AnnotatorAgreement, ...]:
    records, compared, agreed = Counter[str](), Counter[str](), Counter[str]()
    times: dict[str, set[float]] = defaultdict(set)
    for decision in decisions:
        records.update(decision.annotators)
        for vote in decision.votes:
            if vote.at is not None:
                times[vote.annotator].add(vote.at.timestamp())
            others = _majority_of_others(decision.votes, vote) if vote.question in wanted else None
            if others is not None:
                compared[vote.annotator] += 1
                agreed[vote.annotator] += others == vote.value
    return tuple(
        AnnotatorAgreement(
            annotator=name,
            records=count,
            compared=compared[name],
            agreed=agreed[name],
            gold=len(gold.get(name, ())),
            gold_right=sum(gold.get(name, ())),
            seconds=_between(sorted(times[name])),
        )
        for name, count in sorted({**dict.fromkeys(gold, 0), **records}.items())
    )


def _majority_of_others(votes: Sequence[Vote], own: Vote) -> str | None:
    others = (vote for vote in votes if vote.annotator_id != own.annotator_id)
    return most_said(Counter(vote.value for vote in others if vote.question == own.question))


def _between(times: Sequence[float]) -> float | None:
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    worked = [gap for gap in gaps if gap <= LONGEST_BREAK]
    return round(median(worked), 1) if worked else None


def _suggestions(decisions: Sequence[Decision]) -> tuple[Anchoring, ...]:
    counted: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for decision in decisions:
        for question, guess in read_guesses(decision.metadata.get(SIGNALS)).items():
            for vote in decision.votes:
                if vote.question == question and (guess.shown or guess.control):
                    row = counted[guess.agent, question]
                    all_of_them, same = ("shown", "kept") if guess.shown else ("held_back", "agreed")
                    row[all_of_them] += 1
                    row[same] += vote.value == guess.value
    return tuple(
        Anchoring(agent=agent, question=question, **row) for (agent, question), row in sorted(counted.items())
    )
