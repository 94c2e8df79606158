"""What questions are trained against, what is never a negative, and how many there may be of one question."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from curation import Decision, DedupSettings, Sameness, normalise
from serving import Vectors
from tests.training.material import conversation, triplet
from tests.training.prepare.made_up import CHUNKS, FREE, HELD, NEAR, prepared
from training.ledger.rows import LedgerRow, Negative, negatives_of, of
from training.prepare.negatives import MOST_REFUSED
from training.prepare.prepared import Prepared

WASH = "How do I wash it?"


def _decide(decisions: Sequence[Decision]) -> list[Negative]:
    return prepared(decisions, dedup=DedupSettings(near=False, semantic=False)).negatives


def _unused(found: Prepared) -> list[LedgerRow]:
    return of(found.ledger, "refusal", "unused")


def test_a_rejected_chunk_is_a_negative_of_a_question_that_another_one_answers() -> None:
    right = triplet(FREE[0], "How do I wash my light?")
    wrong = triplet(FREE[5], "how do I wash  my LIGHT?", "rejected")
    (negative,) = _decide([right, wrong])
    assert (negative.kind, negative.source, negative.text) == ("text", "refused", FREE[5].text)
    assert (negative.example, negative.chunk_id) == (("triplets", right.record_id), FREE[5].id)
    row = prepared([right, wrong]).ledger[1]
    assert (row.fate, row.negative_kind, row.other) == ("negative", "text", right.record_id)


def test_a_rejected_question_is_a_negative_of_its_chunk() -> None:
    right, wrong = triplet(FREE[0], "How?"), triplet(FREE[0], "What is the moon?", "rejected")
    (negative,) = _decide([right, wrong])
    assert (negative.kind, negative.source, negative.text) == ("question", "refused", "What is the moon?")


def test_a_rejected_conversation_counts_only_where_a_better_chunk_is_known() -> None:
    wrong = conversation(FREE[5], WASH, "rejected")
    assert _decide([wrong, triplet(FREE[5], "Something else?")]) == []
    (negative,) = _decide([wrong, triplet(FREE[0], WASH)])
    assert (negative.kind, negative.text) == ("text", FREE[5].text)


def test_a_stored_negative_is_used_unless_it_is_a_question_of_the_training_itself() -> None:
    own = triplet(FREE[0], WASH, negative="Why is the sky blue?")
    (negative,) = _decide([own])
    assert (negative.kind, negative.source, negative.text) == ("question", "stored", "Why is the sky blue?")
    assert _decide([own, triplet(FREE[7], "Why is the sky blue?")]) == []


def test_nothing_of_the_holdout_is_a_negative() -> None:
    found = prepared(
        [
            triplet(HELD[0], "Where does the boat sleep?"),
            triplet(FREE[0], "How?", negative="where does the BOAT sleep?"),
            triplet(FREE[1], "How else?"),
            triplet(HELD[0], "How else?", "rejected"),
            triplet(FREE[0], "Where does the boat sleep ?", "rejected"),
        ]
    )
    assert found.negatives == []
    assert len(_unused(found)) == 2
    assert all("held out" in row.reason for row in _unused(found))


def test_nothing_of_a_test_set_of_ones_own_is_a_negative() -> None:
    ticket = "Where can I buy a ticket?"
    decisions = [
        triplet(FREE[0], WASH, negative=ticket),
        triplet(FREE[1], "How come?"),
        triplet(FREE[1], "where can I buy a ticket", "rejected"),
    ]
    found = prepared(decisions, tests={"own: 1": ticket})
    assert found.negatives == []
    assert len(_unused(found)) == 1
    assert len(prepared(decisions).negatives) == 2


def _about_tickets(texts: Sequence[str]) -> Vectors:
    return np.array([[float("ticket" in text), float("ticket" not in text)] for text in texts], np.float32)


@pytest.mark.parametrize("as_test", [False, True])
def test_what_is_held_out_is_no_negative_in_other_words_either(as_test: bool) -> None:
    asked, other = "Where can I buy a ticket?", "At which counter are tickets sold?"
    decisions = [
        triplet(FREE[0], WASH, negative=other),
        triplet(FREE[1], "How come?"),
        triplet(FREE[1], other, "rejected"),
        triplet(FREE[1], "Why is the sky blue?", "rejected"),
    ]
    decisions += [] if as_test else [triplet(HELD[0], asked)]
    found = prepared(
        decisions,
        dedup=DedupSettings(),
        tests={"own: 1": asked} if as_test else {},
        vectors_of=_about_tickets,
    )
    assert [one.text for one in found.negatives] == ["Why is the sky blue?"]
    assert ["held out" in row.reason for row in _unused(found)] == [True]


def test_nothing_is_set_against_what_it_equals() -> None:
    """A copy of the right text that no group knows of, and a stored negative without the question mark."""
    copy = FREE[0].model_copy(update={"id": "copy", "path": "copy.md"})
    decisions = [
        triplet(FREE[0], WASH, negative="How do I wash it"),
        triplet(copy, WASH, "rejected"),
        triplet(FREE[5], WASH, "rejected"),
    ]
    found = prepared(
        decisions, [*CHUNKS, copy], DedupSettings(threshold=0.75, semantic=False), groups={"none": "none"}
    )
    assert [one.chunk_id for one in found.negatives] == [FREE[5].id]
    (unused,) = _unused(found)
    assert unused.record_id == decisions[1].record_id
    assert "nearly equals what was accepted" in unused.reason
    assert found.train[0].negative == ""


def test_what_nothing_can_be_set_against_says_so() -> None:
    (unused,) = _unused(prepared([triplet(FREE[0], "How?", "rejected")]))
    assert "no accepted pair" in unused.reason


def test_what_is_refused_of_a_chunk_is_spread_over_its_questions() -> None:
    accepted = [triplet(FREE[0], "How?"), triplet(FREE[0], "Why?")]
    negatives = _decide([*accepted, *(triplet(FREE[0], f"Nonsense {one}?", "rejected") for one in "abcd")])
    assert Counter(one.example.record_id for one in negatives) == {one.record_id: 2 for one in accepted}


@pytest.mark.parametrize("kind", ["text", "question"])
def test_beyond_the_bound_a_refusal_is_unused_and_says_why(kind: str) -> None:
    number = MOST_REFUSED + 2
    wrong = [
        triplet(FREE[1 + row], WASH, "rejected")
        if kind == "text"
        else triplet(FREE[0], f"Nonsense {row}?", "rejected")
        for row in range(number)
    ]
    twin = wrong[0].model_copy(update={"record_id": "twin"})
    exactly = DedupSettings(near=False, semantic=False)
    found = prepared([triplet(FREE[0], WASH), *wrong, twin], dedup=exactly)
    assert {one.kind for one in found.negatives} == {kind}
    assert len({one.text for one in found.negatives}) == MOST_REFUSED
    assert len(found.negatives) == MOST_REFUSED + 1, "two that say the same count as one"
    whose = "question" if kind == "text" else "chunk"
    assert [row.reason for row in _unused(found)] == [
        f"rejected (training takes {MOST_REFUSED} refusals of its {whose})"
    ] * 2


def test_the_negatives_of_a_ledger_are_the_refused_ones_and_then_the_stored_ones() -> None:
    decisions = [
        triplet(FREE[0], WASH, negative="Why is the sky blue?"),
        triplet(FREE[0], "What is the moon?", "rejected"),
    ]
    found = prepared(decisions)
    assert [(one.source, one.text) for one in negatives_of(found.ledger)] == [
        ("refused", "What is the moon?"),
        ("stored", "Why is the sky blue?"),
    ]


_QUESTIONS = ["how", "why", "HOW", "when", "where is the lamp", "where is the lamp?", "who"]
_PAIRS = st.tuples(st.integers(0, 9), st.sampled_from(_QUESTIONS))


@given(
    accepted=st.lists(_PAIRS, min_size=1, max_size=12, unique=True),
    refused=st.lists(_PAIRS, max_size=40, unique=True),
    stored=st.sampled_from(["", *_QUESTIONS, "What is for dinner?"]),
    wrong_answers=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_no_negative_equals_what_was_accepted_and_every_refusal_has_a_fate(
    accepted: list[tuple[int, str]], refused: list[tuple[int, str]], stored: str, wrong_answers: bool
) -> None:
    right = [triplet(CHUNKS[number], query, negative=stored) for number, query in accepted]
    wrong = [
        conversation(CHUNKS[number], query, "rejected")
        if wrong_answers
        else triplet(CHUNKS[number], query, "rejected").model_copy(update={"record_id": f"no-{row}"})
        for row, (number, query) in enumerate(refused)
    ]
    wrong = list({one.record_id: one for one in wrong}.values())
    found = prepared([*right, *wrong])
    train = {row.key: row for row in found.train}
    same = Sameness(NEAR)
    bound: dict[tuple[str, str], set[tuple[str, str]]] = {}
    taken = Counter(normalise(row.query) for row in found.train)
    taken += Counter(row.chunk_id for row in found.train)
    for negative in found.negatives:
        example = train[negative.example]
        group = found.groups[example.chunk_id]
        for row in found.train:
            if negative.kind == "question" and found.groups[row.chunk_id] == group:
                assert same.how(negative.text, row.query) is None
            if negative.kind == "text" and normalise(row.query) == normalise(example.query):
                assert row.chunk_id != negative.chunk_id
        if negative.kind == "text":
            assert same.how(negative.text, example.text) is None
        asked = {row.query for row in found.holdout}
        assert negative.kind == "text" or not any(same.how(negative.text, one) == "words" for one in asked)
        if negative.source == "refused":
            anchor = normalise(example.query) if negative.kind == "text" else example.chunk_id
            bound.setdefault((negative.kind, anchor), set()).add((example.record_id, negative.text))
    assert all(len(texts) <= max(MOST_REFUSED, taken[anchor]) for (_, anchor), texts in bound.items())
    rows = of(found.ledger, "refusal")
    assert {row.fate for row in rows} <= {"negative", "unused", "conflict"}
    assert all(row.reason for row in rows)
    assert all(row.other for row in rows if row.fate in ("negative", "conflict"))
    held = {found.groups[row.chunk_id] for row in found.holdout}
    assert not held & {found.groups[row.chunk_id] for row in rows if row.fate == "negative"}


def test_what_a_held_out_chunk_says_is_no_negative_text_wherever_it_stood() -> None:
    """The refused chunk is one that nobody knows any more; its words are those of a held-out chunk."""
    right, held = triplet(FREE[0], WASH), triplet(HELD[0], "What is asked about the held-out one?")
    gone = HELD[0].model_copy(update={"id": "gone", "path": "elsewhere.md", "section": ("Elsewhere",)})
    found = prepared([right, held, triplet(gone, WASH, "rejected")])
    assert found.negatives == []
    assert _unused(found)[0].reason.endswith("(it concerns what is held out)")
