"""Which record next."""

from __future__ import annotations

import pytest
from hypothesis import given, settings, strategies as st

from curation.suggestions.choice import Guess
from curation.suggestions.features import Place, answer_features, query_features
from curation.suggestions.priority import (
    NOT_ASKED,
    disagreement,
    expected_gain,
    is_empty_talk,
    priority,
    uncertainty,
    went_wrong,
)

SOME = {"a": 1.0}


@settings(deadline=None)  # the first one imports scikit-learn
@given(st.one_of(st.none(), st.floats(0, 1)), st.floats(-1, 1), st.booleans())
def test_a_priority_is_above_nothing_and_at_most_one(
    probability: float | None, score: float, refused: bool
) -> None:
    features = answer_features("How?", "So.", [] if refused else ["So it is."], score)
    found = priority({"is_response_correct": Guess(features=features, probability=probability)})
    assert NOT_ASKED < found <= 1
    assert priority({}) == 0.5


def test_each_strategy_puts_first_what_its_name_says() -> None:
    sure, unsure = Guess(features=SOME, probability=0.95), Guess(features=SOME, probability=0.55)
    assert (uncertainty({"q": unsure}) or 0) > (uncertainty({"q": sure}) or 0)
    first, third = (
        query_features("timeout", ("Timeouts", "the timeout"), Place(place, 0.6, 0.0, 100), [])
        for place in (1, 3)
    )
    question = "is_positive_relevant"
    gain = [expected_gain({question: Guess(features=features)}) for features in (first, third)]
    assert gain[0] == 0
    assert (gain[1] or 0) > 0
    likely = expected_gain({question: Guess(features=third, probability=0.9)})
    assert (likely or 0) > (gain[1] or 0)
    learned = Guess(features=first, probability=0.05, agent="clayloop-learned:x")
    agreed = learned.model_copy(update={"probability": 0.99})
    apart = [disagreement({question: one}) or 0 for one in (learned, agreed)]
    assert apart[0] > apart[1]
    assert disagreement({question: Guess(features=first, probability=0.5)}) is not None
    refused, far, near = (
        Guess(features=answer_features("timeout?", "The timeout.", sources, score))
        for sources, score in (([], 0.8), (["The timeout."], 0.2), (["The timeout."], 0.8))
    )
    known = near.model_copy(update={"probability": 0.25})
    wrong = [went_wrong({"is_response_correct": one}) for one in (refused, known, far, near)]
    assert wrong == pytest.approx([0.8, 0.75, 0.4, 0.1])


def test_a_query_like_a_visitors_comes_before_two_words() -> None:
    found = []
    for query in ("timeout", "How can I set the time after which a request is given up?"):
        features = query_features(query, ("Timeouts", "the timeout"), Place(3, 0.6, 0.0, 100), [])
        found.append(priority({"is_positive_relevant": Guess(features=features, probability=0.6)}))
    assert found[0] < found[1] / 2


def test_what_a_visitor_did_not_find_helpful_comes_first() -> None:
    plain, up, down = (
        answer_features("timeout?", "The timeout.", ["The timeout."], 0.8, thumb)
        for thumb in (0.0, 1.0, -1.0)
    )
    found = [priority({"is_response_correct": Guess(features=one)}) for one in (plain, up, down)]
    assert found[2] == 1 > found[0] == found[1]


@pytest.mark.parametrize(
    "text", ["hello", "Hi there!", "thanks a lot", "???", "", "ok, great", "Who are you?"]
)
def test_empty_talk_is_not_asked_about(text: str) -> None:
    assert is_empty_talk(text)


@pytest.mark.parametrize(
    "text",
    ["hello, how do I install it?", "timeout", "no module named x", "test runner"],
)
def test_a_question_is(text: str) -> None:
    assert not is_empty_talk(text)
