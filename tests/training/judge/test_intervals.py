"""How sure a difference is: intervals, and what follows from where they lie."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from training.judge.intervals import Interval, classify, expanded_interval, mean_interval

_figure = st.floats(0, 1)
_some = st.lists(_figure, min_size=10, max_size=40)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of the mean of 40 skewed differences, as fine-tuning makes them: two in five unchanged, few changed a
    lot."""
    chance = np.random.default_rng(1)
    truth, hits = 0.075, 0
    for number in range(300):
        changes = chance.choice([0.0, 0.0, 0.1, -0.1, 0.375], 40)
        found = mean_interval(changes.tolist(), 0.9, 500, seed=number)
        hits += found.low <= truth <= found.high
    assert 0.84 < hits / 300 < 0.95


@pytest.mark.parametrize("questions", [8, 10])
def test_a_loss_as_large_as_the_margin_passes_about_as_seldom_as_it_says(questions: int) -> None:
    """Once in twenty is promised at 90%; the plain interval lets one in ten (of eight) or twelve (of ten)
    through."""
    chance = np.random.default_rng(2)
    passed = 0
    for number in range(1200):
        changes = chance.normal(-0.03, 0.2, questions).tolist()
        verdict = classify(expanded_interval(changes, 0.9, 400, number), 0.03)
        passed += verdict in ("superior", "non-inferior")
    assert 0.03 < passed / 1200 < 0.075


@given(_some)
@settings(max_examples=20, deadline=None)
def test_what_lets_through_is_never_narrower(values: list[float]) -> None:
    plain, wide = mean_interval(values, 0.9, 400), expanded_interval(values, 0.9, 400)
    assert wide.low <= plain.low and wide.high >= plain.high
    assert (wide.estimate, wide.confidence, wide.size) == (plain.estimate, 0.9, len(values))
    many = values * 30
    plain, wide = mean_interval(many, 0.9, 400), expanded_interval(many, 0.9, 400)
    assert wide.low == pytest.approx(plain.low, abs=0.01)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_an_interval_of_very_few_is_one_all_the_same(size: int) -> None:
    found = expanded_interval([0.1, 0.2, 0.4][:size], 0.9)
    assert found.low == 0.1 and found.high == [0.1, 0.2, 0.4][size - 1]


@given(_some, st.randoms())
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_questions_does_not_matter(values: list[float], chance: Any) -> None:
    shuffled = values[:]
    chance.shuffle(shuffled)
    assert mean_interval(values, 0.9, 300) == mean_interval(shuffled, 0.9, 300)


@given(_some)
@settings(max_examples=20, deadline=None)
def test_the_estimate_is_within(values: list[float]) -> None:
    found = mean_interval(values, 0.9, 300)
    assert found.low - 1e-6 <= found.estimate <= found.high + 1e-6
    assert found.estimate == pytest.approx(np.mean(values), abs=1e-6)


def test_equal_differences_leave_no_doubt() -> None:
    found = mean_interval([0.1] * 12, 0.9)
    assert (found.low, found.high) == (0.1, 0.1)
    with pytest.raises(ValueError, match="at least one"):
        mean_interval([], 0.9)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.01, 0.1, "superior"),
        (0.0, 0.1, "non-inferior"),
        (-0.02, 0.1, "non-inferior"),
        (-0.02, -0.01, "non-inferior"),  # a loss for certain, and for certain smaller than the margin
        (-0.05, 0.1, "inconclusive"),
        (-0.05, 0.0, "inconclusive"),
        (-0.05, -0.01, "inferior"),
    ],
)
def test_the_four_verdicts(low: float, high: float, verdict: str) -> None:
    found = Interval(estimate=(low + high) / 2, low=low, high=high, confidence=0.9, size=50)
    assert classify(found, 0.03) == verdict
