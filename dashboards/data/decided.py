"""What the decisions tell about those who made them. Each is worked out when it is first looked at, and kept
until somebody decides again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from functools import cached_property
from itertools import combinations

from curation import SIMULATED_ANNOTATOR, Decision, Vote, label_questions, read_guesses, unsettled_questions

RATE_DAYS = 7  # the days from which the pace is taken


@dataclass(frozen=True)
class Pair:
    """How often two people gave the same answer to a question, of the records that both answered; ``same``
    are those, ``apart`` those where they did not."""

    dataset: str
    question: str
    people: tuple[str, str]
    same: Sequence[Decision]
    apart: Sequence[Decision]

    @property
    def records(self) -> int:
        """What both answered."""
        return len(self.same) + len(self.apart)


@dataclass(frozen=True)
class Conflict:
    """A record that people answered differently. ``unsettled``: questions that wait for a reviewer."""

    decision: Decision
    questions: Sequence[str]
    said: str
    unsettled: Sequence[str]


@dataclass(frozen=True)
class Suggested:
    """What became of one agent's suggestions to a question; ``unseen`` are the records of the control group,
    where it was held back."""

    agent: str
    question: str
    dataset: str
    kept: list[Decision] = field(default_factory=list)
    changed: list[Decision] = field(default_factory=list)
    unseen_same: list[Decision] = field(default_factory=list)
    unseen_other: list[Decision] = field(default_factory=list)

    @property
    def led(self) -> float | None:
        """The share kept − the share that people agreed with unseen; None where one of them is of nothing."""
        shown, unseen = len(self.kept) + len(self.changed), len(self.unseen_same) + len(self.unseen_other)
        return len(self.kept) / shown - len(self.unseen_same) / unseen if shown and unseen else None


class Decided:
    """All decisions, as Argilla has them."""

    def __init__(self, every: Sequence[Decision] = ()) -> None:
        self.every = every

    @cached_property
    def days(self) -> Mapping[tuple[date, str, str], int]:
        """(day, annotator, dataset) → records that they answered then, by their last change."""
        found: Counter[tuple[date, str, str]] = Counter()
        for one in self.every:
            last = {vote.annotator: vote.at for vote in one.votes if vote.at is not None}
            found.update((at.astimezone(timezone.utc).date(), who, one.dataset) for who, at in last.items())
        return found

    @cached_property
    def answered(self) -> Mapping[tuple[str, str], Sequence[Decision]]:
        """(annotator, dataset) → what they answered."""
        found: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        for one in self.every:
            for who in one.annotators:
                found[who, one.dataset].append(one)
        return found

    def pace(self, dataset: str, now: datetime) -> float:
        """Records of ``dataset`` that people answered a day, over the last ``RATE_DAYS``."""
        since = now.date() - timedelta(days=RATE_DAYS)
        counted = (
            count
            for (day, who, about), count in self.days.items()
            if about == dataset and who != SIMULATED_ANNOTATOR and since < day <= now.date()
        )
        return sum(counted) / RATE_DAYS

    @cached_property
    def twice(self) -> Mapping[tuple[str, str], Sequence[Decision]]:
        """(dataset, question) → the records on which two people or more answered it."""
        found: dict[tuple[str, str], list[Decision]] = defaultdict(list)
        for one in self.every:
            for question, votes in _by_question(one).items():
                if len(votes) > 1:
                    found[one.dataset, question].append(one)
        return found

    @cached_property
    def pairs(self) -> Sequence[Pair]:
        """Of each question and each two people who answered the same records, the most apart first."""
        both: dict[tuple[str, str, tuple[str, str]], tuple[list[Decision], list[Decision]]] = {}
        for one in self.every:
            for question, votes in _by_question(one).items():
                for first, second in combinations(votes, 2):
                    people = sorted((first.annotator, second.annotator))
                    key = one.dataset, question, (people[0], people[1])
                    same, apart = both.setdefault(key, ([], []))
                    (same if first.value == second.value else apart).append(one)
        found = [Pair(*key, *parts) for key, parts in both.items()]
        return sorted(found, key=lambda pair: -len(pair.apart) / pair.records)

    @cached_property
    def conflicts(self) -> Sequence[Conflict]:
        """The last answered first."""
        found = []
        for one in self.every:
            votes = _by_question(one)
            apart = [name for name, given in votes.items() if len({vote.value for vote in given}) > 1]
            if apart:
                said = "; ".join(
                    f"{name}: {', '.join(f'{vote.annotator} {vote.value}' for vote in votes[name])}"
                    for name in apart
                )
                found.append(Conflict(one, apart, said, unsettled_questions(one)))
        return sorted(found, key=lambda conflict: _last(conflict.decision), reverse=True)

    @cached_property
    def suggested(self) -> Sequence[Suggested]:
        """One for each agent and question, by their names. A record counts once for each person."""
        found: dict[tuple[str, str, str], Suggested] = {}
        for one in self.every:
            votes = _by_question(one)
            for question, guess in read_guesses(one.metadata.get("signals")).items():
                if not (guess.shown or guess.control):
                    continue
                key = guess.agent, question, one.dataset
                row = found.setdefault(key, Suggested(*key))
                for vote in votes.get(question, ()):
                    same, other = (
                        (row.kept, row.changed) if guess.shown else (row.unseen_same, row.unseen_other)
                    )
                    (same if vote.value == guess.value else other).append(one)
        return [found[key] for key in sorted(found)]


def _by_question(decision: Decision) -> Mapping[str, Sequence[Vote]]:
    """The answers to each question that has values to choose."""
    found: dict[str, list[Vote]] = defaultdict(list)
    for vote in decision.votes:
        if vote.question in _LABELS:
            found[vote.question].append(vote)
    return found


_LABELS = frozenset(label_questions())


def _last(decision: Decision) -> float:
    return decision.last_answer.timestamp() if decision.last_answer else 0.0
