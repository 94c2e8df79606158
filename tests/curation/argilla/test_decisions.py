"""Majorities and what follows from them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, strategies as st

from curation.argilla.decisions import acceptance_verdict, decision_of
from curation.argilla.users import User
from curation.records.decision import DatasetName

USERS = {f"user-{number}": User(f"person {number}") for number in range(9)}
YES_NO = st.sampled_from(["yes", "no"])
QUESTIONS: dict[DatasetName, tuple[str, ...]] = {
    "chunks": ("good_chunk",),
    "triplets": ("is_positive_relevant", "is_negative_irrelevant"),
    "conversations": ("is_response_correct", "out_of_guardrails"),
}


def response(user: int, status: str = "submitted", **values: str) -> dict[str, Any]:
    return {
        "id": f"response-{user}",
        "user_id": f"user-{user}",
        "status": status,
        "values": {question: {"value": value} for question, value in values.items()},
    }


def record(*responses: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": "argilla-id",
        "external_id": "our-id",
        "fields": {"chunk": "text"},
        "metadata": {"tokens": 3, "tags": ["a"]},
        "responses": list(responses),
    }


@given(st.lists(YES_NO, min_size=1, max_size=9))
def test_the_majority_wins_and_a_tie_decides_nothing(values: list[str]) -> None:
    responses = [response(user, good_chunk=value) for user, value in enumerate(values)]
    decision = decision_of("chunks", record(*responses), USERS)
    assert decision is not None
    yes, no = values.count("yes"), values.count("no")
    if yes == no:
        assert decision.values == {}
        assert decision.verdict == "undecided"
        assert f"{no} no, {yes} yes" in decision.reason
        assert decision.agreement == 0
    else:
        assert decision.verdict == ("accepted" if yes > no else "rejected")
        assert decision.agreement == max(yes, no) / len(values)
    assert decision.annotators == tuple(sorted(USERS[f"user-{user}"].name for user in range(len(values))))


@given(st.data(), st.sampled_from(sorted(QUESTIONS)))
def test_the_order_of_the_responses_changes_nothing(data: st.DataObject, kind: DatasetName) -> None:
    answers = data.draw(
        st.lists(
            st.fixed_dictionaries({}, optional=dict.fromkeys(QUESTIONS[kind], YES_NO)), min_size=1, max_size=6
        )
    )
    responses = [response(user, **said) for user, said in enumerate(answers)]
    shuffled = data.draw(st.permutations(responses))
    first = decision_of(kind, record(*responses), USERS)
    second = decision_of(kind, record(*shuffled), USERS)
    assert first == second
    if first is not None:
        assert second is not None
        assert first.fingerprint == second.fingerprint
        assert 0 <= first.agreement <= 1


@given(
    st.lists(YES_NO, max_size=4),
    st.lists(st.tuples(st.sampled_from(["draft", "discarded"]), YES_NO), max_size=4),
)
def test_drafts_and_discarded_responses_are_ignored(
    submitted: list[str], others: list[tuple[str, str]]
) -> None:
    responses = [response(user, good_chunk=value) for user, value in enumerate(submitted)]
    unsent = [response(user + 4, status, good_chunk=value) for user, (status, value) in enumerate(others)]
    assert decision_of("chunks", record(*responses, *unsent), USERS) == decision_of(
        "chunks", record(*responses), USERS
    )
    if not submitted:
        assert decision_of("chunks", record(*unsent), USERS) is None


@pytest.mark.parametrize(
    ("kind", "values", "verdict"),
    [
        ("chunks", {"good_chunk": "yes"}, "accepted"),
        ("chunks", {"good_chunk": "no"}, "rejected"),
        ("triplets", {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"}, "accepted"),
        ("triplets", {"is_positive_relevant": "yes", "is_negative_irrelevant": "no"}, "accepted"),
        ("triplets", {"is_positive_relevant": "no", "is_negative_irrelevant": "yes"}, "rejected"),
        ("triplets", {"is_positive_relevant": "no", "is_negative_irrelevant": "no"}, "rejected"),
        ("triplets", {"is_positive_relevant": "yes"}, "accepted"),
        ("triplets", {"is_positive_relevant": "no"}, "rejected"),
        ("triplets", {"is_negative_irrelevant": "yes"}, "undecided"),
        ("triplets", {"is_negative_irrelevant": "no"}, "undecided"),
        ("conversations", {"is_response_correct": "yes", "out_of_guardrails": "no"}, "accepted"),
        ("conversations", {"is_response_correct": "yes", "out_of_guardrails": "yes"}, "rejected"),
        ("conversations", {"is_response_correct": "no", "out_of_guardrails": "no"}, "rejected"),
        ("conversations", {"is_response_correct": "no", "out_of_guardrails": "yes"}, "rejected"),
        ("conversations", {"is_response_correct": "no"}, "rejected"),
        ("conversations", {"out_of_guardrails": "yes"}, "rejected"),
        ("conversations", {"is_response_correct": "yes"}, "undecided"),
        ("conversations", {"out_of_guardrails": "no"}, "undecided"),
        *((kind, {}, "undecided") for kind in QUESTIONS),
    ],
)
def test_the_acceptance_rule(kind: DatasetName, values: dict[str, str], verdict: str) -> None:
    told, reason = acceptance_verdict(kind, values, {})
    assert told == verdict and reason


def test_a_negative_that_is_relevant_is_named_in_the_reason() -> None:
    assert "may not be used" in acceptance_verdict("triplets", {"is_positive_relevant": "yes"}, {})[1]
    both = {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"}
    assert "may not be used" not in acceptance_verdict("triplets", both, {})[1]


def test_agreement_counts_all_questions_and_no_free_text() -> None:
    said = [("yes", "no"), ("yes", "yes"), ("no", "no")]
    responses = [
        response(user, feedback="fine", **dict(zip(QUESTIONS["triplets"], values, strict=True)))
        for user, values in enumerate(said)
    ]
    decision = decision_of("triplets", record(*responses), USERS)
    assert decision is not None
    assert decision.values == {"is_positive_relevant": "yes", "is_negative_irrelevant": "no"}
    assert decision.agreement == pytest.approx(4 / 6)


def test_feedback_is_kept_as_a_vote_and_decides_nothing() -> None:
    said = response(1, is_response_correct="yes", out_of_guardrails="no", feedback="The port is 6900.")
    decision = decision_of("conversations", record(said), USERS)
    assert decision is not None
    assert "feedback" not in decision.values
    assert [vote.value for vote in decision.votes if vote.question == "feedback"] == ["The port is 6900."]
    assert decision.agreement == 1.0


def test_somebody_who_is_gone_still_counts() -> None:
    decision = decision_of("chunks", record(response(1, good_chunk="yes")), {})
    assert decision is not None
    assert decision.annotators == ("user-user-1",)


def test_a_record_without_our_id_goes_by_argillas() -> None:
    row = record(response(1, good_chunk="yes")) | {"external_id": None}
    decision = decision_of("chunks", row, USERS)
    assert decision is not None
    assert decision.record_id == "argilla-id"
    assert decision.metadata == {"tokens": 3}
