"""Cutting a text that is too long for one chunk at the best place."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from functools import cache
from typing import Protocol

import budoux

# A "word" without spaces (base64, minified code) may be a single unknown token, however long it is. Counting
# at least one token for so many characters keeps chunks to a size that people and models can handle.
CHARACTERS_PER_TOKEN = 64
MOST_TOKENS = 8192  # that a chunk may have, by its setting

# Thai has no full stop: a space ends a sentence, or a part of one.
_SENTENCE_END = re.compile(
    r"(?<=[.!?…])[\"')\]]*\s+(?=\S)|(?<=[。！？])(?=[^\s」』）”’])|(?<=[。！？][」』）”’])(?=\S)"
    r"|(?<=[\u0e00-\u0e7f])\s+(?=\S)"
)
_KANA, _THAI, _HAN = "\u3040-\u30ff", "\u0e00-\u0e7f", "\u3400-\u9fff"
_WITHOUT_SPACES = re.compile(rf"[{_KANA}{_THAI}{_HAN}]")
_LONGEST_PROSE = 50_000  # characters without an end of a sentence: more is no prose
_CLAUSE_END = re.compile(r"[、，；：,;]\s*(?=\S)|\s+(?=\S)")
_LINE_OR_SENTENCE_END = re.compile(rf"\n|{_SENTENCE_END.pattern}")
_BLANK_LINES = re.compile(r"\n[ \t]*\n")


class TokenCounter(Protocol):
    """Counts as the embedding model does."""

    def count(self, text: str) -> int:
        """Tokens of ``text``, special tokens included, without truncation."""

    def offsets(self, text: str) -> list[tuple[int, int]]:
        """Where each token stands in ``text`` (start, end), in characters. Special tokens may be missing
        or empty."""


class Measure:
    """Token counts without special tokens, each text counted once, and none that is far too long for any
    chunk."""

    def __init__(self, counter: TokenCounter) -> None:
        self.counter = counter
        self.special = counter.count("")
        joined = counter.count("a\n\nb") - counter.count("a") - counter.count("b") + self.special
        self.joint = max(0, joined)
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        least = -(-len(text) // CHARACTERS_PER_TOKEN)
        if least > MOST_TOKENS:
            return least
        tokens = self._known.get(text)
        if tokens is None:
            tokens = self._known[text] = max(self.counter.count(text) - self.special, least)
        return tokens


Splitter = Callable[[str, int, Measure], list[str]]  # of a text into parts of at most so many tokens


def split_prose(text: str, limit: int, measure: Measure) -> list[str]:
    """Parts of at most ``limit`` tokens, cut between lines, then sentences, then words, then tokens."""
    return list(_packed(text.split("\n"), "\n", limit, measure, _sentences))


def split_code(text: str, limit: int, measure: Measure) -> list[str]:
    """Parts of a code block of at most ``limit`` tokens: whole lines, preferably up to a blank line."""
    paragraphs = _BLANK_LINES.split(text)
    return [part for part in _packed(paragraphs, "\n\n", limit, measure, _code_lines) if part.strip()]


def split_tokens(text: str, limit: int, measure: Measure) -> list[str]:
    """Parts of at most ``limit`` tokens, cut between words where possible. Only spaces are lost."""
    parts: list[str] = []
    text, at = text.strip(), 0
    while at < len(text):
        end = at + _cut(text[at : at + limit * CHARACTERS_PER_TOKEN + 1], limit, measure)
        parts.append(text[at:end].rstrip())
        at = end
        while at < len(text) and text[at].isspace():
            at += 1
    return parts


def _cut(text: str, limit: int, measure: Measure) -> int:
    """How many characters of ``text`` make at most ``limit`` tokens: at least one."""
    longest = limit * CHARACTERS_PER_TOKEN
    size = min(limit * 6, longest)
    while True:  # look no further into a long text than it takes
        spans = [span for span in measure.counter.offsets(text[:size]) if span[1] > span[0]]
        if len(spans) > limit or size >= min(len(text), longest):
            break
        size = min(size * 2, longest)
    cut = max(spans[limit - 1][1] if len(spans) > limit else min(size, len(text)), 1)
    while cut > 1:
        if cut < len(text) and not text[cut].isspace():
            space = max(text.rfind(" ", 0, cut), text.rfind("\n", 0, cut))
            cut = space if space > 0 else cut
        if measure(text[:cut].rstrip()) <= limit:
            break
        cut = cut * 3 // 4
    return max(cut, 1)


def _sentences(text: str, limit: int, measure: Measure) -> list[str]:
    """Sentences packed together; what stands between two (a space, nothing after 。) stays as it is."""
    sentences = _cut_at(_SENTENCE_END, text)
    if len(sentences) < 2:
        return _phrases(text, limit, measure)
    return [part.rstrip() for part in _packed(sentences, "", limit, measure, _phrases)]


def _phrases(text: str, limit: int, measure: Measure) -> list[str]:
    """Parts of a sentence without spaces between its words: at a comma, else between phrases."""
    if not _WITHOUT_SPACES.search(text) or len(text) > _LONGEST_PROSE:
        return split_tokens(text, limit, measure)
    clauses = _cut_at(_CLAUSE_END, text)
    if len(clauses) > 1:
        return [part.strip() for part in _packed(clauses, "", limit, measure, _phrases)]
    phrases = _phrase_parser(text).parse(text)
    return [part.strip() for part in _packed(phrases, "", limit, measure, split_tokens)]


def _phrase_parser(text: str) -> budoux.Parser:
    """BudouX's for the language, told by its letters."""
    if re.search(f"[{_THAI}]", text):
        return _load(budoux.load_default_thai_parser)
    if re.search(f"[{_KANA}]", text):
        return _load(budoux.load_default_japanese_parser)
    return _load(budoux.load_default_simplified_chinese_parser)


@cache
def _load(parser: Callable[[], budoux.Parser]) -> budoux.Parser:
    return parser()


def last_sentences(text: str, limit: int, measure: Measure) -> str:
    """As many whole sentences (or lines) from the end of ``text`` as fit into ``limit`` tokens."""
    kept = ""
    for part in reversed(_cut_at(_LINE_OR_SENTENCE_END, text)):
        if measure((part + kept).strip()) > limit:
            break
        kept = part + kept
    return kept.strip()


def _cut_at(ends: re.Pattern[str], text: str) -> list[str]:
    """Parts that together are ``text``, each but the last with an end."""
    at = [found.end() for found in ends.finditer(text)]
    return [text[a:b] for a, b in itertools.pairwise([0, *at, len(text)]) if a < b]


def _code_lines(text: str, limit: int, measure: Measure) -> list[str]:
    return list(_packed(text.split("\n"), "\n", limit, measure, split_tokens))


def _packed(units: list[str], joint: str, limit: int, measure: Measure, finer: Splitter) -> Iterator[str]:
    """``units`` joined as far as ``limit`` allows; a unit that is too long alone is split by ``finer``."""
    held: list[str] = []
    tokens = 0
    for unit in units:
        cost = measure(unit)
        # separators and merges across them may cost something in some tokenizers
        if held and tokens + cost + measure.joint > limit:
            yield joint.join(held)
            held, tokens = [], 0
        if cost > limit:
            yield from finer(unit, limit, measure)
            continue
        held.append(unit)
        tokens += cost + (measure.joint if len(held) > 1 else 0)
    if held:
        yield joint.join(held)
