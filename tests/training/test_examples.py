"""From decisions to examples and to the chunks that are indexed."""

from __future__ import annotations

from tests.training.material import conversation, judged_chunk, make_chunks, triplet
from training.examples import Example, collect
from training.holdout import holdout_questions

CHUNKS = make_chunks()


def _only(examples: list[Example]) -> Example:
    assert len(examples) == 1
    return examples[0]


def test_accepted_triplets_and_conversations_teach() -> None:
    found = collect([triplet(CHUNKS[0], "How?"), conversation(CHUNKS[1], "And this one?")], CHUNKS)
    assert [(one.query, one.chunk_id, one.text) for one in found.examples] == [
        ("How?", CHUNKS[0].id, CHUNKS[0].text),
        ("And this one?", CHUNKS[1].id, CHUNKS[1].text),
    ]


def test_a_heading_is_trained_against_the_body_alone() -> None:
    example = _only(collect([triplet(CHUNKS[0], CHUNKS[0].section[-1], origin="heading")], CHUNKS).examples)
    assert example.text == CHUNKS[0].body
    assert CHUNKS[0].section[-1] not in example.text


def test_undecided_and_empty_records_teach_nothing_and_say_why() -> None:
    found = collect([triplet(CHUNKS[0], "b", "undecided"), triplet(CHUNKS[0], " ", "rejected")], CHUNKS)
    assert found.examples == found.refusals == []
    assert [one.reason.split(":")[0] for one in found.unused] == ["undecided", "the question is empty"]


def test_what_was_rejected_is_a_refusal_and_a_rejected_answer_an_uncertain_one() -> None:
    found = collect([triplet(CHUNKS[0], "a", "rejected"), conversation(CHUNKS[1], "b", "rejected")], CHUNKS)
    assert found.examples == []
    assert [(one.query, one.text, one.certain) for one in found.refusals] == [
        ("a", CHUNKS[0].text, True),
        ("b", CHUNKS[1].text, False),
    ]


def test_a_rejected_chunk_leaves_index_and_training() -> None:
    found = collect([judged_chunk(CHUNKS[0], "rejected"), triplet(CHUNKS[0], "How?")], CHUNKS)
    assert found.examples == []
    assert found.unused[0].reason == "its chunk was rejected"
    assert CHUNKS[0].id not in {chunk.id for chunk in found.chunks}
    assert len(found.chunks) == len(CHUNKS) - 1


def test_unreviewed_chunks_can_be_left_out() -> None:
    found = collect([judged_chunk(CHUNKS[3], "accepted")], CHUNKS, include_unreviewed=False)
    assert [chunk.id for chunk in found.chunks] == [CHUNKS[3].id]


def test_a_chunk_that_has_changed_since_still_trains_but_is_not_live() -> None:
    example = _only(collect([triplet(CHUNKS[0], "How?")], CHUNKS[1:]).examples)
    assert example.text == CHUNKS[0].text
    assert not example.live


def test_a_conversation_without_a_source_teaches_nothing() -> None:
    found = collect([conversation(CHUNKS[0], "Hello?")], CHUNKS[1:])
    assert found.examples == []
    assert "cites no chunk" in found.unused[0].reason


def test_the_negative_is_used_only_if_the_annotators_said_so() -> None:
    said = triplet(CHUNKS[0], "How?", negative="Why?")
    unsaid = said.model_copy(update={"values": {"is_positive_relevant": "yes"}})
    assert _only(collect([said], CHUNKS).examples).negative == "Why?"
    assert _only(collect([unsaid], CHUNKS).examples).negative == ""


def test_a_question_accepted_for_two_chunks_has_two_right_answers() -> None:
    decisions = [triplet(CHUNKS[0], "Which one?"), triplet(CHUNKS[5], "which ONE?")]
    questions = holdout_questions(collect(decisions, CHUNKS).examples, CHUNKS, {})
    assert len(questions) == 1
    assert questions[0].right == [CHUNKS[0].id, CHUNKS[5].id]
