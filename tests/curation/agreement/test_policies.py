"""What several answers come to."""

from __future__ import annotations

import random
from datetime import datetime, timedelta, timezone
from typing import get_args

import pytest
from hypothesis import given, strategies as st

from curation.agreement.policies import settle, weigh
from curation.agreement.report import agreement_of
from curation.records.decision import Acceptance, Decision, Vote
from curation.suggestions.choice import SIGNALS, Guess, written
from tests.curation.making import decision_of, vote_of

POLICIES: tuple[Acceptance, ...] = get_args(Acceptance)
QUESTION = "good_chunk"
START = datetime(2026, 11, 20, 8, 0, tzinfo=timezone.utc)


def votes(*values: str, question: str = QUESTION) -> list[Vote]:
    """The first annotator's answer is the earliest."""
    return [
        vote_of(question, value, f"ann{number}", at=START + timedelta(seconds=20 * number))
        for number, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["yes"], dict.fromkeys(POLICIES, "yes")),
        (["yes", "yes"], dict.fromkeys(POLICIES, "yes")),
        (["no", "yes", "yes"], {"first": "no", "majority": "yes", "weighted": "yes"}),
        (["no", "yes"], {"first": "no"}),
    ],
)
def test_each_policy_says_what_its_name_says(values: list[str], expected: dict[str, str]) -> None:
    for policy in POLICIES:
        settled = settle(votes(*values), [QUESTION], policy)
        assert settled.get(QUESTION) == expected.get(policy), policy


@given(st.lists(st.sampled_from(["yes", "no", "maybe"]), max_size=7), st.randoms(), st.sampled_from(POLICIES))
def test_the_order_of_answers_never_matters(
    values: list[str], chance: random.Random, policy: Acceptance
) -> None:
    said = votes(*values)
    assert settle(chance.sample(said, len(said)), [QUESTION], policy) == settle(said, [QUESTION], policy)


def test_who_agrees_with_nobody_weighs_little() -> None:
    pytest.importorskip("crowdkit")
    chance = random.Random(3)
    truth = {f"record-{number}": ("yes", "no")[number % 2] for number in range(40)}
    wrong = {"yes": "no", "no": "yes"}
    said = {
        key: votes(value, value, chance.choice(["yes", "no"]), question=QUESTION)
        for key, value in truth.items()
    }
    said["record-0"] = [votes("yes", "no", "no")[0], votes("yes", "no", "no")[2]]  # a tie by number
    found = weigh(said, QUESTION)
    assert all(found.get(key) in (None, value) for key, value in truth.items())
    assert found["record-0"] == "yes" != wrong["yes"]
    shuffled = {key: chance.sample(said[key], len(said[key])) for key in chance.sample(list(said), len(said))}
    assert weigh(shuffled, QUESTION) == found


def decided(number: int, *values: str, guess: Guess | None = None) -> Decision:
    return decision_of(
        record_id=f"record-{number}",
        dataset="chunks",
        votes=tuple(votes(*values)),
        metadata={SIGNALS: written({QUESTION: guess})} if guess else {},
    )


def test_the_report_counts_people_against_the_others_and_what_was_suggested() -> None:
    shown = Guess(features={"a": 1.0}, probability=0.9, agent="clayloop-chunk:v3", shown=True)
    held_back = shown.model_copy(update={"shown": False, "control": True})
    decisions = [
        decided(0, "yes", "yes", "no", guess=shown),
        decided(1, "yes", "no", guess=shown),
        decided(2, "no", "no", guess=held_back),
        decided(3, "no"),
    ]
    found = agreement_of(decisions, [QUESTION])
    assert agreement_of(decisions[::-1], [QUESTION]) == found
    (question,) = found.questions
    assert (question.answers, question.alpha.records) == (8, 3)
    ann0, _, ann2 = found.annotators
    assert (ann0.records, ann0.compared, ann0.agreed) == (4, 2, 1)
    assert (ann2.compared, ann2.agreed) == (1, 0)
    (suggested,) = found.suggestions
    assert (suggested.shown, suggested.kept, suggested.held_back, suggested.agreed) == (5, 3, 2, 0)
    assert suggested.anchoring == pytest.approx(0.6)
