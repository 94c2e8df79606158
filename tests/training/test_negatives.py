"""What questions are trained against, and what is never a negative."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings, strategies as st

from curation import Chunk, Decision
from tests.training.material import conversation, make_chunks, triplet
from training.prepare.dedup import normalise
from training.prepare.examples import collect, section_of
from training.prepare.negatives import SAME_TEXT, Decided, decided_negatives, mine
from training.prepare.sameness import without_contradictions
from training.settings import DedupSettings

NEAR = DedupSettings()
CHUNKS = make_chunks()
Vectors = npt.NDArray[np.float32]


def _decide(decisions: list[Decision], held: list[Decision] | None = None) -> Decided:
    found = collect(decisions, CHUNKS)
    holdout = collect(held or [], CHUNKS).examples
    held_groups = {one.chunk_id for one in holdout}
    return decided_negatives(found.examples, holdout, found.refusals, {}, held_groups, NEAR)


def test_a_rejected_chunk_is_a_negative_of_a_question_that_another_one_answers() -> None:
    right = triplet(CHUNKS[0], "How do I wash my light?")
    wrong = triplet(CHUNKS[5], "how do I wash  my LIGHT?", "rejected")
    (negative,) = _decide([right, wrong]).negatives
    assert (negative.kind, negative.source, negative.text) == ("text", "refused", CHUNKS[5].text)
    assert (negative.record_id, negative.decided_by) == (right.record_id, wrong.record_id)


def test_a_rejected_question_is_a_negative_of_its_chunk() -> None:
    right, wrong = triplet(CHUNKS[0], "How?"), triplet(CHUNKS[0], "What is the moon?", "rejected")
    (negative,) = _decide([right, wrong]).negatives
    assert (negative.kind, negative.source, negative.text) == ("question", "refused", "What is the moon?")


def test_a_rejected_conversation_counts_only_where_a_better_chunk_is_known() -> None:
    wrong = conversation(CHUNKS[5], "How do I wash it?", "rejected")
    assert _decide([wrong, triplet(CHUNKS[5], "Something else?")]).negatives == []
    (negative,) = _decide([wrong, triplet(CHUNKS[0], "How do I wash it?")]).negatives
    assert (negative.kind, negative.text) == ("text", CHUNKS[5].text)


def test_a_stored_negative_is_used_unless_it_is_a_question_of_the_training_itself() -> None:
    own = triplet(CHUNKS[0], "How do I wash it?", negative="Why is the sky blue?")
    (negative,) = _decide([own]).negatives
    assert (negative.kind, negative.source, negative.text) == ("question", "stored", "Why is the sky blue?")
    assert _decide([own, triplet(CHUNKS[7], "Why is the sky blue?")]).negatives == []


def test_nothing_of_the_holdout_is_a_negative() -> None:
    held = [triplet(CHUNKS[9], "Where does the boat sleep?")]
    decided = _decide(
        [
            triplet(CHUNKS[0], "How?", negative="where does the BOAT sleep?"),
            triplet(CHUNKS[1], "How else?"),
            triplet(CHUNKS[9], "How else?", "rejected"),
            triplet(CHUNKS[0], "Where does the boat sleep ?", "rejected"),
        ],
        held,
    )
    assert decided.negatives == []
    assert len(decided.unused) == 2
    assert all("held out" in one.reason for one in decided.unused)


def test_nothing_of_a_test_set_of_ones_own_is_a_negative() -> None:
    ticket = "Where can I buy a ticket?"
    decisions = [
        triplet(CHUNKS[0], "How do I wash it?", negative=ticket),
        triplet(CHUNKS[1], "How come?"),
        triplet(CHUNKS[1], "where can I buy a ticket", "rejected"),
    ]
    found = collect(decisions, CHUNKS)
    decided = decided_negatives(found.examples, [], found.refusals, {}, set(), NEAR, [ticket])
    assert decided.negatives == []
    assert len(decided.unused) == 1
    assert len(_decide(decisions).negatives) == 2


@pytest.mark.parametrize("as_test", [False, True])
def test_what_is_held_out_is_no_negative_in_other_words_either(as_test: bool) -> None:
    held, other = "Where can I buy a ticket?", "At which counter are tickets sold?"
    decisions = [
        triplet(CHUNKS[0], "How do I wash it?", negative=other),
        triplet(CHUNKS[1], "How come?"),
        triplet(CHUNKS[1], other, "rejected"),
        triplet(CHUNKS[1], "Why is the sky blue?", "rejected"),
    ]
    found = collect(decisions, CHUNKS)
    holdout = [] if as_test else collect([triplet(CHUNKS[9], held)], CHUNKS).examples

    def vectors_of(texts: Sequence[str]) -> Vectors:
        return np.array(
            [[float("ticket" in text), float("ticket" not in text)] for text in texts], np.float32
        )

    decided = decided_negatives(
        found.examples, holdout, found.refusals, {}, set(), NEAR, [held] if as_test else [], vectors_of
    )
    assert [one.text for one in decided.negatives] == ["Why is the sky blue?"]
    assert ["held out" in one.reason for one in decided.unused] == [True]


def test_nothing_is_set_against_what_it_equals() -> None:
    """A copy of the right text that no group knows of, and a stored negative that only lacks the question mark."""
    near = DedupSettings(threshold=0.75)
    copy = CHUNKS[0].model_copy(update={"id": "copy", "path": "copy.md"})
    decisions = [
        triplet(CHUNKS[0], "How do I wash it?", negative="How do I wash it"),
        triplet(copy, "How do I wash it?", "rejected"),
        triplet(CHUNKS[5], "How do I wash it?", "rejected"),
    ]
    found = collect(decisions, [*CHUNKS, copy])
    decided = decided_negatives(found.examples, [], found.refusals, {}, set(), near)
    assert len(decided.negatives) == 3
    left = without_contradictions(decided, found.refusals, found.examples, {}, near)
    assert [one.chunk_id for one in left.negatives] == [CHUNKS[5].id]
    (unused,) = left.unused
    assert unused.record_id == decisions[1].record_id
    assert "nearly equals what was accepted" in unused.reason


def test_what_nothing_can_be_set_against_says_so() -> None:
    (unused,) = _decide([triplet(CHUNKS[0], "How?", "rejected")]).unused
    assert "no accepted pair" in unused.reason


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return unit


@given(
    picks=st.lists(
        st.tuples(st.integers(0, 47), st.sampled_from(["how", "why", "when", "HOW", "where"])),
        min_size=1,
        max_size=40,
    ),
    held=st.sets(st.integers(0, 47), max_size=20),
    pairs=st.lists(st.tuples(st.integers(0, 47), st.integers(0, 47)), max_size=10),
    number=st.integers(1, 5),
    margin=st.floats(0, 0.5),
    seed=st.integers(0, 1000),
)
@settings(max_examples=80, deadline=None)
def test_mined_negatives_are_never_what_may_be_right(
    picks: list[tuple[int, str]],
    held: set[int],
    pairs: list[tuple[int, int]],
    number: int,
    margin: float,
    seed: int,
) -> None:
    groups: dict[str, str] = {}
    for left, right in pairs:
        groups[CHUNKS[right].id] = groups.get(CHUNKS[left].id, CHUNKS[left].id)
    held_groups = {groups.get(CHUNKS[index].id, CHUNKS[index].id) for index in held}
    decisions = [
        triplet(CHUNKS[index], text, origin="heading" if index % 3 == 0 else "sentence-pair")
        for index, text in dict.fromkeys(picks)
    ]
    train = collect(decisions, CHUNKS).examples
    chance = np.random.default_rng(seed)
    questions = _unit(chance.normal(size=(len(train), 8)))
    texts = _unit(chance.normal(size=(len(CHUNKS), 8)))
    found = mine(train, CHUNKS, questions, texts, groups, held_groups, number, margin)
    column = {chunk.id: row for row, chunk in enumerate(CHUNKS)}
    accepted: dict[str, set[str]] = {}
    for example in train:
        group = groups.get(example.chunk_id, example.chunk_id)
        accepted.setdefault(normalise(example.query), set()).add(group)
    by_record = {one.record_id: (row, one) for row, one in enumerate(train)}
    counts: dict[str, int] = {}
    for negative in found:
        row, example = by_record[negative.record_id]
        group = groups.get(negative.chunk_id, negative.chunk_id)
        wrong, own = column[negative.chunk_id], column[example.chunk_id]
        score, right = float(questions[row] @ texts[wrong]), float(questions[row] @ texts[own])
        assert group not in accepted[normalise(example.query)]
        assert group not in held_groups
        assert score <= right - margin * abs(right) + 1e-5
        assert float(texts[wrong] @ texts[own]) < SAME_TEXT + 1e-5
        if example.origin == "heading":
            assert section_of(_by_id(negative.chunk_id)) != example.place
        counts[example.record_id] = counts.get(example.record_id, 0) + 1
    assert all(count <= number for count in counts.values())


def test_the_nearest_wrong_chunk_is_mined_first() -> None:
    train = collect([triplet(CHUNKS[0], "how")], CHUNKS[:4]).examples
    texts = _unit(np.array([[1, 0, 0], [0.9, 0.5, 0], [0.5, 0.9, 0], [0, 0, 1]], dtype=np.float32))
    found = mine(train, CHUNKS[:4], texts[:1], texts, {}, set(), 2, 0.05)
    assert [one.chunk_id for one in found] == [CHUNKS[1].id, CHUNKS[2].id]
    closer = mine(train, CHUNKS[:4], texts[:1], texts, {}, set(), 2, 0.3)
    assert [one.chunk_id for one in closer] == [CHUNKS[2].id, CHUNKS[3].id]


def test_what_was_accepted_elsewhere_is_never_mined() -> None:
    """A pair that is set aside, held out, dropped or contested may be right, though nobody trains on it."""
    train = collect([triplet(CHUNKS[0], "how")], CHUNKS[:4]).examples
    contested = collect([triplet(CHUNKS[1], "HOW")], CHUNKS[:4]).examples
    texts = _unit(np.array([[1, 0, 0], [0.9, 0.5, 0], [0.5, 0.9, 0], [0, 0, 1]], dtype=np.float32))
    found = mine(train, CHUNKS[:4], texts[:1], texts, {}, set(), 2, 0.05, contested)
    assert [one.chunk_id for one in found] == [CHUNKS[2].id, CHUNKS[3].id]
    near = {CHUNKS[2].id: CHUNKS[1].id}
    found = mine(train, CHUNKS[:4], texts[:1], texts, near, set(), 2, 0.05, contested)
    assert [one.chunk_id for one in found] == [CHUNKS[3].id]


def _by_id(chunk_id: str) -> Chunk:
    return next(chunk for chunk in CHUNKS if chunk.id == chunk_id)
