"""Which record next: several strategies, and the mean of what those say that have something to say.

Each gives a record a number from 0 (any other first) to 1 (this one first), from what the record remembers,
or None. Each alone has a blind side: uncertainty asks about oddities, wrong answers about what is loud.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from statistics import fmean

from curation.suggestions.choice import Guesses
from curation.suggestions.scorer import COLD_SCORERS

Strategy = Callable[[Guesses], float | None]

NOT_ASKED = 0.0
_LEAST, _DECIMALS = 0.001, 3
_A_QUESTION = math.log1p(11)  # the feature "length" of as many words as visitors' questions have
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
    """Answers that probably went wrong: as what was learned says; before that, where the bot refused beside
    something similar, said what its sources do not, or found none that is near the question."""
    one = guesses.get("is_response_correct")
    if one is None or "refused" not in one.features:
        return None
    if one.probability is not None:
        return 1 - one.probability
    near = min(1.0, max(0.0, one.features["score"]))
    return near if one.features["refused"] else 1 - one.features["grounded"] * (1 + near) / 2


_STRATEGIES: tuple[Strategy, ...] = (uncertainty, disagreement, expected_gain, went_wrong)


def priority(guesses: Guesses) -> float:
    """What the queue is sorted by: more than ``NOT_ASKED`` and at most 1. What a visitor did not find helpful
    comes before all that a machine suspects."""
    answer = guesses.get("is_response_correct")
    if answer is not None and answer.features.get("thumb", 0.0) < 0:
        return 1.0
    said = [worth for strategy in _STRATEGIES if (worth := strategy(guesses)) is not None]
    worth = (fmean(said) if said else 0.5) * likeness_to_questions(guesses)
    return round(min(1.0, max(_LEAST, worth)), _DECIMALS)


def likeness_to_questions(guesses: Guesses) -> float:
    """How much a query is like what visitors ask, 0 to 1, by its length alone: an accepted question raises
    its chunk for those that are near it, and a heading of two words is near few (Settles and Craven 2008, "An
    analysis of active learning strategies for sequence labeling tasks", information density)."""
    one = guesses.get("is_positive_relevant")
    length = _A_QUESTION if one is None else one.features.get("length", _A_QUESTION)
    return min(1.0, length / _A_QUESTION) ** 2


def is_empty_talk(question: str) -> bool:
    """Whether a message is a greeting, thanks, or nothing that an answer could be judged for."""
    return not re.search(r"\w", question) or _EMPTY_TALK.fullmatch(question.strip()) is not None
