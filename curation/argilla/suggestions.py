"""Suggested answers as Argilla keeps them, and what each record remembers of how they came about.

An agent's name carries the version of its rule (or what it was learned from) and the embedding model. Only
records that nobody has answered get another suggestion, and one by somebody else's agent is never
overwritten.
"""

from __future__ import annotations

from dataclasses import dataclass

from curation.argilla.filters import Metadata
from curation.argilla.schemas import PRIORITY
from curation.suggestions.choice import SIGNALS, Guess, Guesses, read_guesses, written
from curation.suggestions.priority import NOT_ASKED, priority
from curation.suggestions.scorer import COLD_SCORERS, VERSION, Scorers

AGENT_PREFIX = "clayloop-"
SUGGESTED_BY = "suggested_by"  # metadata: which scorers looked at the record
NOBODY = f"nobody:{VERSION}"
JUDGE_RULE = "clayloop-judge:v1"


@dataclass(frozen=True)
class Suggestion:
    """A suggested answer. ``score`` is the probability of ``value``, 0.5 to 1; a language model says none."""

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


def scorers_for(questions: tuple[str, ...], scorers: Scorers, model: str) -> str:
    """Whose word counts for ``questions`` now: changes when the scorers, their version or verdict, or the
    model do."""
    found = [scorers.get(name) or COLD_SCORERS.get(name) for name in questions]
    agents = dict.fromkeys(
        one.agent if one.discriminates else f"{one.agent} (orders only)" for one in found if one is not None
    )
    return agent_name("+".join(agents) or NOBODY, model)


def suggestions_of(guesses: Guesses, model: str) -> dict[str, Suggestion]:
    """Those that are shown, by question."""
    return {
        question: Suggestion(one.value, one.score, agent_name(one.agent, model))
        for question, one in guesses.items()
        if one.shown
    }


def no_negative(guesses: Guesses) -> Guesses:
    """Nothing needs to be guessed where there is no negative: it is surely irrelevant."""
    sure = Guess(features={}, probability=1.0, agent=f"{AGENT_PREFIX}no-negative:v1", shown=True)
    return {**guesses, "is_negative_irrelevant": sure}


def hidden(guesses: Guesses) -> Guesses:
    """The same, where nothing may be shown."""
    return {name: one.model_copy(update={"shown": False, "control": False}) for name, one in guesses.items()}


def remembered(guesses: Guesses, by: str, asked: bool = True) -> Metadata:
    """The metadata that say how the suggestions came about, and how soon to ask."""
    worth = priority(guesses) if asked else NOT_ASKED
    return {SIGNALS: written(guesses), SUGGESTED_BY: by, PRIORITY.name: worth}


def priority_of(signals: object, asked: bool) -> float:
    """How soon to ask about a record, by what it remembers."""
    return priority(read_guesses(signals)) if asked else NOT_ASKED
