"""Whether a candidate may be served: the verdict, and the file that it is judged by."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from pydantic import ValidationError

from curation import StateError
from tests.training.judge.comparisons import compared, comparison, question
from training.judge.comparison import Comparison, read_comparison, write_comparison
from training.judge.gate import GateVerdict, judge
from training.judge.questions import HoldoutQuestion
from training.settings import INDEX_ONLY, GateSettings

_figure = st.floats(0, 1)


def _judge(found: Comparison, **gate: Any) -> GateVerdict:
    return judge(found, GateSettings(**gate))


def _shifted(by: float, queries: int = 50, spread: float = 0.1, seed: int = 0) -> Comparison:
    """Questions whose values change by ``by`` in the mean, give or take ``spread``."""
    chance = np.random.default_rng(seed)
    before = chance.uniform(0.3, 0.7, queries)
    moved = chance.normal(0, spread, queries)
    after = before + moved - moved.mean() + by
    return comparison(compared(before.tolist(), after.tolist()))


# the verdict


@pytest.mark.parametrize(
    ("by", "verdict", "promoted", "words"),
    [
        (0.1, "superior", True, "Promoted: better than the served release (ndcg@10 "),
        (0.0, "non-inferior", False, "Not promoted: not surely better than the served release"),
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
    assert f"{found.lacking} more held-out questions would tell, about." in found.reason
    assert found.lacking >= 5
    assert _judge(_shifted(0.03, queries=20, spread=0.3), promote=["inconclusive"]).promoted


def test_the_same_model_again_is_as_good_and_is_served_only_for_its_index() -> None:
    same = comparison(compared([0.5, 1.0, 0.0] * 7, [0.5, 1.0, 0.0] * 7))
    found = judge(same, GateSettings(), INDEX_ONLY)
    assert (found.verdict, found.promoted) == ("non-inferior", True)
    assert "Promoted, index only: as good as the served release (" in found.reason
    asked_for_more = _judge(same)
    assert not asked_for_more.promoted
    assert "not surely better" in asked_for_more.reason
    assert _judge(same, promote=["non-inferior"]).promoted


@pytest.mark.parametrize(
    ("by", "spread", "queries", "promoted"),
    [
        (0.1, 0.05, 40, True),
        (0.0, 0.05, 40, True),
        (-0.02, 0.2, 40, True),  # perhaps worse, and by less than the margin
        (-0.04, 0.3, 30, True),  # so few that one question makes the mean
        (-0.04, 0.3, 60, False),
        (-0.04, 0.02, 30, False),  # worse for certain
    ],
)
def test_what_people_decided_is_indexed_unless_it_is_worse(
    by: float, spread: float, queries: int, promoted: bool
) -> None:
    found = judge(_shifted(by, queries, spread), GateSettings(margin=0.03), INDEX_ONLY)
    assert found.promoted == promoted, found.reason
    assert found.reason.startswith("Promoted, index only: ") == promoted


def test_few_questions_keep_nothing_out_of_the_index_unless_they_are_lost_for_certain() -> None:
    few, lost = (judge(_shifted(by, queries=12), GateSettings(), INDEX_ONLY) for by in (0.0, -0.1))
    assert (few.verdict, few.promoted) == ("not-enough", True)
    assert "too few held-out questions (12) to tell a difference" in few.reason
    assert (lost.verdict, lost.promoted) == ("not-enough", False)
    assert "Held back: base model" in lost.reason


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
    found = _judge(comparison(compared(before, after)), margin=margin)
    if found.promoted:
        assert sum(after) / len(after) >= sum(before) / len(before) - margin - 1e-6


def test_headings_decide_only_while_there_are_too_few_other_questions() -> None:
    headings = [
        HoldoutQuestion(id=f"h{row}", text="Setup", right=["c"], is_heading=True) for row in range(30)
    ]
    others = [question(row, origin="conversation" if row < 8 else "generated") for row in range(20)]
    few = _judge(
        comparison(compared([0.5] * 45, [0.7] * 30 + [0.3] * 15, questions=[*headings, *others[:15]]))
    )
    assert few.kinds == {"headings": 30, "asked by people": 8, "generated": 7}
    before, after = [0.5] * 50, [0.7] * 30 + [0.3] * 20
    found = _judge(comparison(compared(before, after, questions=[*headings, *others])))
    assert (found.queries, found.verdict) == (20, "inferior"), "the headings' gain does not hide their loss"
    assert found.after == pytest.approx(0.3)
    assert "; 8 asked by people, 12 generated)" in found.reason
    lost = _judge(comparison(compared(after, before, questions=[*headings, *others])))
    assert lost.verdict == "superior"
    assert "headings" in [one.name for one in lost.failed]


def test_a_model_judged_by_headings_alone_is_served_and_says_so() -> None:
    headings = [question(row, origin="heading").model_copy(update={"is_heading": True}) for row in range(30)]
    found = _judge(comparison(compared([0.5] * 30, [0.7] * 30, questions=headings)))
    assert found.promoted
    assert "; judged by headings only)" in found.reason
    mine = compared([0.5], [0.7], kind="own", name="mine")
    assert (
        "30 headings, 1 asked by people"
        in _judge(comparison(compared([0.5] * 30, [0.7] * 30, questions=headings), [mine])).reason
    )


def test_own_questions_decide_with_the_holdout() -> None:
    few = compared([0.5] * 12, [0.6] * 12)
    mine = compared([0.5] * 12, [0.6] * 12, kind="own", name="mine")
    assert _judge(comparison(few)).verdict == "not-enough"
    found = _judge(comparison(few, [mine]))
    assert (found.verdict, found.queries) == ("superior", 24)


def test_a_bar_that_one_question_passes_is_refused() -> None:
    with pytest.raises(ValidationError, match="greater than or equal to 5"):
        GateSettings(min_queries=1)
    assert GateSettings(min_queries=5).min_queries == 5


# the file


def test_a_comparison_is_read_back_as_it_was(tmp_path: Path) -> None:
    asked = [question(number, section="faq", text=f"« {number}\n</script>") for number in range(12)]
    mine = compared([0.25] * 3, [0.5] * 3, kind="own", name="mine")
    found = comparison(compared([0.1] * 12, [1 / 3] * 12, questions=asked), [mine], earlier=["q1"])
    path = tmp_path / "evaluation.json"
    write_comparison(path, found)
    again = read_comparison(path)
    assert again.holdout.questions == asked and again.earlier == ["q1"]
    assert again.holdout.candidate[64].questions["q3"]["ndcg@10"] == 0.3333
    assert again.sets[0].differences("mrr@10") == [0.25] * 3
    assert again.latency == found.latency
    path.write_text(path.read_text().replace('"earlier"', '"unknown"'))
    with pytest.raises(StateError, match="missing or damaged"):
        read_comparison(path)


def test_a_thousand_questions_stay_below_a_megabyte(tmp_path: Path) -> None:
    values = np.random.default_rng(0).uniform(0, 1, 1000).tolist()
    write_comparison(
        tmp_path / "evaluation.json", comparison(compared(values, values, sizes=(384, 256, 128, 64)))
    )
    assert (tmp_path / "evaluation.json").stat().st_size < 1_000_000
