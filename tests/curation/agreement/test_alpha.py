"""Alpha, against published worked examples."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings, strategies as st

from curation.agreement.alpha import alpha_of

# Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", examples A, B and C: a row is an observer,
# a dot nothing said.
PUBLISHED = [
    (["0100000010", "1110010000"], 0.095),
    (["aabbdcccedda", "babbbccceddd"], 0.692),
    (["123321412...", "1233224125.3", ".3332342251.", "12332441251."], 0.743),
]


def said(observers: list[str]) -> list[list[str]]:
    """By unit."""
    return [[value for value in unit if value != "."] for unit in zip(*observers, strict=True)]


@pytest.mark.parametrize(("observers", "alpha"), PUBLISHED)
def test_alpha_is_that_of_published_examples(observers: list[str], alpha: float) -> None:
    found = alpha_of(said(observers))
    assert found.value == pytest.approx(alpha, abs=0.0005)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= alpha <= found.high


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.sampled_from(["yes", "no"]), max_size=4), max_size=12), st.randoms())
def test_the_order_never_matters(answers: list[list[str]], chance: random.Random) -> None:
    shuffled = [chance.sample(one, len(one)) for one in chance.sample(answers, len(answers))]
    assert alpha_of(shuffled) == alpha_of(answers)


@pytest.mark.parametrize("answers", [[], [["yes"]] * 9, [["yes", "yes"]] * 9, [["yes", "no"]]])
def test_where_alpha_is_not_defined_it_says_so(answers: list[list[str]]) -> None:
    assert alpha_of(answers).value is None
