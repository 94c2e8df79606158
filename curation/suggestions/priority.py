"""Which record next: several strategies, and the mean of what those say that have something to say.

Each gives a record a number from 0 (any other first) to 1 (this one first), from what the record remembers,
or None. Each alone has a blind side: uncertainty asks about oddities, wrong answers about what is loud.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from statistics import fmean

from curation.suggestions.choice import Guesses
from curation.suggestions.scorer import COLD_SCORERS

Strategy = Callable[[Guesses], float | None]

NOT_ASKED = 0.0
_LEAST, _DECIMALS = 0.001, 3
_EMPTY_TALK = re.compile(
    r"\W*(?:(?:hi|hello|hey|hallo|good (?:morning|day|afternoon|evening)|"
    r"thanks?(?: you)?(?: (?:so|very) much)?|thx|"
    r"ok(?:ay)?|cool|great|nice|bye|goodbye|yes|no|test(?:ing)?|who are you|how are you|what can you do|"
    r"there|bot|all|everybody|again|a lot)\b\W*)+",
    re.IGNORECASE,
)


def uncertainty(guesses: Guesses) -> float | None:
    """The nearer to even, the sooner (Lewis and Gale 1994, "A sequential algorithm for training text
    classifiers")."""
    known = [one.probability for one in guesses.values() if one.probability is not None and one.features]
    return max(1 - abs(2 * probability - 1) for probability in known) if known else None


def disagreement(guesses: Guesses) -> float | None:
    """The further apart the rule and what was learned are, the sooner (Seung, Opper and Sompolinsky 1992,
    "Query by committee")."""
    apart = []
    for question, one in guesses.items():
        cold = COLD_SCORERS.get(question)
        if cold is None or one.probability is None or one.agent == cold.agent or not one.features:
            continue
        before = cold.probability(one.features)
        if before is not None:
            apart.append(abs(one.probability - before))
    return max(apart) if apart else None


def expected_gain(guesses: Guesses) -> float | None:
    """What the search would learn from a yes, times how probable that is: the further down it finds a query's
    chunk, the more (Settles 2009, "Active learning literature survey", expected model change)."""
    one = guesses.get("is_positive_relevant")
    if one is None or "depth" not in one.features:
        return None
    if one.features.get("first"):
        return 0.0
    return (0.5 if one.probability is None else one.probability) * min(1.0, 2 * one.features["depth"])


def went_wrong(guesses: Guesses) -> float | None:
    """Answers that probably went wrong: the bot refused beside something similar, or said what its sources do
    not."""
    features = guesses["is_response_correct"].features if "is_response_correct" in guesses else {}
    if "refused" not in features:
        return None
    if features["refused"]:
        return min(1.0, max(0.0, features["score"]))
    return 1 - features["grounded"]


_STRATEGIES: tuple[Strategy, ...] = (uncertainty, disagreement, expected_gain, went_wrong)


def priority(guesses: Guesses) -> float:
    """What the queue is sorted by: more than ``NOT_ASKED`` and at most 1. What a visitor did not find helpful
    comes before all that a machine suspects."""
    answer = guesses.get("is_response_correct")
    if answer is not None and answer.features.get("thumb", 0.0) < 0:
        return 1.0
    said = [worth for strategy in _STRATEGIES if (worth := strategy(guesses)) is not None]
    return round(min(1.0, max(_LEAST, fmean(said) if said else 0.5)), _DECIMALS)


def is_empty_talk(question: str) -> bool:
    """Whether a message is a greeting, thanks, or nothing that an answer could be judged for."""
    return not re.search(r"\w", question) or _EMPTY_TALK.fullmatch(question.strip()) is not None
