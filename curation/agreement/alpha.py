"""Krippendorff's alpha (Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability"), by the package
``krippendorff``, with a bootstrap interval over the records (Efron and Tibshirani 1993)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Sequence

import numpy as np
from pydantic import BaseModel, ConfigDict

_DRAWS = 1000
_SEED = 15
_INTERVAL = (2.5, 97.5)  # percent


class Alpha(BaseModel):
    """1 is agreement, 0 what chance gives, below that they contradict each other. None where it is not
    defined: fewer than two records with two answers, or all answers the same. ``low`` and ``high`` are the
    95% interval; ``records`` those with at least two answers."""

    model_config = ConfigDict(frozen=True)

    records: int
    value: float | None = None
    low: float | None = None
    high: float | None = None


def alpha_of(answers: Iterable[Sequence[Hashable]]) -> Alpha:
    """Of nominal values: for each record, what its annotators said. No order matters."""
    compared = sorted(sorted(map(str, of_record)) for of_record in answers if len(of_record) > 1)
    values = sorted({value for of_record in compared for value in of_record})
    if len(compared) < 2 or len(values) < 2:
        return Alpha(records=len(compared))
    counts = np.array([[Counter(of_record)[value] for value in values] for of_record in compared])
    chance = np.random.default_rng(_SEED)
    drawn = [_alpha(counts[chance.integers(len(counts), size=len(counts))]) for _ in range(_DRAWS)]
    found = [one for one in drawn if one is not None]
    low, high = map(float, np.percentile(found, _INTERVAL)) if found else (None, None)
    return Alpha(records=len(compared), value=_alpha(counts), low=low, high=high)


def _alpha(counts: np.ndarray) -> float | None:
    import krippendorff

    counts = counts[:, counts.sum(axis=0) > 0]
    if counts.shape[1] < 2:
        return None
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement="nominal"))
