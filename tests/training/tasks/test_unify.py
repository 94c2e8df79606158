"""Several annotators, one value: each strategy against what its definition says, and what always holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, strategies as st

from curation import SettingsError
from training.tasks.rows import Answer, Question, Row
from training.tasks.unify import STRATEGIES, check_strategy, unify

LABEL = Question("label", "label_selection", ("a", "b", "c"))
MULTI = Question("labels", "multi_label_selection", ("x", "y", "z"))
RATING = Question("stars", "rating", ("1", "2", "3", "4", "5"))
RANKING = Question("order", "ranking", ("p", "q", "r"))
SPAN = Question("names", "span", ("PER", "ORG"), "text")
TEXT = Question("answer", "text")


def row(key: str, question: Question, values: Sequence[Any]) -> Row:
    answers = tuple(Answer(f"user-{place}", value) for place, value in enumerate(values) if value is not None)
    return Row(key, {"text": "x"}, {question.name: answers} if answers else {})


def unified(question: Question, strategy: str, *values: Any) -> list[Any]:
    return list(unify(question, strategy, [row("r", question, values)]).values["r"])


def span(start: int, end: int, label: str = "PER") -> dict[str, Any]:
    return {"start": start, "end": end, "label": label}


def places(p: float, q: float, r: float) -> dict[str, float]:
    return {"p": p, "q": q, "r": r}


@pytest.mark.parametrize(
    ("question", "strategy", "values", "expected"),
    [
        (LABEL, "majority", ["a", "b", "b"], ["b"]),
        (LABEL, "disagreement", ["a", "b", "b"], ["a", "b", "b"]),
        (MULTI, "majority", [["x"], ["x", "y"], ["z", "x"]], [["x"]]),
        (MULTI, "majority", [["x"], ["y"], ["z"]], [[]]),
        (MULTI, "disagreement", [["x"], []], [["x"], []]),
        (RATING, "majority", [5, 5, 1], [5.0]),
        (RATING, "mean", [5, 4, 3], [4.0]),
        (RATING, "min", [5, 4, 3], [3.0]),
        (RATING, "max", [5, 4, 3], [5.0]),
        (RANKING, "mean", [places(1, 2, 3), places(2, 1, 3), places(1, 3, 2)], [places(1, 2, 3)]),
        (RANKING, "max", [places(1, 2, 3), places(3, 2, 1)], [places(2, 1, 2)]),
        (RANKING, "min", [places(1, 2, 3), places(3, 2, 1)], [places(1, 3, 1)]),
        (RANKING, "majority", [places(1, 2, 3), places(1, 3, 2), places(3, 2, 1)], [places(1, 3, 2)]),
        (SPAN, "majority", [[span(0, 3)], [span(0, 3)], []], [[span(0, 3)]]),
        (SPAN, "majority", [[span(0, 3)], [span(0, 8)], [span(0, 8)]], [[span(0, 8)]]),
        (SPAN, "majority", [[span(0, 3)], [span(0, 3, "ORG")], []], [[]]),
        (SPAN, "majority", [[span(0, 5)], [span(2, 9)], [span(0, 7)]], [[span(0, 7)]]),
        (SPAN, "majority", [[span(4, 6), span(0, 3)]], [[span(0, 3), span(4, 6)]]),
        (TEXT, "first", ["one", "two"], ["one"]),
        (TEXT, "all", ["one", "two"], ["one", "two"]),
    ],
)
def test_each_strategy_does_what_it_says(
    question: Question, strategy: str, values: list[Any], expected: list[Any]
) -> None:
    assert unified(question, strategy, *values) == expected


@pytest.mark.parametrize(
    ("question", "values", "says"),
    [
        (LABEL, ["a", "b"], "Record 'r': the answers to 'label' are tied: 1 for each of a, b"),
        (MULTI, [["x"], []], "Record 'r': the answers to 'labels' are tied: 1 of 2 chose x"),
        (RATING, [1, 2], "Record 'r': the answers to 'stars' are tied: 1 for each of 1, 2"),
    ],
)
def test_a_tie_under_majority_is_an_error_that_says_how_to_go_on(
    question: Question, values: list[Any], says: str
) -> None:
    with pytest.raises(SettingsError, match=says) as caught:
        unified(question, "majority", *values)
    assert "label_strategy=" in caught.value.hint
    for other in STRATEGIES[question.type][1:]:
        assert len(unified(question, other, *values)) in (1, 2)


def test_a_weighted_majority_believes_who_agrees_with_the_others() -> None:
    """Four annotators: the last one always stands alone, so in a tie of two against two the side without them
    wins."""
    rows = [row(f"r{number}", LABEL, ["a", "a", "a", "b"]) for number in range(4)]
    tie = row("tie", LABEL, ["a", "c", "a", "c"])
    assert unify(LABEL, "majority_weighted", [*rows, tie]).values["tie"] == ["a"]
    mirrored = row("tie", LABEL, ["c", "a", "c", "a"])
    assert unify(LABEL, "majority_weighted", [*rows, mirrored]).values["tie"] == ["c"]


def test_weighted_labels_are_chosen_one_by_one() -> None:
    rows = [row(f"r{number}", MULTI, [["x"], ["x"], ["z"]]) for number in range(4)]
    tie = row("tie", MULTI, [["x", "y"], None, ["y", "z"]])
    assert unify(MULTI, "majority_weighted", [*rows, tie]).values["tie"] == [["x", "y"]]


def test_who_answered_alone_counts_too_and_who_did_not_is_not_missed() -> None:
    rows = [row("alone", LABEL, [None, "b"]), row("nobody", LABEL, [])]
    for strategy in STRATEGIES["label_selection"]:
        made = unify(LABEL, strategy, rows)
        assert made.values == {"alone": ["b"]}
        assert (made.answered, made.several, made.differed) == (1, 0, 0)


def test_what_was_unified_is_counted() -> None:
    values: Mapping[str, list[Any]] = {"same": [["x", "y"], ["y", "x"]], "other": [["x"], ["y"], ["x"]]}
    made = unify(MULTI, "majority", [row(key, MULTI, several) for key, several in values.items()])
    assert (made.answered, made.several, made.differed) == (2, 2, 1)
    assert "in 1 these differ" in made.describe()


def test_an_unknown_strategy_is_refused() -> None:
    assert check_strategy(TEXT, None) == "first"
    with pytest.raises(SettingsError, match="'mean' cannot unify the question 'label'") as caught:
        check_strategy(LABEL, "mean")
    assert "majority_weighted" in caught.value.hint


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=9), st.randoms())
def test_the_order_of_the_answers_decides_nothing(values: list[str], random: Any) -> None:
    def result(several: list[str]) -> Any:
        try:
            return unified(LABEL, "majority", *several)
        except SettingsError:
            return "tie"

    shuffled = list(values)
    random.shuffle(shuffled)
    assert result(values) == result(shuffled)
    counts = Counter(values).most_common()
    if len(counts) == 1 or counts[0][1] > counts[1][1]:
        assert result(values) == [counts[0][0]]
    else:
        assert result(values) == "tie"


_SPANS = st.lists(
    st.builds(
        lambda start, length, label: span(start, start + length, label),
        st.integers(0, 30),
        st.integers(1, 8),
        st.sampled_from(["PER", "ORG"]),
    ),
    max_size=4,
)


@given(st.lists(_SPANS, min_size=1, max_size=5))
def test_a_unified_span_was_marked_as_it_is_and_overlapped_by_more_than_half(
    answers: list[list[dict[str, Any]]],
) -> None:
    (found,) = unified(SPAN, "majority", *answers)
    for one in found:
        assert any(one in several for several in answers)
    # If all marked the same single span, it is found, and nothing else.
    if all(several == answers[0] and len(several) == 1 for several in answers):
        assert found == answers[0]


@given(st.lists(st.integers(1, 5), min_size=1, max_size=8))
def test_a_rating_lies_between_the_lowest_and_the_highest(values: list[int]) -> None:
    low, mean, high = (unified(RATING, strategy, *values)[0] for strategy in ("min", "mean", "max"))
    assert low == min(values) <= mean <= max(values) == high
