"""What a language model writes is held against the passages that it was given, sentence by sentence, before
anybody sees it.

A sentence is dropped when it names code, a command or an address that stands in none of them, when too few
of the longer words that it adds to the question's do, or when what it cites is not among them. A block of
code is dropped when it is not made of their words. That finds what was made up, not what was misunderstood.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

_CODE = re.compile(r"(`+)([^`]+)\1")
_WORD = re.compile(r"[^\W\d_]{5,}")
_NAME = re.compile(r"[^\W\d]\w{3,}")
_ADDRESS = re.compile(r"https?://[^\s)>\]]+")
_CITED = re.compile(r"\s?\[(\d{1,2})\](?!\()")
_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})")
# Not after the number of a list's item: it goes with what it numbers.
_SENTENCE = re.compile(r"(?<=[.!?])(?<!\d\.)\s+(?=[A-Z`*\[\d-])")
_ITS_WORDS, _ITS_NAMES = 0.6, 0.7
_STEM = 5  # letters by which forms of one word are known: install, installed, installing


class Evidence:
    """What may be said: the ``passages``, numbered from 1, and the words of the question."""

    def __init__(self, passages: Sequence[str], question: str) -> None:
        self._text = "\n".join([*passages, question]).casefold()
        self._names = {name.casefold() for name in _NAME.findall(self._text)}
        self._of_passage = [_stems(text) for text in passages]
        self._of_question = _stems(question)

    def holds(self, sentence: str) -> bool:
        """Whether a sentence keeps to the passages: to those that it cites, where it cites any."""
        cited = {int(number) for number in _CITED.findall(sentence)}
        everything = range(1, len(self._of_passage) + 1)
        if not cited <= set(everything):
            return False
        code = [piece.strip() for _, piece in _CODE.findall(sentence)]
        if any(piece.casefold() not in self._text for piece in [*code, *_ADDRESS.findall(sentence)]):
            return False
        words = _stems(_CODE.sub(" ", sentence))
        known = frozenset().union(*(self._of_passage[number - 1] for number in cited or everything))
        # Words of the question prove nothing: what a sentence adds to them has to stand in the passages.
        added = words - self._of_question
        return len(added & known) >= _ITS_WORDS * len(added) and (not words or bool(words & known))

    def holds_code(self, code: str) -> bool:
        """Whether a block of code is made of names that stand in the passages."""
        names = {name.casefold() for name in _NAME.findall(code)}
        return len(names & self._names) >= _ITS_NAMES * len(names)


def checked(pieces: Iterable[str], evidence: Evidence) -> Iterator[tuple[str, int]]:
    """The text of ``pieces`` as far as it is written and holds, growing, and how much of it was dropped so
    far (sentences and blocks of code). Numbers of passages alone are no text."""
    shown, dropped = "", 0
    for unit in _units(pieces):
        if _holds(unit, evidence):
            shown += unit
            yield _words(shown), dropped
        else:
            dropped += 1
            shown += "\n" * min(2, len(unit) - len(unit.rstrip("\n")))
    yield _words(shown), dropped


def _words(text: str) -> str:
    return text if re.search(r"\w", _CITED.sub("", text)) else ""


def _holds(unit: str, evidence: Evidence) -> bool:
    if _FENCE.match(unit):
        return evidence.holds_code("\n".join(unit.strip().split("\n")[1:-1]))
    return evidence.holds(unit)


def _units(pieces: Iterable[str]) -> Iterator[str]:
    """The text cut into sentences, lines and whole blocks of code, each as soon as its end is there."""
    rest, fence = "", ""
    for piece in pieces:
        rest += piece
        while "\n" in rest:
            line, _, after = rest.partition("\n") if not fence else _through(rest, fence)
            if fence and not line:
                break
            opened = _FENCE.match(line) if not fence else None
            if opened:
                fence = opened.group(1)
                continue
            fence = ""
            rest = after
            yield from _sentences(f"{line}\n")
        if not fence and not _FENCE.match(rest):
            *whole, rest = _split(rest)
            yield from whole
    if fence:
        yield f"{rest.rstrip()}\n{fence}\n"
    elif rest:
        yield from _sentences(rest)


def _through(text: str, fence: str) -> tuple[str, str, str]:
    """A block of code as a whole with what follows it; nothing while its end is missing."""
    end = re.compile(rf"\n {{0,3}}{re.escape(fence)}{re.escape(fence[0])}*[ \t]*\n").search(text)
    return (text[: end.end() - 1], "\n", text[end.end() :]) if end else ("", "", text)


def _sentences(line: str) -> Iterator[str]:
    if _FENCE.match(line):
        yield line
    else:
        yield from _split(line)


def _split(text: str) -> list[str]:
    places = [0, *(gap.end() for gap in _SENTENCE.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(places)]


def _stems(text: str) -> frozenset[str]:
    return frozenset(word.casefold()[:_STEM] for word in _WORD.findall(text))
