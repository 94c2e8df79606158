"""One value from the answers of several annotators.

* label: majority; majority_weighted (Wawa, as in crowd-kit: a vote weighs what its annotator agrees with the
  plain majority); disagreement (each answer is an example of its own).
* multi-label: the same for each label: it holds if more than half (of votes, or of their weight) chose it.
* rating: majority, mean, min, max, disagreement.
* ranking: an option's place comes from its mean (Borda), best (min) or worst (max) rank, or from how often it
  was put first (majority).
* span: majority by overlap: spans of one label that overlap are one span if more than half of the annotators
  marked it; its limits are those most of them gave, else those that overlap the others' most (Jaccard).
* text: first (of those submitted) or all.

A tie under "majority" is an error: whichever value were taken, nobody would have decided it.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curation import SettingsError
from training.tasks.rows import Answer, Question, QuestionType, Row

# For each type of question its strategies, the default first.
STRATEGIES: Mapping[QuestionType, tuple[str, ...]] = {
    "label_selection": ("majority", "majority_weighted", "disagreement"),
    "multi_label_selection": ("majority", "majority_weighted", "disagreement"),
    "rating": ("majority", "mean", "min", "max", "disagreement"),
    "ranking": ("majority", "mean", "min", "max"),
    "span": ("majority",),
    "text": ("first", "all"),
}
_HALF = 0.5
_TIE_HINTS = {
    **dict.fromkeys(
        ("label_selection", "multi_label_selection"),
        'label_strategy="majority_weighted" decides ties by how reliable each annotator is, "disagreement" '
        "makes an example of each answer",
    ),
    "rating": 'label_strategy="mean", "min" or "max" has no ties, "disagreement" makes an example of each '
    "answer",
    "ranking": 'label_strategy="mean" has fewer ties',
}


@dataclass(frozen=True)
class Unification:
    """What became of the answers to one question. ``values`` holds, for each record with an answer, its value
    or values."""

    question: str
    strategy: str
    values: Mapping[str, list[Any]]
    answered: int
    several: int
    differed: int

    def describe(self) -> str:
        """For the model card."""
        return (
            f"{self.question}: {self.strategy}. {self.answered:,} records have an answer, {self.several:,} "
            f"of them several; in {self.differed:,} these differ."
        )


def check_strategy(question: Question, strategy: str | None) -> str:
    """``strategy``, or the default. Raises SettingsError for one that the question's type does not have."""
    known = STRATEGIES[question.type]
    if strategy is None:
        return known[0]
    if strategy not in known:
        raise SettingsError(
            f"The strategy {strategy!r} cannot unify the question {question.name!r} ({question.type}).",
            f"It is one of {', '.join(known)}.",
        )
    return strategy


def unify(question: Question, strategy: str, rows: Sequence[Row]) -> Unification:
    """Unify the answers of all ``rows`` to ``question``. Raises SettingsError for a tie under "majority"."""
    answered = {row.id: answers for row in rows if (answers := row.answers.get(question.name))}
    if strategy in ("disagreement", "all"):
        values = {key: [one.value for one in answers] for key, answers in answered.items()}
    elif strategy == "first":
        values = {key: [answers[0].value] for key, answers in answered.items()}
    elif strategy == "majority_weighted":
        values = _weighted(question, answered)
    else:
        values = {}
        for key, answers in answered.items():
            try:
                values[key] = [_UNIFY[question.type](question, strategy, answers)]
            except _TieError as tie:
                raise _tie(question, key, str(tie)) from None
    several = [answers for answers in answered.values() if len(answers) > 1]
    differed = sum(any(_key(one.value) != _key(answers[0].value) for one in answers) for answers in several)
    return Unification(question.name, strategy, values, len(answered), len(several), differed)


def first_place(value: Mapping[str, float], question: Question, record: str) -> str:
    """The option that a unified ranking puts first. Raises SettingsError where several share that place."""
    best = sorted(_firsts(value))
    if len(best) > 1:
        raise _tie(question, record, f"the first place is shared by {' and '.join(best)}")
    return best[0]


class _TieError(Exception):
    """Says between what."""


def _tie(question: Question, record: str, between: str) -> SettingsError:
    return SettingsError(
        f"Record {record!r}: the answers to {question.name!r} are tied: {between}.",
        f"{_TIE_HINTS[question.type]}; or decide in a formatting_func, which may return None.",
    )


def _label(question: Question, strategy: str, answers: Sequence[Answer]) -> Any:
    votes = Counter(one.value for one in answers).most_common()
    best = [value for value, count in votes if count == votes[0][1]]
    if len(best) > 1:
        raise _TieError(f"{votes[0][1]} for each of {', '.join(sorted(map(str, best)))}")
    return best[0]


def _labels(question: Question, strategy: str, answers: Sequence[Answer]) -> list[str]:
    kept = []
    for option in question.options:
        votes = sum(option in one.value for one in answers)
        if 2 * votes == len(answers):
            raise _TieError(f"{votes} of {len(answers)} chose {option}")
        if 2 * votes > len(answers):
            kept.append(option)
    return kept


def _rating(question: Question, strategy: str, answers: Sequence[Answer]) -> float:
    if strategy == "majority":
        return float(_label(question, strategy, answers))
    return float(_SCORES[strategy]([one.value for one in answers]))


def _ranking(question: Question, strategy: str, answers: Sequence[Answer]) -> dict[str, float]:
    """Places by score: those who share a score share a place."""
    scores: dict[str, float] = {}
    for option in question.options:
        ranks = [one.value[option] for one in answers if option in one.value]
        if strategy == "majority":
            scores[option] = -sum(option in _firsts(one.value) for one in answers)
        elif ranks:
            scores[option] = _SCORES[strategy](ranks)
    return {option: 1.0 + sum(other < score for other in scores.values()) for option, score in scores.items()}


def _firsts(ranks: Mapping[str, float]) -> set[str]:
    return {option for option, rank in ranks.items() if rank == min(ranks.values())}


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers)


_SCORES: Mapping[str, Callable[[Sequence[float]], float]] = {"mean": _mean, "min": min, "max": max}


def _spans(question: Question, strategy: str, answers: Sequence[Answer]) -> list[dict[str, Any]]:
    if len(answers) == 1:  # may overlap each other, where the question allows it
        kept = [dict(span) for span in answers[0].value]
        return sorted(kept, key=lambda one: (one["start"], one["end"], one["label"]))
    kept = []
    for label, several in _by_label(answers).items():
        for together in _overlapping(several):
            if 2 * len({user for user, _, _ in together}) > len(answers):
                start, end = _limits(together)
                kept.append({"start": start, "end": end, "label": label})
    return sorted(kept, key=lambda one: (one["start"], one["end"], one["label"]))


_Marked = tuple[str, int, int]  # user, start, end


def _by_label(answers: Sequence[Answer]) -> dict[str, list[_Marked]]:
    made: dict[str, list[_Marked]] = defaultdict(list)
    for one in answers:
        for span in one.value:
            made[span["label"]].append((one.user, span["start"], span["end"]))
    return made


def _overlapping(spans: Sequence[_Marked]) -> Iterator[list[_Marked]]:
    """Groups of spans, each of which overlaps another one of its group."""
    group: list[_Marked] = []
    for span in sorted(spans, key=lambda one: (one[1], one[2])):
        if group and span[1] >= max(end for _, _, end in group):
            yield group
            group = []
        group.append(span)
    if group:
        yield group


def _limits(together: Sequence[_Marked]) -> tuple[int, int]:
    votes = Counter((start, end) for _, start, end in together)

    def overlap(limits: tuple[int, int]) -> float:
        return sum(count * _jaccard(limits, other) for other, count in votes.items())

    return max(votes, key=lambda limits: (votes[limits], overlap(limits), -limits[0], limits[1]))


def _jaccard(one: tuple[int, int], other: tuple[int, int]) -> float:
    shared = max(0, min(one[1], other[1]) - max(one[0], other[0]))
    return shared / (one[1] - one[0] + other[1] - other[0] - shared) if shared else 0.0


_UNIFY: Mapping[QuestionType, Callable[[Question, str, Sequence[Answer]], Any]] = {
    "label_selection": _label,
    "multi_label_selection": _labels,
    "rating": _rating,
    "ranking": _ranking,
    "span": _spans,
}


def _weighted(question: Question, answered: Mapping[str, Sequence[Answer]]) -> dict[str, list[Any]]:
    weights = _weights(question, answered)
    if question.type == "multi_label_selection":
        return {key: [_weighted_labels(question, answers, weights)] for key, answers in answered.items()}
    frequency = Counter(one.value for answers in answered.values() for one in answers)
    made = {}
    for key, answers in answered.items():
        votes: dict[Any, float] = defaultdict(float)
        for one in answers:
            votes[one.value] += weights[one.user]
        # Equal weights: the label that is more frequent in the dataset, then the first of the question's.
        order = {value: -place for place, value in enumerate(question.options)}
        made[key] = [max(votes, key=lambda value: (votes[value], frequency[value], order.get(value, 0)))]
    return made


def _weighted_labels(
    question: Question, answers: Sequence[Answer], weights: Mapping[str, float]
) -> list[str]:
    whole = sum(weights[one.user] for one in answers)
    return [
        option
        for option in question.options
        if sum(weights[one.user] for one in answers if option in one.value) > _HALF * whole
    ]


def _weights(question: Question, answered: Mapping[str, Sequence[Answer]]) -> dict[str, float]:
    """How much of what an annotator said the majority says too; one who never answered together with others
    weighs as the rule of succession has it: one half."""
    agreed: Counter[str] = Counter()
    asked: Counter[str] = Counter()
    for answers in answered.values():
        for one in answers:
            asked[one.user] += 0
            others = [other for other in answers if other is not one]
            for mine, theirs in _votes(question, one, others):
                asked[one.user] += 1
                agreed[one.user] += mine == theirs
    return {user: (agreed[user] + 1) / (asked[user] + 2) for user in asked}


def _votes(question: Question, one: Answer, others: Sequence[Answer]) -> Iterator[tuple[Any, Any]]:
    """What an annotator said beside what the majority of the others did; ties say nothing."""
    if not others:
        return
    if question.type == "multi_label_selection":
        for option in question.options:
            chosen = sum(option in other.value for other in others)
            if 2 * chosen != len(others):
                yield option in one.value, 2 * chosen > len(others)
        return
    try:
        theirs = _label(question, "majority", others)
    except _TieError:
        return
    yield one.value, theirs


def _key(value: Any) -> str:
    """Equal for answers that say the same."""
    if isinstance(value, list):
        return repr(sorted(map(repr, value)))
    return repr(sorted(value.items())) if isinstance(value, dict) else repr(value)
