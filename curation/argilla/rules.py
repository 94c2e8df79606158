"""How the *simulated annotator* judges: rules on words and on the base embedding. Its answers must never be
taken for a person's.

It does not see the suggestions. Those look at places in a search; it looks mostly at words, weighted by how
rare they are in the corpus (idf), so the two agree often but not always.

* A **chunk** is good unless it has fewer than 8 distinct content words, or 60% of its lines are nothing but
  links, file names and directives, or it reads like a licence or a table of contents and has fewer than 40
  content words, or it is a list of changes.
* A **positive** is relevant if it makes sense alone (2 to 40 words, nothing like "the text" or "the example
  above") and the chunk holds at least 60% of its idf-weighted content words, or 30% of them while a search
  for it under the given embedding finds the chunk among the top 3 (fewer in a small corpus).
* A **negative** is irrelevant if the chunk holds less than 70% of its idf-weighted content words and a search
  for it does not find the chunk first. An absent negative is irrelevant.
* A **response** is correct if the bot did not refuse and the best cited chunk holds at least 40% of the
  question's and 50% of the answer's content words, or if the bot refused and the best chunk's similarity was
  below 0.35. It is out of the ordinary if the bot did not refuse and the chunk holds less than 15% of the
  answer's content words.

Where the pages that answer a question are known, ``judge_by_pages`` judges a conversation by them instead.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from curation.argilla.conversations import answer_in
from curation.argilla.schemas import NO, YES
from curation.records.chunk import Chunk
from curation.records.decision import BEST_SOURCE, NO_SOURCE, OTHER_SOURCE
from curation.suggestions.features import POINTS_AT_TEXT, places_that_count
from curation.suggestions.signals import (
    content_words,
    coverage,
    is_boilerplate,
    is_change_entry,
    link_share,
    words,
)

_MOST_PLACES = 3


def _answer(is_yes: bool) -> str:
    return YES if is_yes else NO


def judge_chunk(chunk: Chunk) -> str:
    """Yes or no to ``good_chunk``."""
    body = chunk.body
    distinct = len(set(content_words(body)))
    furniture = is_boilerplate(body) and distinct < 40
    return _answer(
        distinct >= 8
        and link_share(body) < 0.6
        and not furniture
        and not is_change_entry(chunk.heading, body)
    )


def judge_positive(query: str, anchor: str, place: int, chunks: int, rarity: Mapping[str, float]) -> str:
    """Yes or no to ``is_positive_relevant``. ``place`` is the anchor's in a search over all ``chunks``."""
    if not 2 <= len(words(query)) <= 40 or POINTS_AT_TEXT.search(query):
        return NO
    covered = coverage(query, anchor, rarity)
    return _answer(
        covered >= 0.6 or (covered >= 0.3 and place <= min(_MOST_PLACES, places_that_count(chunks)))
    )


def judge_negative(query: str, anchor: str, place: int, rarity: Mapping[str, float]) -> str:
    """Yes or no to ``is_negative_irrelevant``."""
    if not query.strip():
        return YES
    return _answer(coverage(query, anchor, rarity) < 0.7 and place > 1)


def judge_by_pages(first: str, offered: Sequence[str], pages: Collection[str]) -> dict[str, str]:
    """All answers to a conversation of somebody who knows the ``pages`` (paths) that answer the question.
    ``first`` is the path of the first source ("" without one), ``offered`` are those of the passages."""
    if first in pages:
        return {"is_response_correct": YES, "out_of_guardrails": NO}
    wrong = {"is_response_correct": NO, "out_of_guardrails": NO}
    number = next((at for at, path in enumerate(offered, start=1) if path in pages), None)
    if number is not None:
        return {**wrong, BEST_SOURCE: str(number)}
    return {**wrong, BEST_SOURCE: NO_SOURCE, OTHER_SOURCE: min(pages)}


def judge_response(
    question: str, response: str, refused: bool, score: float, cited: str, rarity: Mapping[str, float]
) -> tuple[str, str]:
    """Yes or no to ``is_response_correct`` and ``out_of_guardrails``. ``cited`` is the best source's text."""
    if refused:
        return _answer(score < 0.35), NO
    grounded = coverage(answer_in(response), cited, rarity)
    correct = coverage(question, cited, rarity) >= 0.4 and grounded >= 0.5
    return _answer(correct), _answer(grounded < 0.15)
