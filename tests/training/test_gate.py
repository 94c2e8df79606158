"""Whether a candidate may be served: intervals, verdicts, guards."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from curation.errors import StateError
from tests.training.comparisons import REFUSES, compared, comparison, failures, question
from training.comparison import Comparison, read_comparison, write_comparison
from training.gate import GateVerdict, judge
from training.gate_settings import GuardSettings
from training.intervals import Interval, classify, expanded_interval, mean_interval
from training.settings import GateSettings

_figure = st.floats(0, 1)
_some = st.lists(_figure, min_size=10, max_size=40)


def _judge(found: Comparison, **gate: Any) -> GateVerdict:
    return judge(found, GateSettings(**gate))


def _shifted(by: float, queries: int = 50, spread: float = 0.1, seed: int = 0) -> Comparison:
    """Questions whose values change by ``by`` in the mean, give or take ``spread``."""
    chance = np.random.default_rng(seed)
    before = chance.uniform(0.3, 0.7, queries)
    moved = chance.normal(0, spread, queries)
    after = before + moved - moved.mean() + by
    return comparison(compared(before.tolist(), after.tolist()))


# intervals


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of the mean of 40 skewed differences, as fine-tuning makes them: two in five unchanged, few changed a lot."""
    chance = np.random.default_rng(1)
    truth, hits = 0.075, 0
    for number in range(300):
        changes = chance.choice([0.0, 0.0, 0.1, -0.1, 0.375], 40)
        found = mean_interval(changes.tolist(), 0.9, 500, seed=number)
        hits += found.low <= truth <= found.high
    assert 0.84 < hits / 300 < 0.95


@pytest.mark.parametrize("questions", [8, 10])
def test_a_loss_as_large_as_the_margin_passes_about_as_seldom_as_it_says(questions: int) -> None:
    """Once in twenty is promised at 90%; the plain interval lets one in ten (of eight) or twelve (of ten) through."""
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


# the verdict


@pytest.mark.parametrize(
    ("by", "verdict", "promoted", "words"),
    [
        (0.1, "superior", True, "Promoted: better than the served release (ndcg@10 "),
        (0.0, "non-inferior", True, "Promoted: not worse than the served release by more than the margin"),
        (-0.1, "inferior", False, "Rejected: worse than the served release"),
        (-0.02, "inconclusive", False, "Rejected: worse than the served release, though not for certain"),
    ],
)
def test_a_verdict_and_what_follows(by: float, verdict: str, promoted: bool, words: str) -> None:
    found = _judge(_shifted(by))
    assert (found.verdict, found.promoted) == (verdict, promoted)
    assert words in found.reason
    assert found.interval is not None and str(found.interval) in found.reason
    assert found.after - found.before == pytest.approx(found.interval.estimate, abs=1e-5)


def test_a_gain_that_is_too_uncertain_says_how_many_questions_would_tell() -> None:
    found = _judge(_shifted(0.03, queries=20, spread=0.3))
    assert (found.verdict, found.promoted) == ("inconclusive", False)
    assert "better than the served release, but too uncertain" in found.reason
    assert "held-out questions." in found.reason
    assert _judge(_shifted(0.03, queries=20, spread=0.3), promote=["inconclusive"]).promoted


def test_the_same_model_again_is_as_good() -> None:
    found = _judge(comparison(compared([0.5, 1.0, 0.0] * 7, [0.5, 1.0, 0.0] * 7)))
    assert (found.verdict, found.promoted) == ("non-inferior", True)
    assert "as good as the served release (" in found.reason
    asked_for_more = _judge(comparison(compared([0.5] * 20, [0.5] * 20)), promote=["superior"])
    assert not asked_for_more.promoted
    assert "the settings ask for more" in asked_for_more.reason


@pytest.mark.parametrize("queries", [1, 19])
def test_too_few_questions_are_a_verdict_of_their_own(queries: int) -> None:
    found = _judge(comparison(compared([0.1] * queries, [0.9] * queries)))
    assert (found.verdict, found.promoted, found.interval) == ("not-enough", False, None)
    assert f"Not enough to tell: {queries} accepted question" in found.reason


@pytest.mark.parametrize("wrong", [1, 20])
def test_figures_that_are_no_numbers_promote_nothing(wrong: int) -> None:
    found = comparison(compared([0.4] * 20, [0.9] * (20 - wrong) + [math.nan] * wrong))
    judged = _judge(found, promote=["superior", "non-inferior", "inconclusive"])
    assert (judged.verdict, judged.promoted) == ("inconclusive", False)
    assert "ndcg@10 is not a number" in judged.reason


@given(st.lists(st.tuples(_figure, _figure), min_size=20, max_size=40), st.floats(0, 0.2))
@settings(max_examples=30, deadline=None)
def test_a_mean_below_the_margin_never_passes(pairs: list[tuple[float, float]], margin: float) -> None:
    before, after = ([pair[side] for pair in pairs] for side in (0, 1))
    found = _judge(comparison(compared(before, after)), margin=margin, resamples=300)
    if found.promoted:
        assert sum(after) / len(after) >= sum(before) / len(before) - margin - 1e-6


def test_own_questions_decide_with_the_holdout() -> None:
    few = compared([0.5] * 12, [0.6] * 12)
    mine = compared([0.5] * 12, [0.6] * 12, kind="own", name="mine")
    assert _judge(comparison(few)).verdict == "not-enough"
    found = _judge(comparison(few, [mine]))
    assert (found.verdict, found.queries) == ("superior", 24)


@pytest.mark.parametrize("section", [GateSettings, GuardSettings])
def test_a_bar_that_one_question_passes_is_refused(section: Any) -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 5"):
        section(min_queries=1)
    assert section(min_queries=5).min_queries == 5


# guards


_SAME = compared([0.5] * 40, [0.5] * 40)


def test_a_loss_on_the_earlier_questions_is_not_hidden_by_new_ones() -> None:
    before = [0.5] * 60
    after = [0.3] * 20 + [0.9] * 40
    found = comparison(compared(before, after), known=[f"q{number}" for number in range(20)])
    assert set(failures(found)) == {"earlier questions"}
    verdict = _judge(found)
    assert verdict.known is not None and verdict.fresh is not None
    assert (verdict.known.estimate, verdict.fresh.estimate) == (pytest.approx(-0.2), pytest.approx(0.4))


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


def test_margins_of_guards_count_as_they_are_set() -> None:
    """A stricter one than the verdict's is not widened to it, and a wider one is not narrowed."""
    asked = [question(number, section="faq" if number % 3 == 0 else "howto") for number in range(90)]
    after = [0.47 if number % 3 == 0 else 0.6 for number in range(90)]
    found = comparison(compared([0.5] * 90, after, questions=asked))
    assert set(failures(found, guards=GuardSettings(slice_margin=0.02))) == {"slices"}
    assert set(failures(found, margin=0.1, guards=GuardSettings(slice_margin=0.02))) == {"slices"}
    assert failures(found, margin=0.1) == {}
    generic = compared([0.9] * 64, [0.87] * 64, kind="generic", name="generic")
    for margin in (0.0, 0.1):
        strict = failures(
            comparison(_SAME, [generic]), margin=margin, guards=GuardSettings(generic_margin=0.02)
        )
        assert set(strict) == {"forgetting (generic)"}


def test_forgetting_needs_a_drop_that_is_certain() -> None:
    chance = np.random.default_rng(0)

    def generic(by: float, spread: float) -> Comparison:
        moved = chance.normal(0, spread, 64)
        after = (0.8 + by + moved - moved.mean()).tolist()
        return comparison(_SAME, [compared([0.8] * 64, after, kind="generic", name="generic")])

    assert set(failures(generic(-0.06, 0.05))) == {"forgetting (generic)"}
    assert failures(generic(-0.06, 0.5)) == {}
    assert failures(generic(-0.04, 0.01)) == {}


def test_latency_and_size_within_limits() -> None:
    assert set(failures(comparison(_SAME, latency=(0.02, 0.05)))) == {"latency"}
    assert failures(comparison(_SAME, latency=(0.02, 0.035))) == {}
    assert failures(comparison(_SAME, latency=(0.0001, 0.001))) == {}  # the clock's noise
    assert set(failures(comparison(_SAME, megabytes=300), guards=GuardSettings(index_mb=200))) == {"size"}
    assert failures(comparison(_SAME, megabytes=300)) == {}
    (size,) = (one for one in _judge(comparison(_SAME, megabytes=300)).guards if one.name == "size")
    assert size.detail == "vectors and model 300 MB (no limit)"


def test_strange_questions_are_refused_as_before_and_smoke_questions_pass() -> None:
    talks = REFUSES.model_copy(update={"answered": 0.4})
    assert set(failures(comparison(_SAME, candidate=talks))) == {"refusal"}
    guards = GuardSettings(smoke=["How do I start?"], refuse=["What is for dinner?"])
    scored = REFUSES.model_copy(update={"smoke": {"How do I start?": 0.1, "What is for dinner?": 0.9}})
    failed = failures(comparison(_SAME, candidate=scored), guards=guards)
    assert failed == {"smoke questions": "refuses 'How do I start?'; answers 'What is for dinner?'"}
    right = REFUSES.model_copy(update={"smoke": {"How do I start?": 0.9, "What is for dinner?": 0.1}})
    assert failures(comparison(_SAME, candidate=right), guards=guards) == {}


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


# the file


def test_a_comparison_is_read_back_as_it_was(tmp_path: Path) -> None:
    asked = [question(number, section="faq", text=f"« {number}\n</script>") for number in range(12)]
    mine = compared([0.25] * 3, [0.5] * 3, kind="own", name="mine")
    found = comparison(compared([0.1] * 12, [1 / 3] * 12, questions=asked), [mine], known=["q1"])
    path = tmp_path / "evaluation.json"
    write_comparison(path, found)
    again = read_comparison(path)
    assert again.holdout.questions == asked and again.known == ["q1"]
    assert again.holdout.candidate[64].questions["q3"]["ndcg@10"] == 0.3333
    assert again.sets[0].differences("mrr@10") == [0.25] * 3
    path.write_text(path.read_text().replace('"known"', '"unknown"'))
    with pytest.raises(StateError, match="missing or damaged"):
        read_comparison(path)


def test_a_thousand_questions_stay_below_a_megabyte(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 1, 1000).tolist()
    write_comparison(
        tmp_path / "evaluation.json", comparison(compared(values, values, sizes=(384, 256, 128, 64)))
    )
    assert (tmp_path / "evaluation.json").stat().st_size < 1_000_000
