"""Which sentence of a passage answers a question."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from curation import Chunk, Span, prose
from serving.retrieval.embedding import Embedder

# The end of a sentence: a full stop and the like before a space and what can begin one; or of a table's row.
_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+(?=[A-Z\"'(\[`\d])|\n")
_SHORT = 12  # characters; less is a name or a number


class Candidate(NamedTuple):
    """A place that may be marked, and the ``text`` by which it is compared with the question."""

    span: Span
    text: str


def candidates(markdown: str) -> list[Candidate]:
    """Each sentence with the one after it in its paragraph: often one names the problem, the next what helps.
    Of a table each row.

    A question's answer is the sentence after it, wherever that stands: the question is compared, not marked.
    Code and very short sentences are left out.
    """
    found: list[Candidate] = []
    asked = ""
    for number, text in enumerate(prose(markdown)):
        own = _sentences(text)
        for place, (start, end) in enumerate(own):
            sentence = text[start:end]
            if sentence.endswith("?"):
                asked = f"{asked} {sentence}".strip()
                continue
            follows = place + 1 < len(own) and not text[own[place + 1][0] : own[place + 1][1]].endswith("?")
            follows = follows and "\n" not in text[end : own[place + 1][0]]
            last = end if asked or not follows else own[place + 1][1]
            found.append(Candidate(Span(number, start, last), f"{asked} {text[start:last]}".strip()))
            asked = ""
    return found


def best_sentences(embedder: Embedder, question: str, chunks: Sequence[Chunk]) -> list[Span | None]:
    """For each passage the candidate whose vector is nearest to the question's; None without prose."""
    each = [candidates(chunk.body) for chunk in chunks]
    texts = [one.text for found in each for one in found]
    if not texts:
        return [None] * len(chunks)
    nearness = embedder.queries([question, *texts])
    scores = nearness[1:] @ nearness[0]
    best: list[Span | None] = []
    start = 0
    for found in each:
        own = scores[start : start + len(found)]
        best.append(found[int(np.argmax(own))].span if found else None)
        start += len(found)
    return best


def marked_sentence(embedder: Embedder, question: str, chunk: Chunk) -> str:
    """What is marked of one passage; empty without prose."""
    (mark,) = best_sentences(embedder, question, [chunk])
    return "" if mark is None else prose(chunk.body)[mark.block][mark.start : mark.end]


def _sentences(text: str) -> list[tuple[int, int]]:
    """Where each sentence of a paragraph starts and ends."""
    found: list[tuple[int, int]] = []
    start = 0
    for end in [*(gap.end() for gap in _END.finditer(text)), len(text)]:
        size = len(text[start:end].rstrip())
        if size >= _SHORT:
            found.append((start, start + size))
        start = end
    return found
