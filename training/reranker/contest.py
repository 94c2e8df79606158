"""Whether a reranker pays: retrieval with it against retrieval alone, on questions that nobody trained on."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from training.judge.intervals import Interval, classify, mean_interval
from training.reranker.aside import LEAST_QUESTIONS
from training.settings import GateSettings, Verdict

# How much its scores may weigh against the cosines (serving.reranking.fuse).
WEIGHTS = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
_FOLDS = 5
_SALT = "clayloop reranker fold 1\t"

PerWeight = Mapping[float, Sequence[float]]


class RerankerVerdict(BaseModel):
    """The outcome. ``alone`` and ``fused`` are means of ``metric`` over the ``questions``; ``interval`` is of the mean of
    fused − alone. ``weight`` is what its scores weigh in service; ``milliseconds`` the median that it adds to a question.
    ``weights`` has the mean for each weight (0: retrieval alone, 1: the order is all the reranker's).

    ``fused`` is an honest figure: each question is ranked with the weight that suits the *other* folds best. With the weight
    that suits them all it would be flattered by its own choice.
    """

    model_config = ConfigDict(frozen=True)

    adopted: bool = False
    verdict: Verdict = "not-enough"
    reason: str
    metric: str = ""
    questions: int = 0
    alone: float = 0.0
    fused: float = 0.0
    interval: Interval | None = None
    weight: float = 0.0
    milliseconds: float = 0.0
    weights: dict[float, float] = Field(default_factory=dict)


def decide(
    values: PerWeight, folds: Sequence[int], milliseconds: float, limit: float, gate: GateSettings
) -> RerankerVerdict:
    """Adopt it if the mixture is surely better than the cosines alone and fast enough.

    ``values`` maps each weight, 0 among them, to the metric of every question in turn, and ``folds`` says which questions
    belong together. ``limit`` is in milliseconds.
    """
    alone = values[0.0]
    fused = cross_fitted(values, folds)
    interval = mean_interval(
        [new - old for new, old in zip(fused, alone, strict=True)],
        gate.confidence,
        gate.resamples,
        gate.seed,
    )
    verdict = classify(interval, gate.margin)
    weight = best_weight(values, range(len(alone)))
    figures = (
        f"{gate.metric} {fmean(alone):.3f} → {fmean(fused):.3f} on {len(alone)} questions set aside, "
        f"{interval} at {gate.confidence:.0%}"
    )
    is_better = verdict == "superior" and weight > 0
    is_quick = milliseconds <= limit
    if not is_better:
        reason = f"Not adopted: not surely better than retrieval alone ({figures})."
    elif not is_quick:
        reason = f"Not adopted: better ({figures}), but slower than training.reranker.latency_ms allows ({limit:g} ms)."
    else:
        reason = f"Adopted: better than retrieval alone ({figures}), its scores weigh {weight:g}."
    return RerankerVerdict(
        adopted=is_better and is_quick,
        verdict=verdict,
        reason=reason,
        metric=gate.metric,
        questions=len(alone),
        alone=round(fmean(alone), 6),
        fused=round(fmean(fused), 6),
        interval=interval,
        weight=weight,
        milliseconds=round(milliseconds, 1),
        weights={one: round(fmean(rows), 6) for one, rows in values.items()},
    )


def too_few(questions: int) -> RerankerVerdict:
    """The verdict where there is nothing to judge by."""
    reason = f"Not trained: {questions} questions could be set aside, and {LEAST_QUESTIONS} are needed to tell whether it pays."
    return RerankerVerdict(reason=reason, questions=questions)


def best_weight(values: PerWeight, questions: Sequence[int]) -> float:
    """The weight with the best mean over some of the questions; of equally good ones the smallest."""
    means = {weight: fmean(rows[number] for number in questions) for weight, rows in values.items()}
    best = max(means.values())
    return min(weight for weight, mean in means.items() if mean >= best - 1e-9)


def cross_fitted(values: PerWeight, folds: Sequence[int]) -> list[float]:
    """The metric of every question under the weight that is best for the questions of the other folds."""
    everything = range(len(folds))
    chosen = {}
    for fold in set(folds):
        others = [number for number in everything if folds[number] != fold]
        chosen[fold] = best_weight(values, others) if others else 0.0
    return [values[chosen[folds[number]]][number] for number in everything]


def fold_of(name: str) -> int:
    """A stable fold for whatever has this name."""
    digest = hashlib.sha256((_SALT + name).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") % _FOLDS
