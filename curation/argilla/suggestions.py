"""Suggested answers, shown to annotators: one for each yes/no question, each with how sure it is, and what a
stronger model says of answers.

A score runs from 0.5 (a coin) to 1 (sure) and belongs to the suggested value. An agent's name carries the
version of its rule and the model, so records with an older suggestion get a new one at the next push. A
suggestion by somebody else's agent is never overwritten.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from curation.argilla.schemas import NO, YES
from curation.argilla.signals import (
    code_share,
    content_words,
    coverage,
    is_boilerplate,
    is_change_entry,
    link_share,
)
from curation.records.chunk import Chunk
from curation.records.turn import Turn

AGENT_PREFIX = "clayloop-"
CHUNK_RULE = "clayloop-chunk:v1"
RANK_RULE = "clayloop-rank:v1"
ANSWER_RULE = "clayloop-answer:v1"
JUDGE_RULE = "clayloop-judge:v1"

NEAR_DUPLICATE = 0.97
_ENOUGH_WORDS = 25
_MOST_PLACES = 10


@dataclass(frozen=True)
class Suggestion:
    """A suggested answer. ``score`` in 0.5 … 1 is how sure the rule is; a language model does not say it."""

    value: str | int
    score: float | None
    agent: str

    def payload(self, question_id: str) -> dict[str, object]:
        sure = None if self.score is None else round(min(1.0, max(0.0, self.score)), 3)
        return {
            "question_id": question_id,
            "value": self.value,
            "score": sure,
            "agent": self.agent,
            "type": "model",
        }


def agent_name(rule: str, model: str) -> str:
    """Who suggests: the rule, its version, and the model it looked through."""
    return f"{rule}/{model}"[:200]


def suggest_chunk(chunk: Chunk, duplicate: float, duplicate_is_earlier: bool, agent: str) -> Suggestion:
    """Whether a chunk is worth keeping: long enough, prose around its code, no boilerplate, no copy of an
    earlier chunk.

    A logistic score over those signs. The weights are set by hand: before anybody has annotated there is
    nothing to fit them on.
    """
    body = chunk.body
    distinct = len(set(content_words(body)))
    odds = 1.5
    odds += 1.5 * min(1.0, distinct / _ENOUGH_WORDS) - (2.5 if distinct < 6 else 0.0)
    odds -= 3.5 * link_share(body)
    odds -= 2.0 * max(0.0, code_share(body) - 0.8) / 0.2
    odds -= 2.0 if is_boilerplate(body) else 0.0
    odds -= 4.0 if is_change_entry(chunk.heading, body) else 0.0
    odds -= 5.0 if duplicate >= NEAR_DUPLICATE and duplicate_is_earlier else 0.0
    return _from_odds(odds, agent)


def places_that_count(chunks: int) -> int:
    """The k of "among the top k": ten in a large corpus, fewer in a small one."""
    return max(1, min(_MOST_PLACES, round(math.sqrt(chunks) / 2)))


def suggest_positive(place: int, chunks: int, agent: str) -> Suggestion:
    """Relevant when a search for the query finds its chunk among the top k of ``chunks``."""
    top = places_that_count(chunks)
    if place <= top:
        return Suggestion(YES, 1 - 0.45 * (place - 1) / top, agent)
    return Suggestion(NO, 0.5 + 0.5 * _distance(place, top, chunks), agent)


def suggest_negative(
    place: int, cosine: float, positive_cosine: float, chunks: int, agent: str
) -> Suggestion:
    """Irrelevant when a search for it does not find the chunk and it is less similar to the chunk than the
    positive is."""
    top = places_that_count(chunks)
    if place <= top:
        return Suggestion(NO, 1 - 0.45 * (place - 1) / top, agent)
    if cosine >= positive_cosine:
        return Suggestion(NO, 0.55, agent)
    return Suggestion(YES, 0.5 + 0.5 * _distance(place, top, chunks), agent)


def no_negative(agent: str) -> Suggestion:
    """Irrelevant: there is no negative that the anchor could answer."""
    return Suggestion(YES, 1.0, agent)


def suggest_answer(turn: Turn, sources: Sequence[str], agent: str) -> dict[str, Suggestion]:
    """For a conversation: ``is_response_correct`` and ``out_of_guardrails``.

    Looks at the best source's similarity to the question and at how much of the answer's wording occurs in
    the ``sources`` (their texts; empty when unknown).
    """
    similar = 6 * (turn.score - 0.4)
    if turn.refused:
        # Saying "I don't know" is right when nothing similar was there to be found.
        return {
            "is_response_correct": _from_odds(-similar, agent),
            "out_of_guardrails": Suggestion(NO, 0.95, agent),
        }
    if not sources:
        return {
            "is_response_correct": _from_odds(similar, agent),
            "out_of_guardrails": _from_odds(-1.5 - similar, agent),
        }
    grounded = 6 * (coverage(turn.answer, "\n".join(sources), {}) - 0.4)
    return {
        "is_response_correct": _from_odds(0.5 * (similar + grounded), agent),
        "out_of_guardrails": _from_odds(-1.5 - 0.5 * (similar + grounded), agent),
    }


def _from_odds(odds: float, agent: str) -> Suggestion:
    yes = 1 / (1 + math.exp(-odds))
    return Suggestion(YES, yes, agent) if yes >= 0.5 else Suggestion(NO, 1 - yes, agent)


def _distance(place: int, top: int, chunks: int) -> float:
    """0 just below the top k, 1 in the last place, on a logarithmic scale."""
    if chunks <= top + 1:
        return 0.5
    return min(1.0, math.log(place / top) / math.log(chunks / top))
