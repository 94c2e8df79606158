"""The same question is learned once, and never when it is held out or asked by a test."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from curation import Decision, DedupSettings, matches_in_meaning
from serving import Vectors
from tests.training.material import triplet
from tests.training.prepare.made_up import CHUNKS, FREE, HELD, NEAR, history, prepared
from training.ledger.rows import LedgerRow, RecordKey

MEANING = DedupSettings(semantic_threshold=0.9)


def _by_first_word(texts: Sequence[str]) -> Vectors:
    """Vectors for which questions with the same first word mean the same."""
    known = ["how", "lamp", "lamps", "when", "where", "why", "?"]
    return np.array([[float(text.casefold().split()[0] == word) for word in known] for text in texts], "f4")


def _fates(rows: Sequence[LedgerRow]) -> list[tuple[str, str, str]]:
    return [(row.fate, row.reason, row.other) for row in rows]


def test_a_training_question_like_a_held_out_one_is_dropped_and_says_for_which() -> None:
    decisions = [triplet(HELD[0], "Where do I find it?"), triplet(FREE[0], "where do I  FIND it?")]
    found = prepared(decisions)
    assert _fates(found.ledger) == [
        ("holdout", "", ""),
        ("duplicate", "same holdout question", decisions[0].record_id),
    ]
    assert found.ledger[1].similarity == 1.0


def test_a_training_text_like_a_held_out_one_is_dropped_too() -> None:
    """A record shows a text that is not among the documents any more, in a section that nobody knows."""
    copy = HELD[0].model_copy(update={"id": "copy"})
    decisions = [triplet(HELD[0], "Where is it?"), triplet(copy, "How many are there?")]
    found = prepared(decisions)
    assert _fates(found.ledger)[1] == ("duplicate", "same holdout chunk", decisions[0].record_id)


def test_the_same_question_in_other_words_is_dropped_and_says_for_which() -> None:
    decisions = [
        triplet(HELD[0], "where can the thing be found"),
        triplet(FREE[0], "why did it break"),
        triplet(FREE[0], "why is nothing whole any more"),
        triplet(FREE[1], "why does this differ"),
        triplet(FREE[1], "where would I look"),
    ]
    found = prepared(decisions, dedup=MEANING, vectors_of=_by_first_word)
    assert _fates(found.ledger) == [
        ("holdout", "", ""),
        ("train", "", ""),
        ("duplicate", "in other words the same question", decisions[1].record_id),
        ("train", "", ""),
        ("duplicate", "in other words the same holdout question", decisions[0].record_id),
    ]


def test_a_row_that_went_for_one_that_went_itself_names_the_one_that_stayed() -> None:
    decisions = [
        triplet(FREE[0], "why did it break"),
        triplet(FREE[0], "why is nothing whole any more"),
        triplet(FREE[0], "why is nothing whole any  MORE"),
    ]
    found = prepared(decisions, dedup=MEANING, vectors_of=_by_first_word)
    assert [row.other for row in found.ledger] == ["", decisions[0].record_id, decisions[0].record_id]
    assert found.ledger[2].similarity < 1


@pytest.mark.parametrize("held", [False, True])
def test_what_the_served_release_asked_or_learned_stays_before_something_newer(held: bool) -> None:
    chunk = HELD[0] if held else FREE[0]
    new, old = (triplet(chunk, text) for text in ("Where is it now?", "where is it  NOW?"))
    found = prepared([new, old], history=history(**{"asked" if held else "trained": prepared([old]).ledger}))
    stays = found.holdout if held else found.train
    assert [row.record_id for row in stays] == [old.record_id]
    assert found.ledger[0].other == old.record_id


def test_a_training_question_that_asks_a_test_in_other_words_is_dropped_and_says_for_which() -> None:
    asked = [
        triplet(FREE[0], "where can the thing be found"),
        triplet(FREE[1], "why did it break"),
        triplet(FREE[2], "WHERE would I  look"),
    ]
    tests = {"own: 1": "where would I look"}
    found = prepared(asked, dedup=DedupSettings(), tests=tests, vectors_of=_by_first_word)
    assert _fates(found.ledger) == [
        ("duplicate", "in other words the same question as in a test set", "own: 1"),
        ("train", "", ""),
        ("duplicate", "same question as in a test set", "own: 1"),
    ]
    assert {row.other_dataset for row in found.ledger} == {""}
    worded = prepared(asked, tests=tests, vectors_of=_by_first_word)
    assert [row.fate for row in worded.ledger] == ["train", "train", "duplicate"]


_WORDS = st.sampled_from(["when", "where", "why", "how", "HOW", "lamp", "lamps", "?"])
_QUESTIONS = st.lists(
    st.tuples(st.integers(0, 47), st.lists(_WORDS, min_size=1, max_size=5).map(" ".join)), max_size=40
)


@given(_QUESTIONS, st.booleans(), st.booleans())
@settings(max_examples=80, deadline=None)
def test_nothing_that_is_trained_on_resembles_what_is_held_out(
    picks: list[tuple[int, str]], semantic: bool, tested: bool
) -> None:
    dedup = MEANING if semantic else NEAR
    vectors_of = _by_first_word
    tests = {"own: 1": "why lamps"} if tested else {}
    decisions: list[Decision] = [triplet(CHUNKS[number], text) for number, text in dict.fromkeys(picks)]
    found = prepared(decisions, dedup=dedup, vectors_of=vectors_of, tests=tests, holdout_share=0.3)
    asked = [row.query for row in found.holdout] + list(tests.values())
    questions = [row.query for row in found.train]
    assert not {question.casefold() for question in questions} & {one.casefold() for one in asked}
    if semantic and questions and asked:
        both = vectors_of([*questions, *asked])
        own, others = both[: len(questions)], both[len(questions) :]
        assert matches_in_meaning(own, others, dedup.semantic_threshold) == []
    by_key = {row.key: row for row in found.ledger}
    for row in found.ledger:
        if row.fate == "duplicate" and row.other_dataset:
            kept = row
            while kept.fate == "duplicate" and kept.other_dataset:
                assert 0 < kept.similarity <= 1
                kept = by_key[RecordKey("triplets", kept.other)]
            assert kept.fate in ("train", "holdout", "duplicate"), "kept, or asked by a test"
