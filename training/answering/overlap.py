"""How much of what people accepted stands in an answer."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\w+")


class Overlap:
    """F1 of words (SQuAD: Rajpurkar et al. 2016, arXiv:1606.05250), each by what it tells: its inverse
    document frequency in the ``documents`` (Spärck Jones 1972), and nothing where the question has it. So
    small words and the question said again earn little, and what the documents do not hold costs most."""

    def __init__(self, documents: Iterable[str]) -> None:
        each = [set(_words(text)) for text in documents]
        self._holding = Counter(word for words in each for word in words)
        self._documents = len(each)

    def __call__(self, question: str, answer: str, accepted: Sequence[str]) -> float:
        """That of ``answer`` with the nearest of those ``accepted``: 1 where the words are the same."""
        asked = set(_words(question))
        return max((self._f1(_words(answer), _words(one), asked) for one in accepted), default=0.0)

    def _f1(self, answer: Sequence[str], accepted: Sequence[str], asked: set[str]) -> float:
        if set(accepted) <= asked:  # an answer in the question's own words
            asked = set()
        one, other = (Counter(word for word in words if word not in asked) for words in (answer, accepted))
        shared = self._weight(one & other)
        return 2 * shared / (self._weight(one) + self._weight(other)) if shared else 0.0

    def _weight(self, words: Counter[str]) -> float:
        return sum(
            times * math.log1p((self._documents + 1) / (self._holding[word] + 1))
            for word, times in words.items()
        )


def _words(text: str) -> list[str]:
    return _WORD.findall(text.casefold())
