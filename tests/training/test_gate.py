"""Whether a candidate may be served."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.gate import judge
from training.settings import GateSettings

_figure = st.floats(0, 1)


def _judge(before: float, after: float, queries: int = 50, **gate: float) -> tuple[bool, str]:
    verdict = judge({"ndcg@10": before}, {"ndcg@10": after}, queries, GateSettings(**gate))  # type: ignore[arg-type]
    return verdict.promoted, verdict.reason


@pytest.mark.parametrize(
    ("before", "after", "promoted", "words"),
    [
        (0.5, 0.6, True, "better than the served release (ndcg@10 0.500 → 0.600 on 50"),
        (0.5, 0.5, True, "as good as"),
        (0.5, 0.49, False, "Rejected: worse than the served release"),
    ],
)
def test_not_worse_is_good_enough(before: float, after: float, promoted: bool, words: str) -> None:
    found, reason = _judge(before, after)
    assert found == promoted
    assert words in reason


def test_within_the_margin() -> None:
    assert _judge(0.50, 0.49, margin=0.02)[0]
    assert not _judge(0.50, 0.47, margin=0.02)[0]


def test_too_few_questions_are_no_verdict() -> None:
    promoted, reason = _judge(0.1, 0.9, queries=4)
    assert not promoted
    assert "4 accepted questions are held out" in reason


@given(_figure, _figure, st.floats(0, 0.2))
def test_a_worse_candidate_never_passes(before: float, after: float, margin: float) -> None:
    promoted, _ = _judge(before, after, margin=margin)
    assert promoted == (after >= before - margin - 1e-9)
