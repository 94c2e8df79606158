"""The same pair accepted and rejected: reported, and not learned from."""

from __future__ import annotations

from curation.records import Decision, Vote
from tests.training.material import conversation, judged_chunk, make_chunks, triplet
from training.conflicts import Settled, settle
from training.examples import collect

CHUNKS = make_chunks()


def _settle(decisions: list[Decision], groups: dict[str, str] | None = None) -> Settled:
    found = collect(decisions, CHUNKS)
    return settle(found.examples, found.refusals, decisions, groups or {})


def _renamed(decision: Decision, record_id: str) -> Decision:
    return decision.model_copy(update={"record_id": record_id})


def test_two_records_that_say_the_opposite_teach_nothing_and_are_named() -> None:
    yes = triplet(CHUNKS[0], "How do I wash it?", annotator="ada")
    no = _renamed(triplet(CHUNKS[0], "how do I  WASH it?", "rejected", annotator="bob"), "other")
    stays = triplet(CHUNKS[1], "How do I mend it?")
    settled = _settle([yes, no, stays])
    assert [one.record_id for one in settled.examples] == [stays.record_id]
    assert settled.refusals == []
    (conflict,) = settled.conflicts
    assert (conflict.between, conflict.left_out) == ("records", True)
    assert [(one.record_id, one.annotators) for one in conflict.accepted] == [(yes.record_id, ("ada",))]
    assert [(one.record_id, one.annotators) for one in conflict.rejected] == [("other", ("bob",))]
    assert {one.record_id for one in settled.unused} == {yes.record_id, "other"}
    assert all("conflict" in one.reason for one in settled.unused)


def test_near_duplicate_chunks_are_one_chunk() -> None:
    decisions = [triplet(CHUNKS[0], "How?"), triplet(CHUNKS[1], "How?", "rejected")]
    assert _settle(decisions).conflicts == []
    assert len(_settle(decisions, {CHUNKS[1].id: CHUNKS[0].id}).conflicts) == 1


def test_a_rejected_answer_does_not_take_the_pair_with_it() -> None:
    decisions = [triplet(CHUNKS[0], "How?"), conversation(CHUNKS[0], "How?", "rejected")]
    settled = _settle(decisions)
    assert len(settled.examples) == 1
    assert settled.refusals == []
    assert [one.left_out for one in settled.conflicts] == [False]


def test_annotators_who_disagree_about_one_record_are_listed_and_the_majority_counts() -> None:
    one = triplet(CHUNKS[0], "How?", annotator="ada")
    more = tuple(
        Vote(question="is_positive_relevant", value=value, annotator=name, response_id=name)
        for name, value in (("bob", "yes"), ("eve", "no"))
    )
    settled = _settle([one.model_copy(update={"votes": (*one.votes, *more)})])
    assert len(settled.examples) == 1
    (conflict,) = settled.conflicts
    assert (conflict.between, conflict.left_out) == ("annotators", False)
    assert conflict.accepted[0].annotators == ("ada", "bob")
    assert conflict.rejected[0].annotators == ("eve",)


def test_an_accepted_question_about_a_rejected_chunk_is_listed_with_both_sides() -> None:
    refused = judged_chunk(CHUNKS[0], "rejected", annotator="bob")
    asked = triplet(CHUNKS[0], "How?", annotator="ada")
    fine = [
        triplet(CHUNKS[0], "Why?", "rejected"),
        triplet(CHUNKS[1], "How?"),
        judged_chunk(CHUNKS[1], "accepted"),
    ]
    settled = _settle([refused, asked, *fine])
    (conflict,) = settled.conflicts
    assert (conflict.between, conflict.left_out, conflict.query) == ("chunk", True, "How?")
    assert [(one.record_id, one.annotators) for one in conflict.accepted] == [(asked.record_id, ("ada",))]
    assert [(one.record_id, one.annotators) for one in conflict.rejected] == [(CHUNKS[0].id, ("bob",))]
