"""A scorer: how probable *yes* is, from a record's features. Logistic: what it weighs can be read.

The cold ones are set by hand, because before anybody has annotated there is nothing to fit them on. What they
are worth is measured (docs/measurements/2026-11-curation.md); a question without one gets no suggestion until
one was learned.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import StateError
from curation.files import read_json, write_json
from curation.suggestions.features import Features

VERSION = "v4"
SUGGESTIONS_FOLDER = "suggestions"  # of a release
COLD = "cold"  # as a feature: what the cold scorer makes of the others
LEAST_AUC = 0.85
"""From here on a scorer counts as shown to tell yes from no."""

_WEIGHTS, _DETAILS = "scorers.safetensors", "scorers.json"
_MOST_ODDS = 30.0


class Scorer(BaseModel):
    """One question's. ``auc`` and ``loss`` (log loss) are those of decisions that it had not seen; None for a
    cold one that nobody has checked here. ``learned_from`` are the records that it learned from."""

    model_config = ConfigDict(frozen=True)

    question: str
    agent: str
    weights: dict[str, float]
    means: dict[str, float] = {}
    scales: dict[str, float] = {}
    bias: float
    auc: float | None = None
    loss: float | None = None
    learned_from: tuple[str, ...] = ()

    @property
    def discriminates(self) -> bool:
        """Whether it may suggest: a cold one where it was not shown otherwise, a learned one where shown."""
        return self.auc is None or self.auc >= LEAST_AUC

    def odds(self, features: Features) -> float | None:
        """The logarithm of the odds of yes; None where a feature is missing."""
        values = dict(features)
        if COLD in self.weights and (cold := COLD_SCORERS.get(self.question)) is not None:
            values[COLD] = cold.odds(features) or 0.0
        if not self.weights.keys() <= values.keys():
            return None
        parts = (
            weight * (values[name] - self.means.get(name, 0.0)) / self.scales.get(name, 1.0)
            for name, weight in self.weights.items()
        )
        return min(_MOST_ODDS, max(-_MOST_ODDS, self.bias + sum(parts)))

    def probability(self, features: Features) -> float | None:
        odds = self.odds(features)
        return None if odds is None else 1 / (1 + math.exp(-odds))


Scorers = Mapping[str, Scorer]


def _cold(question: str, kind: str, bias: float, weights: Features) -> Scorer:
    return Scorer(question=question, agent=f"clayloop-{kind}:{VERSION}", weights=weights, bias=bias)


_ANSWERS = {
    "margin": 6.0,
    "cosine": 2.0,
    "first": 1.0,
    "near the top": 0.5,
    "depth": -5.0,
    "covered more": 2.0,
    "in heading": 1.0,
    "in heading more": 3.0,
}

COLD_SCORERS: dict[str, Scorer] = {
    scorer.question: scorer
    for scorer in (
        _cold(
            "good_chunk",
            "chunk",
            -1.0,
            {
                "words": 0.9,
                "sentences": 0.5,
                "names": 0.9,
                "no sentence": -1.0,
                "few words": -1.5,
                "only code": 1.8,  # has no words to be judged by: even, so nothing is suggested
                "starts in the middle": -1.0,
                "pointers": -2.5,
                "points back": -3.0,
                "printed": -2.0,
                "pins": -2.5,
                "links": -3.5,
                "boilerplate": -2.0,
                "changes": -4.0,
                "copy": -5.0,
            },
        ),
        _cold("is_positive_relevant", "query", -2.0, {**_ANSWERS, "makes sense alone": 2.0}),
        _cold("is_negative_irrelevant", "query", 0.0, {name: -weight for name, weight in _ANSWERS.items()}),
    )
}


def save_scorers(folder: Path, scorers: Scorers) -> None:
    """Write them into ``folder``: what is weighed and how well as JSON, the numbers as safetensors."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    tensors = {}
    for question, scorer in scorers.items():
        names = list(scorer.weights)
        rows = [
            [scorer.weights[name] for name in names],
            [scorer.means.get(name, 0.0) for name in names],
            [scorer.scales.get(name, 1.0) for name in names],
        ]
        tensors[question] = np.asarray(rows, np.float64)
        tensors[f"{question}.bias"] = np.asarray([scorer.bias], np.float64)
    save_file(tensors, folder / _WEIGHTS)
    details = [
        {
            **scorer.model_dump(mode="json", exclude={"weights", "means", "scales", "bias"}),
            "features": list(scorer.weights),
        }
        for scorer in scorers.values()
    ]
    write_json(folder / _DETAILS, details)


def load_scorers(folder: Path) -> dict[str, Scorer]:
    """What ``save_scorers`` wrote, by question; nothing where nothing was learned. Raises StateError for
    damaged files."""
    if not (folder / _DETAILS).exists():
        return {}
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(folder / _WEIGHTS)
        found = {}
        for one in read_json(folder / _DETAILS):
            question, names = one["question"], one.pop("features")
            rows = [dict(zip(names, map(float, row), strict=True)) for row in tensors[question]]
            weights, means, scales = rows
            bias = float(tensors[f"{question}.bias"][0])
            found[question] = Scorer(**one, weights=weights, means=means, scales=scales, bias=bias)
        return found
    except (OSError, ValueError, KeyError, TypeError, ValidationError, SafetensorError) as error:
        raise StateError(
            f"The learned suggestions in {folder} are damaged: {error}",
            "Promote another release, or retrain.",
        ) from error
