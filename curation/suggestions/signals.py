"""What can be told about a text without a model: words, code, links, boilerplate."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from functools import lru_cache

_WORD = re.compile(r"[^\W\d_]{2,}")
_FENCE = re.compile(r"^ {0,3}(```|~~~)")
_DIRECTIVE = re.compile(r"^\s*(\.\. |:::|:[\w-]+:|\{%|<!--)")
_LINK_LINE = re.compile(
    r"^\s*(?:[-*+]|\d+[.)])?\s*(?:\[[^\]]*\]\([^)]*\)|<?https?://\S+>?|[\w./-]+\.(?:md|rst|html))[\s.,;:]*$"
)
_BOILERPLATE = re.compile(
    r"\b(?:copyright|all rights reserved|licen[cs]ed under|permission is hereby granted)\b|"
    r"^\W*(?:table of contents|toctree|indices and tables|edit this page|previous page|next page)\W*$",
    re.IGNORECASE | re.MULTILINE,
)
_CHANGES = re.compile(r"\b(change ?log|release notes?|what'?s new|bug ?fix(?:es)?|history)\b", re.IGNORECASE)
_VERSION = re.compile(r"\bv?\d+\.\d+(?:\.\d+)?\b|#\d{2,}|\b(?:PR|GH-|issue) ?#?\d+", re.IGNORECASE)


def words(text: str) -> list[str]:
    """Lower-case words of two letters or more, in order."""
    return [match.group().lower() for match in _WORD.finditer(text)]


@lru_cache(maxsize=65_536)
def _stem(word: str) -> str:
    """A word without its commonest English ending: "indexes" becomes "index", "setting" becomes "set"."""
    for ending in ("ing", "ies", "ed", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            word = word[: -len(ending)] + ("y" if ending == "ies" else "")
            if ending in ("ing", "ed") and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "sl":
                word = word[:-1]
            break
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def content_words(text: str) -> list[str]:
    """Stems of the words that carry meaning, in order."""
    from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

    return [_stem(word) for word in words(text) if word not in ENGLISH_STOP_WORDS]


def inverse_document_frequency(texts: Iterable[str]) -> dict[str, float]:
    """Stem → how rare it is among ``texts`` (Robertson's and Spärck Jones's weight, smoothed to be
    positive)."""
    seen: Counter[str] = Counter()
    count = 0
    for text in texts:
        count += 1
        seen.update(set(content_words(text)))
    return {stem: math.log(1 + (count - n + 0.5) / (n + 0.5)) for stem, n in seen.items()}


def coverage(query: str, text: str, rarity: Mapping[str, float]) -> float:
    """The share of what ``query`` asks about that occurs in ``text``, from 0 to 1; rare words count more.

    Words that occur nowhere in the corpus count as much as its rarest one.
    """
    asked = set(content_words(query))
    if not asked:
        return 0.0
    rarest = max(rarity.values(), default=1.0)
    weights = {stem: rarity.get(stem, rarest) for stem in asked}
    present = set(content_words(text))
    return sum(weight for stem, weight in weights.items() if stem in present) / sum(weights.values())


def code_share(text: str) -> float:
    """Share of the characters that stand in fenced or indented code, 0 to 1."""
    inside = total = 0
    fence = ""
    for line in text.splitlines():
        length = len(line.strip())
        total += length
        marker = _FENCE.match(line)
        if marker and not fence:
            fence = marker.group(1)
        elif marker and line.strip().startswith(fence):
            fence = ""
        elif fence or line.startswith(("    ", "\t")):
            inside += length
    return inside / total if total else 0.0


def link_share(text: str) -> float:
    """Share of the non-empty lines that are nothing but a link, a file name or a directive, 0 to 1."""
    lines = [line for line in text.splitlines() if line.strip()]
    if not lines:
        return 1.0
    return sum(bool(_LINK_LINE.match(line) or _DIRECTIVE.match(line)) for line in lines) / len(lines)


def is_boilerplate(text: str) -> bool:
    """Whether it reads like a licence, a table of contents or a page's furniture."""
    return bool(_BOILERPLATE.search(text))


def is_change_entry(heading: str, text: str) -> bool:
    """Whether its heading says that it lists changes, and a third of its lines name versions or tickets."""
    lines = [line for line in text.splitlines() if line.strip()]
    numbered = sum(bool(_VERSION.search(line)) for line in lines)
    return bool(_CHANGES.search(heading)) and numbered * 3 >= len(lines)
