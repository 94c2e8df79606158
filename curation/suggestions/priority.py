"""Which record next: strategies with one method each, and their mixture.

Each gives a record a number from 0 (any other first) to 1 (this one first), from what the record remembers.
The mixture is the default because each alone has a blind side: uncertainty asks about oddities, wrong answers
about what is loud.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from curation.suggestions.choice import Guesses
from curation.suggestions.scorer import COLD_SCORERS

NOT_ASKED = 0.0
_LEAST, _DECIMALS = 0.001, 3
_EMPTY_TALK = re.compile(
    r"\W*(?:(?:hi|hello|hey|hallo|good (?:morning|day|afternoon|evening)|"
    r"thanks?(?: you)?(?: (?:so|very) much)?|thx|"
    r"ok(?:ay)?|cool|great|nice|bye|goodbye|yes|no|test(?:ing)?|who are you|how are you|what can you do|"
    r"there|bot|all|everybody|again|a lot)\b\W*)+",
    re.IGNORECASE,
)


class Strategy(Protocol):
    """How much a record is worth asking about, by what was looked at; None where it has nothing to say."""

    def worth(self, guesses: Guesses) -> float | None: ...


class Uncertainty:
    """The nearer to even, the sooner (Lewis and Gale 1994, "A sequential algorithm for training text
    classifiers")."""

    def worth(self, guesses: Guesses) -> float | None:
        known = [one.probability for one in guesses.values() if one.probability is not None and one.features]
        return max(1 - abs(2 * probability - 1) for probability in known) if known else None


class Disagreement:
    """The further apart the rule and what was learned are, the sooner (Seung, Opper and Sompolinsky 1992,
    "Query by committee")."""

    def worth(self, guesses: Guesses) -> float | None:
        apart = []
        for question, one in guesses.items():
            cold = COLD_SCORERS.get(question)
            if cold is None or one.probability is None or one.agent == cold.agent or not one.features:
                continue
            before = cold.probability(one.features)
            if before is not None:
                apart.append(abs(one.probability - before))
        return max(apart) if apart else None


class ExpectedGain:
    """What the search would learn from a yes, times how probable that is: the further down it finds a query's
    chunk, the more (Settles 2009, "Active learning literature survey", expected model change)."""

    def worth(self, guesses: Guesses) -> float | None:
        one = guesses.get("is_positive_relevant")
        if one is None or "depth" not in one.features:
            return None
        if one.features.get("first"):
            return 0.0
        return (0.5 if one.probability is None else one.probability) * min(1.0, 2 * one.features["depth"])


class WrongFirst:
    """Answers that probably went wrong: the bot refused beside something similar, or said what its sources do
    not."""

    def worth(self, guesses: Guesses) -> float | None:
        features = guesses["is_response_correct"].features if "is_response_correct" in guesses else {}
        if "refused" not in features:
            return None
        if features["refused"]:
            return min(1.0, max(0.0, features["score"]))
        return 1 - features["grounded"]


class ThumbsDown:
    """What a visitor did not find helpful comes before all that a machine suspects."""

    def worth(self, guesses: Guesses) -> float | None:
        features = guesses["is_response_correct"].features if "is_response_correct" in guesses else {}
        return 1.0 if features.get("thumb", 0.0) < 0 else None


class Mixture:
    """The mean of what the strategies say that have something to say."""

    def __init__(self, strategies: Sequence[Strategy]) -> None:
        self._strategies = strategies

    def worth(self, guesses: Guesses) -> float | None:
        said = [worth for one in self._strategies if (worth := one.worth(guesses)) is not None]
        return sum(said) / len(said) if said else None


_MIXTURE = Mixture((Uncertainty(), Disagreement(), ExpectedGain(), WrongFirst()))


def priority(guesses: Guesses) -> float:
    """What the queue is sorted by: more than ``NOT_ASKED`` and at most 1."""
    worth = ThumbsDown().worth(guesses) or _MIXTURE.worth(guesses)
    return round(min(1.0, max(_LEAST, 0.5 if worth is None else worth)), _DECIMALS)


def is_empty_talk(question: str) -> bool:
    """Whether a message is a greeting, thanks, or nothing that an answer could be judged for."""
    return not re.search(r"\w", question) or _EMPTY_TALK.fullmatch(question.strip()) is not None
