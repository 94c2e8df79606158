"""What is looked at before anybody has annotated: numbers about a chunk, about a query and its chunk, and
about an answer and its sources. None needs a label.

Each number is from about -1 to 1 or counts on a logarithmic scale, and is finite for any text.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from curation.suggestions.signals import (
    code_share,
    content_words,
    coverage,
    is_boilerplate,
    is_change_entry,
    link_share,
    words,
)

Features = dict[str, float]

_FENCED = re.compile(r"^ {0,3}(```|~~~).*?^ {0,3}\1[`~]*[ \t]*$", re.MULTILINE | re.DOTALL)
_OPEN_FENCE = re.compile(r"^ {0,3}(?:```|~~~).*", re.MULTILINE | re.DOTALL)
_STARTS_IN_CODE = re.compile(r"\A\s*(?:```|~~~|>>> )")
_STARTS_LATE = re.compile(r"\A\s*(?:[2-9]|\d\d)[.)] ")
_SENTENCE = re.compile(r"(?:[A-Z`*\"'“(][^.!?\n]*(?:\.\w[^.!?\n]*)*[.!?:])(?=\s|$)")
_POINTER = re.compile(
    r"\b(?:see(?! (?:every|that|how|what|all|if|it|an?)\b)|"
    r"refer to|read(?:ing)? on|learn more|more (?:info|information|details)|for details|"
    r"move over to|moved (?:in)?to|(?:is|are) (?:now )?(?:hosted|described|documented|covered|listed) "
    r"(?:at|in)|follow them in|continue (?:from|with)|next steps|"
    r"this (?:section|page|document) (?:describes|documents|explains|covers|lists)|this tutorial covered)\b",
    re.IGNORECASE,
)
_POINTS_BACK = re.compile(
    r"\b(?:in (?:this|that|the above|the previous) (?:example|case)|"
    r"the (?:example|code|snippet|figure|output) above|(?:above|previous) (?:example|code)|"
    r"as before|as above|here we|now (?:let's|we|you)|so let's|"
    r"if we|we(?:'ll| will| can|'re)? (?:now )?(?:see|implement|start)|would be (?:serialized|rendered) as|"
    r"(?:this|our) (?:example|spider|view|code)\b)",
    re.IGNORECASE,
)
_PIN = re.compile(r"^\s*(?:#(?!#).*|[\w.-]+==\S+)\s*$")
_FRAME = re.compile(
    r"^(?:\*\*(?:\d+\.|–)\*\* .*|.*:|\*\*Answered by .*\*\* to “.*”|"
    r"\*The documentation has changed since this was written\.\*)$",
    re.MULTILINE,
)
_MARKED = re.compile(r"`[^`\n]+`")
POINTS_AT_TEXT = re.compile(  # no query that makes sense alone
    r"\b(?:(?:the|this) (?:text|passage|document|chunk|snippet|paragraph|anchor|positive)|"
    r"(?:example|code|section|table) (?:above|below)|(?:above|following) (?:example|code|text|section))\b",
    re.IGNORECASE,
)
_MOST_PLACES = 10
_RUN = 4  # words in a row that count as copied
_PRINTED = re.compile(r"^\s*(?:\d{4}-\d\d-\d\d[ T]|<class |\[\w+\] |Traceback |\{|\}|\[|\]|<\?xml)")


@dataclass(frozen=True)
class Place:
    """Where a search among ``chunks`` chunks for a query finds its own chunk: ``place`` from 1, the
    ``cosine`` to it, and ``margin``, by how much that is above the best other chunk's. ``others`` are the
    numbers of the best other chunks."""

    place: int
    cosine: float
    margin: float
    chunks: int
    others: tuple[int, ...] = ()


Passage = tuple[str, str]  # a chunk's heading and its text


def prose_of(text: str) -> str:
    """``text`` without its code blocks."""
    return _OPEN_FENCE.sub("", _FENCED.sub("", text))


def without_frame(answer: str) -> str:
    """``answer`` without the lines that number its passages, introduce what follows, or say whose answer it
    is and whether it is stale: no source has them."""
    return _FRAME.sub("", answer)


def chunk_features(body: str, heading: str, duplicate: float, is_copy: bool, typical: float) -> Features:
    """About a chunk. ``duplicate`` is the cosine to the most similar other chunk, ``is_copy`` whether that
    stands earlier, ``typical`` the cosine to the mean of all chunks."""
    return {
        **text_features(body, heading),
        "copy": float(is_copy and duplicate >= 0.97),
        "duplicate": float(duplicate),
        "typical": float(typical),
    }


@lru_cache(maxsize=16_384)
def text_features(body: str, heading: str) -> Features:
    """What a chunk's text alone says. A push looks at each chunk twice."""
    prose = prose_of(body)
    lines = [line for line in body.splitlines() if line.strip()]
    distinct = set(content_words(prose))
    sentences = _SENTENCE.findall(prose)
    count = max(1, len(sentences))
    code = code_share(body)
    few_words = len(distinct) < 4
    only_code = few_words and code > 0
    return {
        "words": math.log1p(len(distinct)),
        "sentences": math.log1p(len(sentences)),
        "no sentence": float(not sentences and not only_code),
        "code": code,
        "only code": float(only_code),
        "few words": float(few_words and not only_code),
        "links": link_share(body),
        "pointers": min(1.0, len(_POINTER.findall(prose)) / count),
        "points back": min(1.0, len(_POINTS_BACK.findall(prose)) / count),
        "starts in the middle": float(bool(_STARTS_IN_CODE.match(body) or _STARTS_LATE.match(body))),
        "pins": sum(bool(_PIN.match(line)) for line in lines) / max(1, len(lines)),
        "printed": sum(bool(_PRINTED.match(line)) for line in lines) / max(1, len(lines)),
        "names": math.log1p(len(set(_MARKED.findall(prose)))),
        "boilerplate": float(is_boilerplate(body)),
        "changes": float(is_change_entry(heading, body)),
    }


def places_that_count(chunks: int) -> int:
    """The k of "among the top k": ten in a large corpus, fewer in a small one."""
    return max(1, min(_MOST_PLACES, round(math.sqrt(chunks) / 2)))


def query_features(query: str, own: Passage, found: Place, others: Sequence[Passage]) -> Features:
    """About a query and the chunk that it should (or should not) lead to. ``others`` are the best other
    chunks of a search for it."""
    asked = words(query)
    heading, text = own
    in_heading, in_text = coverage(query, heading, {}), coverage(query, text, {})
    return {
        "cosine": float(found.cosine),
        "margin": float(found.margin),
        "first": float(found.place == 1),
        "near the top": float(found.place <= places_that_count(found.chunks)),
        "depth": math.log(max(1, found.place)) / math.log(max(2, found.chunks)),
        "covered": in_text,
        "covered more": in_text - max((coverage(query, one, {}) for _, one in others), default=0.0),
        "in heading": in_heading,
        "in heading more": in_heading - max((coverage(query, one, {}) for one, _ in others), default=0.0),
        "makes sense alone": float(2 <= len(asked) <= 40 and not POINTS_AT_TEXT.search(query)),
        "length": math.log1p(len(asked)),
    }


def answer_features(
    question: str, answer: str, sources: Sequence[str], score: float, thumb: float = 0.0
) -> Features:
    """About an answer. ``sources`` are the texts that it was given (none: the bot refused), ``score`` the
    best one's similarity to the question, ``thumb`` the visitor's: 1 up, -1 down."""
    answer = without_frame(answer)
    said = words(answer)
    given = "\n".join(sources)
    runs = _runs(said)
    return {
        "score": float(score),
        "refused": float(not sources),
        "refused beside something similar": float(score) if not sources else 0.0,
        "grounded": coverage(answer, given, {}),
        "source answers": coverage(question, sources[0], {}) if sources else 0.0,
        "answer is about it": coverage(question, answer, {}),
        "copied": len(runs & _runs(words(given))) / len(runs) if runs else 0.0,
        "length": math.log1p(len(said)),
        "thumb": float(thumb),
    }


def _runs(said: Sequence[str]) -> set[tuple[str, ...]]:
    return {tuple(said[at : at + _RUN]) for at in range(len(said) - _RUN + 1)}
