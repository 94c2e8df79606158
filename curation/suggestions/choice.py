"""What is shown to annotators: a suggestion only where it helps, and none for a control group.

A suggestion that always says yes teaches people to click yes. So there is none where the scorer was not shown
to tell yes from no, none where it is not sure, and none for one record in ten, whatever the scorer says: how
often people keep what was suggested there against how often they agree with what was not shown tells what
anchoring does (Tversky and Kahneman 1974, doi:10.1126/science.185.4157.1124).
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.records.identity import content_id
from curation.suggestions.features import Features
from curation.suggestions.scorer import COLD_SCORERS, Scorers

SIGNALS = "signals"  # the metadata of a record that hold its guesses
LEAST_SURE = 0.6
CONTROL_SHARE = 0.1
_DECIMALS = 4


class Guess(BaseModel):
    """What a scorer makes of one question to one record. ``probability`` is that of yes; ``shown`` says
    whether it was suggested: what is too weak for that still orders the queue. Kept with the record, so that
    its features can be learned from later."""

    model_config = ConfigDict(frozen=True)

    features: Features
    probability: float | None = None
    agent: str = ""
    shown: bool = False
    control: bool = False

    @property
    def value(self) -> str:
        """What it says, shown or not; "" for nothing."""
        if self.probability is None:
            return ""
        return "yes" if self.probability >= 0.5 else "no"

    @property
    def score(self) -> float:
        """How probable ``value`` is, 0.5 to 1."""
        known = 0.5 if self.probability is None else self.probability
        return max(known, 1 - known)


Guesses = dict[str, Guess]


def guess(question: str, record_id: str, features: Features, scorers: Scorers) -> Guess:
    """What is said about ``question``, and whether it is shown. ``scorers`` are the learned ones."""
    rounded = {name: round(value, _DECIMALS) for name, value in features.items()}
    scorer = scorers.get(question) or COLD_SCORERS.get(question)
    probability = scorer.probability(rounded) if scorer is not None else None
    if scorer is None or probability is None:
        return Guess(features=rounded)
    control = in_control_group(record_id)
    sure = scorer.discriminates and max(probability, 1 - probability) >= LEAST_SURE
    return Guess(
        features=rounded,
        probability=round(probability, _DECIMALS),
        agent=scorer.agent,
        shown=sure and not control,
        control=sure and control,
    )


def in_control_group(record_id: str) -> bool:
    """The same for the same record, in every push."""
    return int(content_id("control", record_id)[:8], 16) % round(1 / CONTROL_SHARE) == 0


def written(guesses: Mapping[str, Guess]) -> str:
    """As a record keeps them, in its metadata."""
    kept = {question: one.model_dump(exclude_defaults=True) for question, one in guesses.items()}
    return json.dumps(kept, sort_keys=True, separators=(",", ":"))


def read_guesses(text: object) -> Guesses:
    """What ``written`` wrote; nothing for anything else."""
    try:
        found = json.loads(text) if isinstance(text, str) else {}
        return {str(question): Guess.model_validate(one) for question, one in found.items()}
    except (ValueError, AttributeError, ValidationError):
        return {}
