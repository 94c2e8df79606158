"""The questions of the holdout, and which chunks answer them."""

from __future__ import annotations

from curation import Corpus, FormerChunk
from tests.training.material import make_chunks, triplet
from training.judge.questions import holdout_questions
from training.ledger.rows import of, section_of
from training.prepare.collect import collect
from training.prepare.split import is_holdout

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)


def test_a_question_accepted_for_two_chunks_has_two_right_answers() -> None:
    rows = collect([triplet(CHUNKS[0], "Which one?"), triplet(CHUNKS[5], "which ONE?")], CORPUS)
    (question,) = holdout_questions(rows, CHUNKS, {})
    assert question.right == [CHUNKS[0].id, CHUNKS[5].id]


def test_a_chunk_of_the_training_side_is_right_where_its_question_is_held_out() -> None:
    """A model that finds it first has found what was asked for."""
    held = next(chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2))
    free = next(chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2))
    decisions = [triplet(free, "how do I get  RID of it?"), triplet(held, "How do I get rid of it?")]
    accepted = collect(decisions, CORPUS)
    (question,) = holdout_questions(accepted[1:], CHUNKS, {}, accepted)
    assert question.text == "How do I get rid of it?"
    assert question.right == [held.id, free.id]


def test_a_question_about_an_edited_chunk_is_answered_by_the_one_in_its_place() -> None:
    old = CHUNKS[0]
    new = old.model_copy(update={"id": "new", "text": old.text + " And then?"})
    chunks = [new, *CHUNKS[1:]]
    corpus = Corpus(documents=[], chunks=chunks, former={old.id: FormerChunk(chunk=old, replaced_by="new")})
    rows = of(collect([triplet(old, "Where is it?")], corpus), "example")
    (question,) = holdout_questions(rows, chunks, {old.id: "new"})
    assert question.right == ["new"]
