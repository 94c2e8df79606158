"""What is learned from, and what judges: never the same question."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

import numpy as np
from hypothesis import given, strategies as st

from serving import CuratedAnswer, Vectors
from training.answering.lessons import Lesson, is_held_out, sort_out

LETTERS = "abcdefghij"
QUESTIONS = st.text(LETTERS, min_size=1, max_size=6)
TRAINED = next(letter for letter in LETTERS if not is_held_out(letter))
HELD_OUT = next(letter for letter in LETTERS if is_held_out(letter))


def by_letters(texts: Sequence[str]) -> Vectors:
    """Stands in for an embedding: texts of the same letters say the same."""
    counts = np.array([[text.casefold().count(letter) for letter in LETTERS] for text in texts], np.float32)
    return counts / np.linalg.norm(counts, axis=1, keepdims=True)


@given(st.lists(st.builds(Lesson, QUESTIONS, st.sampled_from(["x", "y"]), st.sampled_from(["", "z"]))))
def test_no_question_trains_and_judges(given_lessons: list[Lesson]) -> None:
    shouted = [Lesson(one.question.upper(), one.answer, one.rejected) for one in given_lessons]
    lessons = {*given_lessons, *shouted}
    found = sort_out([*given_lessons, *shouted], [], by_letters, 0.999)
    asked = {"".join(sorted(question.casefold())) for question in found.held_out}
    assert not asked & {"".join(sorted(one.question.casefold())) for one in found.train}
    folded = [question.casefold() for question in found.held_out]
    assert len(folded) == len(set(folded)), "asked once, however it is spelt"
    learned = sum(not is_held_out(one.question) for one in lessons)
    assert len(found.train) + found.leaks == learned, "nothing is lost silently"


def test_corrections_teach_unless_they_are_stale() -> None:
    fresh = CuratedAnswer(record_id="1", question=TRAINED, text="Thus.")
    then = datetime(2026, 11, 1, tzinfo=timezone.utc)
    stale = CuratedAnswer(record_id="2", question=HELD_OUT, text="So.", stale_since=then)
    found = sort_out([Lesson(HELD_OUT, "no judge", "of words")], [fresh, stale], by_letters, 1.0)
    assert found.accepted == [Lesson(TRAINED, "Thus.")]
    assert (found.preferences, found.held_out) == ([], {})
