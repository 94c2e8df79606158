"""Leaving annotators, records and times out of a retrain."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, strategies as st

from curation import Decision, SettingsError, Vote, decision_without
from tests.training.material import judged_chunk, make_chunks, triplet
from training.ledger.rows import Fate, LedgerRow
from training.ledger.selection import Selection, learned_from, read_selected, select

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
        for name, value in [*votes, ("somebody else", "yes")]
    )
    decided = decision_without(base.model_copy(update={"votes": cast}), {"somebody else"})
    assert decided is not None
    return decided


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
    found_by_argilla: set[tuple[str, str]] = {("triplets", one.record_id) for one in (hers, both, others)}
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
    matching: set[tuple[str, str]] = {("triplets", old.record_id), ("triplets", new.record_id)}
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


IDS = {name: f"{number}{number}-user-id" for number, name in enumerate(NAMES)}


def called(decisions: Sequence[Decision], names: Mapping[str, str]) -> list[Decision]:
    """As Argilla tells them when people have other ``names``; their user ids are the same."""
    return [
        one.model_copy(
            update={
                "votes": tuple(
                    vote.model_copy(
                        update={
                            "annotator": names.get(vote.annotator, vote.annotator),
                            "annotator_id": IDS[vote.annotator],
                        }
                    )
                    for vote in one.votes
                )
            }
        )
        for one in decisions
    ]


RECORDS = st.lists(st.lists(st.sampled_from(NAMES), min_size=1, max_size=3, unique=True), max_size=8)


@given(RECORDS, st.permutations(["ada", "bob", "cem", "dan", "eve"]))
def test_whatever_people_are_called_it_is_the_same_people_who_are_left_out(
    records: list[list[str]], names: list[str]
) -> None:
    decisions = [voted(number, [(name, "yes") for name in people]) for number, people in enumerate(records)]
    before, now = called(decisions, {}), called(decisions, dict(zip(NAMES, names, strict=False)))
    assert [one.fingerprint for one in before] == [one.fingerprint for one in now]
    gone = Selection(without_annotators=(IDS["ada"],))
    first, second = select(before, gone), select(now, gone)
    assert [one.fingerprint for one in first.decisions] == [one.fingerprint for one in second.decisions]
    assert not any(vote.annotator_id == IDS["ada"] for one in second.decisions for vote in one.votes)
    by_name = select(now, Selection(without_annotators=(names[0],)))
    assert by_name.decisions == second.decisions


@given(RECORDS, st.sets(st.sampled_from(NAMES)))
def test_a_selection_takes_away_the_answers_of_those_whom_it_names_and_no_others(
    records: list[list[str]], gone: set[str]
) -> None:
    decisions = called(
        [voted(number, [(name, "yes") for name in people]) for number, people in enumerate(records)], {}
    )
    found = select(decisions, Selection(without_annotators=tuple(sorted(gone))))
    left = {vote.response_id for one in found.decisions for vote in one.votes}
    assert left == {vote.response_id for one in decisions for vote in one.votes if vote.annotator not in gone}
    assert {row.fate for row in found.left_out} <= {"left-out"}
    assert not any(row.votes for row in found.left_out)


def test_somebody_who_never_answered_is_an_error_unless_the_settings_name_them() -> None:
    decisions = called([voted(0, [("ada", "yes"), ("bob", "yes")])], {})
    typo = Selection(without_annotators=("adda",))
    with pytest.raises(SettingsError, match="No annotator has the name 'adda'") as raised:
        read_selected(lambda: decisions, typo, None, ())
    assert "ada, bob" in raised.value.hint
    left = read_selected(lambda: decisions, typo, None, ("adda",))
    assert left.decisions == decisions
    (note,) = left.unmatched.notes
    assert "nothing was left out because of it. Is 'ada' meant?" in note
    assert left.selection.matched.without_annotators == ()


def test_the_user_ids_that_a_name_means_change_no_digest() -> None:
    decisions = called([voted(0, [("ada", "yes")])], {})
    chosen = Selection(without_annotators=("ada",))
    selected = read_selected(lambda: decisions, chosen, None, ())
    assert selected.selection.people == {"ada": (IDS["ada"],)}
    assert selected.selection.digest == chosen.digest
    assert selected.selection.forgets


def test_filters_are_asked_of_argilla_once() -> None:
    decisions = [triplet(CHUNKS[0], "Old?"), triplet(CHUNKS[1], "New?")]
    asked: list[Sequence[str]] = []

    def find_matching(filters: Sequence[str]) -> set[tuple[str, str]]:
        asked.append(filters)
        return {("triplets", decisions[1].record_id)}

    selection = Selection(filters=("kettle",))
    assert read_selected(lambda: decisions, selection, find_matching, ()).decisions == decisions[1:]
    assert asked == [("kettle",)]


def test_a_release_learned_from_somebody_where_their_answers_were_trained_on() -> None:
    (decision,) = called([voted(0, [("ada", "yes")])], {})
    selected = select([decision], Selection(without_annotators=("ada",)))
    row = LedgerRow(dataset="triplets", record_id=decision.record_id, votes=decision.votes)
    fates: dict[Fate, bool] = {"train": True, "negative": True, "holdout": False, "unused": False}
    for fate, learned in fates.items():
        rows = [row.settled(fate)]
        assert learned_from(rows, selected.selection) == learned
        assert learned_from(rows, Selection(without_records=(decision.record_id,))) == learned
        assert not learned_from(rows, Selection(without_records=("another",)))
