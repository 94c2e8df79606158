"""The same pair accepted and rejected: reported, and not learned from."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings, strategies as st

from curation import Chunk, Decision, DedupSettings, Sameness, VectorsOf, Verdict, Vote
from tests.training.material import conversation, judged_chunk, triplet
from tests.training.prepare.made_up import (
    CHUNKS,
    FREE,
    collected,
    context_of,
    corpus_of,
    edited,
    examples,
    refusals,
    replaced,
)
from training.ledger.rows import LedgerRow, of
from training.prepare.collect import collect
from training.prepare.conflicts import Conflict, settle_conflicts

NEAR = DedupSettings(semantic=False, threshold=0.75)


@dataclass
class Settled:
    """The rows after the step, and the conflicts."""

    rows: list[LedgerRow]
    conflicts: list[Conflict]

    @property
    def examples(self) -> list[LedgerRow]:
        return examples(self.rows)

    @property
    def refusals(self) -> list[LedgerRow]:
        return refusals(self.rows)

    @property
    def gone(self) -> list[LedgerRow]:
        """The rows that a conflict took away."""
        return [row for row in self.rows if row.fate == "conflict"]


def _settle(
    decisions: list[Decision],
    groups: dict[str, str] | None = None,
    near: DedupSettings = NEAR,
    vectors_of: VectorsOf | None = None,
) -> Settled:
    rows = collected(decisions)
    return Settled(
        *settle_conflicts(rows, context_of(rows, dedup=near, groups=groups or {}, vectors_of=vectors_of))
    )


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
    assert [(one.record_id, one.other) for one in settled.gone] == [
        (yes.record_id, "other"),
        ("other", yes.record_id),
    ]
    assert {one.reason for one in settled.gone} == {"another record was decided the other way"}


def test_questions_are_the_same_where_training_takes_them_for_one() -> None:
    """Else the question would be trained with its own twin as a negative."""
    yes = triplet(CHUNKS[0], "How do I clean it?")
    no = triplet(CHUNKS[0], "How do I clean it", "rejected")
    other = triplet(CHUNKS[0], "What is the moon made of?", "rejected")
    settled = _settle([yes, no, other])
    assert settled.examples == []
    assert [one.record_id for one in settled.refusals] == [other.record_id]
    assert [(one.query, one.left_out) for one in settled.conflicts] == [(yes.fields["positive"], True)]
    assert _settle([yes, no], near=DedupSettings(near=False, semantic=False)).conflicts == []


def _about_lamps(texts: Sequence[str]) -> npt.NDArray[np.float32]:
    """One meaning for all that is about lamps, another one for the rest."""
    return np.array([[float("lamp" in text), float("lamp" not in text)] for text in texts], np.float32)


def test_what_is_alike_in_meaning_only_is_listed_and_learned_both_ways() -> None:
    """No cosine tells an opposite, the best of negatives, from a paraphrase."""
    decisions = [
        triplet(CHUNKS[0], "How can I raise the lamp?"),
        triplet(CHUNKS[0], "How can I lower the lamp?", "rejected"),
        triplet(CHUNKS[0], "Where do trains go?", "rejected"),
        triplet(CHUNKS[1], "May a lamp get wet?", "rejected"),
    ]
    settled = _settle(decisions, near=DedupSettings(), vectors_of=_about_lamps)
    (conflict,) = settled.conflicts
    assert (conflict.between, conflict.left_out) == ("meaning", False)
    assert [one.record_id for one in conflict.rejected] == [decisions[1].record_id]
    assert [one.record_id for one in settled.examples] == [decisions[0].record_id]
    assert [one.record_id for one in settled.refusals] == [one.record_id for one in decisions[1:]]
    assert settled.gone == []


def test_a_wrong_answer_to_the_same_question_in_other_words_is_no_word_against_its_source() -> None:
    decisions = [
        triplet(CHUNKS[0], "What cleans a lamp?"),
        conversation(CHUNKS[0], "I want my lamp to shine again", "rejected"),
    ]
    settled = _settle(decisions, near=DedupSettings(), vectors_of=_about_lamps)
    assert [one.record_id for one in settled.examples] == [decisions[0].record_id]
    assert settled.refusals == []


def test_nearly_the_same_wording_takes_the_refusal_alone() -> None:
    asked = "What is new in version 2.1{} of the lamp that hangs above the kitchen table?"
    decisions = [
        triplet(CHUNKS[0], asked.format(0)),
        triplet(CHUNKS[0], asked.format(1), "rejected"),
    ]
    settled = _settle(decisions)
    assert [one.record_id for one in settled.examples] == [decisions[0].record_id]
    assert [(one.record_id, one.teaches) for one in settled.gone] == [(decisions[1].record_id, "refusal")]
    assert [(one.between, one.left_out) for one in settled.conflicts] == [("records", False)]


def test_one_conflict_for_all_records_that_ask_the_same() -> None:
    decisions = [
        triplet(CHUNKS[0], "How do I clean it?"),
        triplet(CHUNKS[0], "How do I clean it"),
        triplet(CHUNKS[0], "How do I clean it ?", "rejected"),
        triplet(CHUNKS[0], "how do I clean it!", "rejected"),
    ]
    settled = _settle(decisions)
    (conflict,) = settled.conflicts
    assert [one.record_id for one in conflict.accepted] == [one.record_id for one in decisions[:2]]
    assert [one.record_id for one in conflict.rejected] == [one.record_id for one in decisions[2:]]
    assert not settled.examples
    assert not settled.refusals
    assert len(settled.gone) == 4


def test_a_rejected_answer_between_two_questions_takes_neither_with_it() -> None:
    """The first is like the rejected pair only by way of the rejected answer."""
    first, between, last = (
        f"{start}how do I clean the brass lamp with a damp cloth{end}"
        for start, end in (("", ""), ("tell me ", ""), ("tell me ", " right now"))
    )
    near = DedupSettings(semantic=False, threshold=0.8)
    decisions = [
        triplet(CHUNKS[0], first),
        triplet(CHUNKS[0], last),
        conversation(CHUNKS[0], between, "rejected"),
        _renamed(triplet(CHUNKS[0], last, "rejected"), "no"),
    ]
    settled = _settle(decisions, near=near)
    assert [one.query for one in settled.examples] == [first]
    assert settled.refusals == []
    assert Sameness(near).how(first, between)
    assert Sameness(near).how(between, last)
    assert not Sameness(near).how(first, last)


def test_a_named_source_is_learned_though_the_first_one_answers_too() -> None:
    """The bot's first source was accepted for this question elsewhere: no word against the other."""
    asked = "How do I wash it?"
    accepted = triplet(CHUNKS[0], asked)
    named = conversation(CHUNKS[0], asked, "rejected", [CHUNKS[5]], best="2")
    settled = _settle([accepted, named])
    assert [one.chunk_id for one in settled.examples] == [CHUNKS[0].id, CHUNKS[5].id]
    assert settled.refusals == []
    assert [(one.record_id, one.teaches) for one in settled.gone] == [(named.record_id, "refusal")]
    assert [one.left_out for one in settled.conflicts] == [False]


def test_no_record_is_in_conflict_with_itself() -> None:
    """The source that was named is a near duplicate of the first one."""
    named = conversation(CHUNKS[0], "How do I wash it?", "rejected", [CHUNKS[5]], best="2")
    settled = _settle([named], {CHUNKS[5].id: CHUNKS[0].id})
    assert [one.chunk_id for one in settled.examples] == [CHUNKS[5].id]
    assert settled.refusals == settled.gone == []
    assert settled.conflicts == []
    (passed_over,) = of(settled.rows, "refusal")
    assert (passed_over.fate, passed_over.reason) == (
        "unused",
        "it nearly equals the source that was named",
    )


_ASKED = st.tuples(
    st.integers(0, 2),
    st.sampled_from(["triplet", "talk", "named 1", "named 2", "none"]),
    st.sampled_from(["", "tell ", "tell me ", "please tell me "]),
    st.sampled_from(["how do I clean the brass lamp with a damp cloth", "where is it"]),
    st.sampled_from(["", "?", " now"]),
    st.booleans(),
)


_Asked = tuple[int, str, str, str, str, bool]


def _asked(number: int, row: _Asked) -> Decision:
    chunk, kind, before, text, after, good = row
    verdict: Verdict = "accepted" if good else "rejected"
    first, query = CHUNKS[chunk], before + text + after
    best = kind.removeprefix("named ") if kind.startswith("named") or kind == "none" else ""
    others = [CHUNKS[(chunk + 1) % 3]]
    made = (
        triplet(first, query, verdict)
        if kind == "triplet"
        else conversation(first, query, verdict, others, best)
    )
    return _renamed(made, f"r{number}")


def _rows(rows: Sequence[LedgerRow]) -> list[tuple[str, str]]:
    return [(row.teaches, row.record_id) for row in rows]


@given(st.lists(_ASKED, max_size=14, unique=True), st.booleans())
@settings(max_examples=100, deadline=None)
def test_nothing_that_is_left_says_the_opposite_of_something_else(
    asked: list[_Asked], semantic: bool
) -> None:
    decisions = [_asked(number, row) for number, row in enumerate(asked)]
    groups = {CHUNKS[1].id: CHUNKS[0].id}
    how_near = NEAR.model_copy(update={"semantic": semantic})
    settled = _settle(decisions, groups, how_near, _about_lamps)
    found = collected(decisions)
    same = Sameness(how_near)
    if semantic:
        same.embed([one.question for one in decisions], _about_lamps)

    def alike(left: LedgerRow, right: LedgerRow) -> str | None:
        one, other = (groups.get(row.chunk_id, row.chunk_id) for row in (left, right))
        return same.how(left.query, right.query) if one == other else None

    for example in settled.examples:
        for refusal in settled.refusals:
            likeness = alike(example, refusal)
            assert likeness is None or (likeness == "meaning" and refusal.certain)
    # What was accepted goes only where the pair itself was refused, in the same words.
    sure = [one for one in refusals(found) if one.certain]
    kept = {one.record_id for one in settled.examples}
    for example in examples(found):
        assert (example.record_id in kept) == ("words" not in {alike(example, one) for one in sure})
    listed = [
        (kind, side.record_id, one)
        for one in settled.conflicts
        for kind, sides in (("example", one.accepted), ("refusal", one.rejected))
        for side in sides
    ]
    gone = [
        (kind, record)
        for kind, record, one in listed
        if one.left_out or (kind == "refusal" and one.between != "meaning")
    ]
    assert len(gone) == len(set(gone)), "a row goes in one conflict"
    assert sorted(gone) == sorted(_rows(settled.gone))
    assert all(one.record_id != one.other for one in settled.gone), "none against itself"
    own = {
        ("refusal", one.record_id)
        for one in refusals(found)
        for other in examples(found)
        if one.record_id == other.record_id and alike(one, other)
    }
    left = [*settled.examples, *settled.refusals]
    assert sorted([*_rows(left), *gone, *own]) == sorted(_rows([*examples(found), *refusals(found)]))
    assert [row.key for row in settled.rows] == [row.key for row in found], "no row comes or goes"
    assert _settle(decisions, groups, how_near, _about_lamps) == settled


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
        Vote(
            question="is_positive_relevant", value=value, annotator=name, annotator_id=name, response_id=name
        )
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


def _after_an_edit(decisions: list[Decision], old: Chunk, new: Chunk) -> Settled:
    chunks = [new if chunk is old else chunk for chunk in CHUNKS]
    rows = collect(decisions, corpus_of(chunks, replaced([(old, new)])))
    return Settled(*settle_conflicts(rows, context_of(rows, chunks, NEAR)))


def test_accepted_before_an_edit_and_rejected_after_it_is_a_conflict() -> None:
    old, new = FREE[0], edited(FREE[0], " Well.")
    decisions = [triplet(old, "How do I wash it?"), triplet(new, "How do I wash it?", "rejected")]
    settled = _after_an_edit(decisions, old, new)
    assert [one.left_out for one in settled.conflicts] == [True]
    assert not settled.examples
    assert not settled.refusals


def test_rejected_before_an_edit_and_accepted_after_it_is_learned_as_accepted() -> None:
    """How answers are repaired: somebody refuses one, the documents are put right, somebody accepts it."""
    old, new = FREE[0], edited(FREE[0], " Well.")
    decisions = [triplet(old, "How do I wash it?", "rejected"), triplet(new, "How do I wash it?")]
    settled = _after_an_edit(decisions, old, new)
    assert [one.left_out for one in settled.conflicts] == [False]
    assert [one.chunk_id for one in settled.examples] == [new.id]
    assert not settled.refusals


def test_a_question_about_a_chunk_as_it_was_is_lost_when_todays_is_rejected() -> None:
    old, new = FREE[0], edited(FREE[0], " Well.")
    decisions = [triplet(old, "How do I wash it?"), judged_chunk(new, "rejected")]
    settled = _after_an_edit(decisions, old, new)
    assert [(one.between, one.chunk_id) for one in settled.conflicts] == [("chunk", new.id)]
    assert settled.examples == []


@given(st.lists(_ASKED, max_size=14, unique=True), st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_decisions_makes_no_difference_to_what_stays(
    asked: list[_Asked], chance: random.Random
) -> None:
    decisions = [_asked(number, row) for number, row in enumerate(asked)]
    shuffled = chance.sample(decisions, len(decisions))
    groups = {CHUNKS[1].id: CHUNKS[0].id}
    first, second = _settle(decisions, groups), _settle(shuffled, groups)
    assert sorted(_rows(first.examples)) == sorted(_rows(second.examples))
    assert sorted(_rows(first.refusals)) == sorted(_rows(second.refusals))
