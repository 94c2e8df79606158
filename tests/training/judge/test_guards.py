"""What holds a candidate back although its mean is better."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from tests.training.judge.comparisons import REFUSES, compared, comparison, failures, question
from training.judge.comparison import Comparison, Latency
from training.judge.gate import GateVerdict, judge
from training.settings import GateSettings, GuardSettings


def _judge(found: Comparison, **gate: Any) -> GateVerdict:
    return judge(found, GateSettings(**gate))


_SAME = compared([0.5] * 40, [0.5] * 40)


def test_a_loss_on_the_earlier_questions_is_not_hidden_by_new_ones() -> None:
    before = [0.5] * 60
    after = [0.3] * 20 + [0.9] * 40
    found = comparison(compared(before, after), earlier=[f"q{number}" for number in range(20)])
    assert set(failures(found)) == {"earlier questions"}
    verdict = _judge(found)
    assert verdict.earlier is not None and verdict.fresh is not None
    assert (verdict.earlier.estimate, verdict.fresh.estimate) == (pytest.approx(-0.2), pytest.approx(0.4))


def test_losses_that_add_up_are_seen_against_the_base() -> None:
    served, candidate, base = [0.4] * 40, [0.4] * 40, [0.6] * 40
    assert set(failures(comparison(compared(served, candidate, base)))) == {"base model"}


def test_the_base_model_is_compared_on_all_questions_that_decide() -> None:
    mine = compared([0.5] * 100, [0.49] * 100, [0.9] * 100, kind="own", name="mine")
    assert set(failures(comparison(compared([], []), [mine]))) == {"base model"}
    one_worse = compared([0.63], [0.5], [0.63])
    better = compared([0.5] * 100, [0.6] * 100, kind="own", name="mine")
    assert failures(comparison(one_worse, [better])) == {}


@pytest.mark.parametrize("queries", [1, 9, 10])
def test_a_few_questions_hold_nothing_up(queries: int) -> None:
    """Of one's own about other things, or of those that decide where the verdict asks for fewer."""
    two = compared([1.0] * queries, [0.63] * queries, kind="generic", name="two")
    held = {"forgetting (two)"} if queries >= 10 else set()
    assert set(failures(comparison(_SAME, [two]))) == held
    below = comparison(compared([0.4] * queries, [0.4] * queries, [0.6] * queries))
    if queries >= 5:
        held = {"base model"} if queries >= 10 else set()
        assert set(failures(below, min_queries=5)) == held


def test_forgetting_and_own_sets() -> None:
    generic = compared([0.9] * 64, [0.7] * 64, kind="generic", name="generic")
    assert set(failures(comparison(_SAME, [generic]))) == {"forgetting (generic)"}
    slightly = compared([0.9] * 64, [0.87] * 64, kind="generic", name="generic")
    assert failures(comparison(_SAME, [slightly])) == {}
    better = compared([0.5] * 80, [0.7] * 80)
    mine = compared([0.9] * 20, [0.5] * 20, kind="own", name="mine")
    assert set(failures(comparison(better, [mine]))) == {"test set mine"}


@pytest.mark.parametrize("margin", [0.0, 0.03, 0.1])
def test_margins_of_guards_are_their_own(margin: float) -> None:
    """They are neither widened nor narrowed to the verdict's."""
    asked = [question(number, section="faq" if number % 3 == 0 else "howto") for number in range(90)]
    for drop, held in ((0.06, {"slices"}), (0.04, set())):
        after = [0.5 - drop if number % 3 == 0 else 0.6 for number in range(90)]
        found = comparison(compared([0.5] * 90, after, questions=asked))
        assert set(failures(found, margin=margin)) == held
    for drop, held in ((0.06, {"forgetting (generic)"}), (0.04, set())):
        generic = compared([0.9] * 64, [0.9 - drop] * 64, kind="generic", name="generic")
        assert set(failures(comparison(_SAME, [generic]), margin=margin)) == held


def test_forgetting_needs_a_drop_that_is_certain() -> None:
    chance = np.random.default_rng(0)

    def generic(by: float, spread: float) -> Comparison:
        moved = chance.normal(0, spread, 64)
        after = (0.8 + by + moved - moved.mean()).tolist()
        return comparison(_SAME, [compared([0.8] * 64, after, kind="generic", name="generic")])

    assert set(failures(generic(-0.06, 0.05))) == {"forgetting (generic)"}
    assert failures(generic(-0.06, 0.5)) == {}
    assert failures(generic(-0.04, 0.01)) == {}


def test_latency_within_limits() -> None:
    assert set(failures(comparison(_SAME, latency=(0.02, 0.05)))) == {"latency"}
    assert failures(comparison(_SAME, latency=(0.02, 0.035))) == {}
    assert failures(comparison(_SAME, latency=(0.0001, 0.001))) == {}  # the clock's noise


def test_a_reranker_may_take_a_second_and_no_more() -> None:
    def reranking(seconds: float) -> Comparison:
        took = Latency(served=0.02, candidate=seconds, reranks=True)
        return comparison(_SAME).model_copy(update={"latency": took})

    assert failures(reranking(0.9)) == {}
    assert "or 1 s with a reranker" in failures(reranking(1.1))["latency"]
    slow = Latency(served=0.8, candidate=1.5, reranks=True)  # the served release has one too
    assert failures(comparison(_SAME).model_copy(update={"latency": slow})) == {}


def test_strange_questions_are_refused_as_before_and_smoke_questions_pass() -> None:
    talks = REFUSES.model_copy(update={"answered": 0.4})
    assert set(failures(comparison(_SAME, candidate=talks))) == {"refusal"}
    guards = GuardSettings(smoke=["How do I start?"], refuse=["What is for dinner?"])
    scored = REFUSES.model_copy(update={"smoke": {"How do I start?": 0.1, "What is for dinner?": 0.9}})
    failed = failures(comparison(_SAME, candidate=scored), guards=guards)
    assert failed == {"smoke questions": "refuses 'How do I start?'; answers 'What is for dinner?'"}
    right = REFUSES.model_copy(update={"smoke": {"How do I start?": 0.9, "What is for dinner?": 0.1}})
    assert failures(comparison(_SAME, candidate=right), guards=guards) == {}


def test_what_was_out_of_bounds_and_is_refused_stays_refused() -> None:
    refuses, answers = (REFUSES.model_copy(update={"smoke": {"Tell me a joke": sure}}) for sure in (0.1, 0.9))
    failed = failures(comparison(_SAME, served=refuses, candidate=answers))
    assert failed == {"out of bounds": "answers 'Tell me a joke'"}
    assert failures(comparison(_SAME, served=answers, candidate=answers)) == {}, "no candidate could pass"


def _refusing(before: int, after: int, of: int = 23) -> Comparison:
    """So many of the questions refused by the served release and by the candidate."""
    served, candidate = (
        REFUSES.model_copy(update={"refused": [number < count for number in range(of)]})
        for count in (before, after)
    )
    better = compared([0.5] * of, [0.6] * of)
    return comparison(better, served=served, candidate=candidate)


def test_who_refuses_what_it_should_answer_is_no_better() -> None:
    assert set(failures(_refusing(0, 9))) == {"refused questions"}
    detail = failures(_refusing(14, 20))["refused questions"]
    assert "of 23 questions that the bot should answer, 14 → 20 would be refused" in detail
    assert "serving.retrieval.min_score" in detail and "refused_rise" in detail
    for fine in (_refusing(0, 1), _refusing(9, 0), _refusing(0, 0), _refusing(0, 2), comparison(_SAME)):
        assert failures(fine) == {}
    assert failures(_refusing(0, 9), guards=GuardSettings(refused_rise=0.4)) == {}
    (guard,) = (one for one in _judge(_refusing(0, 2)).guards if one.name == "refused questions")
    assert "0 → 2" in guard.detail


@given(
    st.lists(st.tuples(st.booleans(), st.booleans()), min_size=20, max_size=60),
    st.floats(0, 1),
)
@settings(max_examples=40, deadline=None)
def test_more_refusals_than_allowed_hold_a_candidate_only_where_they_are_certain(
    pairs: list[tuple[bool, bool]], rise: float
) -> None:
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    served, candidate = (REFUSES.model_copy(update={"refused": one}) for one in (before, after))
    same = compared([0.5] * len(pairs), [0.5] * len(pairs))
    found = failures(
        comparison(same, served=served, candidate=candidate), guards=GuardSettings(refused_rise=rise)
    )
    if sum(after) - sum(before) <= rise * len(pairs):
        assert found == {}
    elif not any(old and not new for old, new in pairs) and sum(after) - sum(before) >= 0.35 * len(pairs):
        assert set(found) == {"refused questions"}


def test_the_guard_on_decisions_is_always_listed() -> None:
    (guard,) = (one for one in _judge(comparison(_SAME)).guards if one.name == "new decisions")
    assert guard.passed and "too few to tell" in guard.detail
    off = GuardSettings(decisions=False)
    assert "new decisions" not in {one.name for one in _judge(comparison(_SAME), guards=off).guards}
