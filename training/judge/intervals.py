"""How sure a difference is: bootstrap confidence intervals (Efron 1979; for retrieval: Sakai 2006, SIGIR), by
scipy."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import AfterValidator, BaseModel, ConfigDict

from training.settings import RESAMPLES, SEED, Verdict

Values = npt.NDArray[np.float64]

# Sums of the same numbers in another order differ by less than this.
ROUNDING = 1e-9
_BATCH = 500  # resamples drawn at once: bounds the memory for large samples


Rounded = Annotated[float, AfterValidator(lambda value: round(value, 6))]


class Interval(BaseModel):
    """An estimate and the two-sided interval around it. ``size`` counts what was drawn from (questions,
    decisions)."""

    model_config = ConfigDict(frozen=True)

    estimate: Rounded
    low: Rounded
    high: Rounded
    confidence: float
    size: int

    def __str__(self) -> str:
        return f"{self.estimate:+.3f} [{self.low:+.3f}, {self.high:+.3f}]"

    @property
    def percent(self) -> str:
        """For a share."""
        return f"{self.estimate:.0%} [{self.low:.0%} to {self.high:.0%}]"


def mean_interval(
    differences: Sequence[float], confidence: float, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """The mean of paired differences (one per question, new − old) and its percentile-bootstrap interval.

    The pairs are what is drawn again, with replacement. The same input and seed give the same interval,
    whatever the order of the questions. Raises ValueError without any difference.
    """
    if not len(differences):
        raise ValueError("an interval needs at least one difference")
    # Sorted: the interval must not depend on the order in which annotators worked.
    values: Values = np.sort(np.asarray(differences, dtype=np.float64))
    return bootstrap_interval((values,), np.mean, confidence, resamples, seed)


def expanded_interval(
    differences: Sequence[float], confidence: float, resamples: int = RESAMPLES, seed: int = SEED
) -> Interval:
    """``mean_interval`` where something is to be let through: as wide as few differences ask for.

    A percentile interval of few values is too narrow: it takes their spread for the true one, and a little
    too small. Its ends are therefore taken further out, where Student's t would have them (the expanded
    percentile interval: Hesterberg 2015, The American Statistician 69). From some fifty differences on the
    two hardly differ.
    """
    from scipy.stats import norm, t

    size, wider = len(differences), confidence
    if size > 1:
        ends = np.sqrt(size / (size - 1)) * t.ppf((1 + confidence) / 2, size - 1)
        wider = float(1 - 2 * norm.cdf(-ends))
    found = mean_interval(differences, wider, resamples, seed)
    return found.model_copy(update={"confidence": confidence})


def bootstrap_interval(
    samples: Sequence[npt.NDArray[Any]],
    statistic: Callable[..., Any],
    confidence: float,
    resamples: int = RESAMPLES,
    seed: int = SEED,
) -> Interval:
    """The interval of ``statistic(*samples, axis=-1)``, each sample drawn on its own."""
    from scipy.stats import bootstrap

    estimate = float(statistic(*samples, axis=-1))
    low = high = estimate
    if any(np.ptp(sample) > 0 for sample in samples):
        found = bootstrap(
            tuple(samples),
            statistic,
            n_resamples=resamples,
            batch=_BATCH,
            vectorized=True,
            confidence_level=confidence,
            method="percentile",
            rng=np.random.default_rng(seed),
        ).confidence_interval
        low, high = float(found.low), float(found.high)
    size = sum(map(len, samples))
    return Interval(estimate=estimate, low=low, high=high, confidence=confidence, size=size)


def share_interval(count: int, of: int, confidence: float) -> Interval:
    """``count`` of ``of`` (at least one) and the exact binomial interval (Clopper and Pearson 1934)."""
    from scipy.stats import binomtest

    found = binomtest(count, of).proportion_ci(confidence, method="exact")
    return Interval(estimate=count / of, low=found.low, high=found.high, confidence=confidence, size=of)


def classify(interval: Interval, margin: float) -> Verdict:
    """What the interval of new − old says, against a non-inferiority ``margin`` (Piaggio et al. 2012, JAMA).

    ``superior``: all of it above 0. ``non-inferior``: all of it above −margin. ``inferior``: all of it below
    0, and not all above −margin. ``inconclusive``: the rest, where more questions are needed to tell, and an
    interval that is not of numbers.
    """
    if interval.low > ROUNDING:
        return "superior"
    if interval.low >= -margin - ROUNDING:
        return "non-inferior"
    if interval.high < -ROUNDING:
        return "inferior"
    return "inconclusive"
