"""Leaving annotators, records and times out of a retrain."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation import Decision, Vote, majority
from tests.training.material import judged_chunk, make_chunks, triplet
from training.prepare.selection import Key, Selection, select

CHUNKS = make_chunks()
START = datetime(2026, 11, 1, tzinfo=timezone.utc)
NAMES = ("ada", "bob", "cem")


def answered(decision: Decision, day: int) -> Decision:
    """The decision with all its answers given on that day of November."""
    votes = tuple(vote.model_copy(update={"at": START + timedelta(days=day - 1)}) for vote in decision.votes)
    return decision.model_copy(update={"votes": votes})


def voted(number: int, votes: Sequence[tuple[str, str]]) -> Decision:
    """A triplet that several people answered, decided as Argilla's reader decides it."""
    base = triplet(CHUNKS[number], f"Question {number}?")
    cast = tuple(
        Vote(
            question="is_positive_relevant",
            value=value,
            annotator=name,
            annotator_id=name,
            response_id=f"{number}-{name}",
        )
        for name, value in votes
    )
    values, agreement = majority(cast, ("is_positive_relevant", "is_negative_irrelevant"))
    answer = values.get("is_positive_relevant")
    verdict = {"yes": "accepted", "no": "rejected"}.get(answer or "", "undecided")
    return base.model_copy(
        update={"votes": cast, "values": values, "agreement": agreement, "verdict": verdict}
    )


def ids(decisions: Sequence[Decision]) -> set[str]:
    return {decision.record_id for decision in decisions}


def test_without_an_annotator_the_others_decide_anew() -> None:
    outvoted = voted(0, [("ada", "no"), ("bob", "no"), ("cem", "yes")])
    alone = voted(1, [("ada", "yes")])
    others = voted(2, [("bob", "yes")])
    found = select([outvoted, alone, others], Selection(without_annotators=("ada", "bob")))
    assert [(one.record_id, one.verdict) for one in found.decisions] == [(outvoted.record_id, "accepted")]
    assert found.decisions[0].annotators == ("cem",)
    assert found.decisions[0].agreement == 1.0
    assert {(one.record_id, one.reason) for one in found.left_out} == {
        (alone.record_id, "answered only by ada"),
        (others.record_id, "answered only by bob"),
    }


def test_a_record_does_not_pass_a_filter_by_an_answer_that_does_not_count() -> None:
    hers = voted(0, [("ada", "yes"), ("bob", "no"), ("cem", "no")])
    both = voted(1, [("ada", "yes"), ("bob", "yes")])
    others = voted(2, [("bob", "yes"), ("cem", "no")])
    found_by_argilla: set[Key] = {("triplets", one.record_id) for one in (hers, both, others)}
    for condition, left in (
        ("response.is_positive_relevant == yes", [both, others]),
        ("response.is_positive_relevant in no, yes", [hers, both, others]),
        ("metadata.source == x", [hers, both, others]),
        ("kettle", [hers, both, others]),
    ):
        selection = Selection(without_annotators=("ada",), filters=(condition,))
        found = select([hers, both, others], selection, found_by_argilla)
        assert ids(found.decisions) == ids(left), condition
        assert {one.reason for one in found.left_out} <= {"does not pass the filter"}
    plain = select([hers], Selection(filters=("response.is_positive_relevant == yes",)), found_by_argilla)
    assert plain.decisions == [hers]


@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from(NAMES), st.sampled_from(["yes", "no"])),
            min_size=1,
            max_size=3,
            unique_by=lambda vote: vote[0],
        ),
        max_size=6,
    ),
    st.sets(st.sampled_from(NAMES)),
)
def test_it_is_as_if_they_had_never_answered(records: list[list[tuple[str, str]]], gone: set[str]) -> None:
    decisions = [voted(number, votes) for number, votes in enumerate(records)]
    found = select(decisions, Selection(without_annotators=tuple(sorted(gone))))
    never = [
        voted(number, left)
        for number, votes in enumerate(records)
        if (left := [vote for vote in votes if vote[0] not in gone])
    ]
    assert [(one.fingerprint, one.verdict, one.agreement) for one in found.decisions] == [
        (one.fingerprint, one.verdict, one.agreement) for one in never
    ]
    assert len(found.decisions) + len(found.left_out) == len(decisions)


def test_named_records_and_unknown_names_are_told() -> None:
    decisions = [triplet(chunk, "How?") for chunk in CHUNKS[:3]]
    gone = decisions[1].record_id
    selection = Selection(without_records=(gone, "no-such-record"), without_annotators=("nobody",))
    found = select(decisions, selection)
    assert ids(found.decisions) == ids(decisions) - {gone}
    assert found.unmatched.records == ["no-such-record"]
    assert found.unmatched.annotators == {"nobody": ""}


def test_dates_filters_and_numbers_choose_what_is_learned_and_never_what_is_served() -> None:
    old = answered(triplet(CHUNKS[0], "Old?"), 2)
    new = answered(triplet(CHUNKS[1], "New?"), 9)
    newest = answered(triplet(CHUNKS[2], "Newest?"), 10)
    rejected = answered(judged_chunk(CHUNKS[3], "rejected"), 1)
    everything = [old, new, newest, rejected]
    since = select(everything, Selection(since=START + timedelta(days=8)))
    assert ids(since.decisions) == ids([new, newest, rejected])
    most = select(everything, Selection(max_records=1))
    assert ids(most.decisions) == ids([newest, rejected])
    matching: set[Key] = {("triplets", old.record_id), ("triplets", new.record_id)}
    filtered = select(everything, Selection(filters=("kettle",)), matching)
    assert ids(filtered.decisions) == ids([old, new, rejected])
    together = select(everything, Selection(filters=("kettle",), max_records=1), matching)
    assert ids(together.decisions) == ids([new, rejected])
    forgotten = select(everything, Selection(without_annotators=("simulated",)))
    assert forgotten.decisions == []
    with pytest.raises(ValueError, match="that match them"):
        select(everything, Selection(filters=("kettle",)))


def test_selections_are_told_apart_whatever_order_they_were_given_in() -> None:
    assert not Selection()
    assert Selection().digest == ""
    first = Selection(without_annotators=("ada", "bob"))
    assert first.digest == Selection(without_annotators=("bob", "ada")).digest
    assert first.digest != Selection(without_annotators=("ada",)).digest != ""
    assert first.describe() == ["without annotator ada", "without annotator bob"]
    assert "`" not in Selection(filters=("a`b",)).as_markdown().replace("- `", "").replace("b`", "b")
