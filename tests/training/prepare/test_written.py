"""What annotators write about a conversation: a place in the documentation, and a correction."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from curation import CORRECTION, OTHER_SOURCE, Decision, Vote
from serving import Vectors
from tests.training.material import conversation, judged_chunk
from tests.training.prepare.made_up import (
    ADDED,
    CHUNKS,
    collected,
    corpus_of,
    edited,
    examples,
    prepared,
    refusals,
    replaced,
)
from training.ledger.rows import LedgerRow, by_decision, of
from training.prepare.collect import collect

FIRST, OTHER = CHUNKS[0], CHUNKS[9]


def saying(decision: Decision, **texts: str) -> Decision:
    """The decision with what its annotator wrote."""
    votes = tuple(
        Vote(
            question=question,
            value=text,
            annotator="simulated",
            annotator_id="simulated",
            response_id=f"response-{decision.record_id}-simulated",
            role="annotator",
        )
        for question, text in texts.items()
    )
    return decision.model_copy(update={"votes": (*decision.votes, *votes)})


def elsewhere(question: str, where: str, best: str = "none") -> Decision:
    return saying(conversation(FIRST, question, "rejected", best=best), **{OTHER_SOURCE: where})


def corrected(
    question: str, text: str, record: str = "", best: str = "", verdict: str = "rejected"
) -> Decision:
    decision = conversation(FIRST, question, "accepted" if verdict == "accepted" else "rejected", best=best)
    return saying(decision, **{CORRECTION: text}).model_copy(
        update={"record_id": record or decision.record_id}
    )


def answers(rows: Sequence[LedgerRow]) -> list[LedgerRow]:
    return of(rows, "answer")


def test_a_page_that_was_named_in_writing_counts_like_a_source_that_was_numbered() -> None:
    found = collected([elsewhere("Where?", f"{OTHER.path}, {OTHER.section[-1]}")])
    assert [(row.query, row.chunk_id, row.text) for row in examples(found)] == [
        ("Where?", OTHER.id, OTHER.text)
    ]
    assert [(row.chunk_id, row.certain) for row in refusals(found)] == [(FIRST.id, False)]


def test_a_passage_that_was_named_after_a_refusal_is_learned_and_nothing_is_refused() -> None:
    decision = conversation(FIRST, "Where?", "rejected", CHUNKS[1:10], best="10")
    metadata = {name: value for name, value in decision.metadata.items() if name != "chunk_id"}
    found = collected([decision.model_copy(update={"metadata": metadata})])
    assert [row.chunk_id for row in examples(found)] == [CHUNKS[9].id]
    assert refusals(found) == []


def test_the_caller_says_which_chunk_of_the_page_is_nearest() -> None:
    page = [chunk for chunk in CHUNKS if chunk.path == OTHER.path]
    assert len(page) > 2

    def vectors_of(texts: Sequence[str]) -> Vectors:
        wanted = ("Where?", page[-1].text)
        return np.array([[float(text in wanted), 0.1] for text in texts], np.float32)

    rows = collect([elsewhere("Where?", OTHER.path)], corpus_of(CHUNKS), vectors_of=vectors_of)
    assert [row.chunk_id for row in examples(rows)] == [page[-1].id]
    rejected = [judged_chunk(page[-1], "rejected"), elsewhere("Where?", OTHER.path)]
    rows = collect(rejected, corpus_of(CHUNKS), vectors_of=vectors_of)
    assert [row.chunk_id for row in examples(rows)] == [page[0].id], "another one while there is one"
    rows = collected([*(judged_chunk(one, "rejected") for one in page), elsewhere("Where?", OTHER.path)])
    assert [row.reason for row in rows if row.dataset == "conversations"] == ["its chunk was rejected"]


def test_what_names_nothing_or_several_pages_teaches_nothing_and_is_listed() -> None:
    [row] = collected([elsewhere("Where?", "no/such/page.md")])
    assert (row.fate, row.teaches) == ("unused", "nothing")
    assert row.reason == "nothing in the documentation is called 'no/such/page.md'"
    chunks = [one.model_copy(update={"path": f"{at}/same.md"}) for at, one in enumerate(CHUNKS[:3])]
    [row] = collected([elsewhere("Where?", "same.md")], [*chunks, *CHUNKS[3:]])
    assert row.fate == "unused" and "'same.md' fits 3 pages: 0/same.md, 1/same.md, 2/same.md" in row.reason


def test_an_accepted_answer_whose_place_is_not_found_teaches_nothing() -> None:
    [row] = collected([saying(conversation(FIRST, "Where?"), **{OTHER_SOURCE: "nowhere"})])
    assert (row.fate, row.teaches) == ("unused", "nothing")


def test_a_correction_is_an_answer_of_its_own_beside_what_the_sources_teach() -> None:
    found = collected([corrected("How?", "Like <b>this</b>.", best="1")])
    [answer] = answers(found)
    assert (answer.query, answer.text, answer.fate) == ("How?", "Like <b>this</b>.", "served")
    assert (answer.chunk_id, answer.version) == (FIRST.id, FIRST.id)
    assert [vote.role for vote in answer.votes if vote.question == CORRECTION] == ["annotator"]
    assert [row.chunk_id for row in examples(found)] == [FIRST.id]


def test_the_source_of_a_correction() -> None:
    """The one that was named, else the first one unless people said that none answers."""
    [unnamed] = answers(collected([corrected("How?", "So.")]))
    assert unnamed.chunk_id == FIRST.id
    [none] = answers(collected([corrected("How?", "So.", best="none")]))
    assert (none.chunk_id, none.fate) == ("", "served")
    placed = saying(
        corrected("How?", "So.", best="none"), **{OTHER_SOURCE: f"{OTHER.path}, {OTHER.section[-1]}"}
    )
    assert answers(collected([placed]))[0].chunk_id == OTHER.id
    lost = saying(corrected("How?", "So.", best="none"), **{OTHER_SOURCE: "nowhere"})
    rows = collected([lost])
    assert [(row.chunk_id, row.fate) for row in answers(rows)] == [("", "served")]
    assert [row.fate for row in rows if row.teaches == "nothing"] == ["unused"]
    [without] = answers(collected([corrected("How?", "So.")], CHUNKS[1:]))
    assert (without.chunk_id, without.version, without.fate) == (FIRST.id, "", "served"), "its source is gone"


def test_a_correction_knows_that_its_source_was_edited_since() -> None:
    new = edited(FIRST, ADDED)
    corpus = corpus_of([new, *CHUNKS[1:]], replaced([(FIRST, new)]))
    [answer] = answers(collect([corrected("How?", "So.")], corpus))
    assert (answer.chunk_id, answer.version) == (FIRST.id, new.id)


def test_a_correction_that_is_not_accepted_says_why() -> None:
    [unused] = answers(collected([corrected("How?", "So.", verdict="accepted")]))
    assert unused.fate == "unused" and "did not judge it wrong" in unused.reason
    [book] = answers(collected([corrected("How?", "So. " * 2_000)]))
    assert book.fate == "unused" and "as long as a book" in book.reason
    [empty] = answers(collected([corrected(" ", "So.")]))
    assert (empty.fate, empty.reason) == ("unused", "the question is empty")


def test_different_corrections_of_one_question_are_a_conflict_wherever_they_are() -> None:
    found = answers(
        collected(
            [
                corrected("How do I?", "So.", "one"),
                corrected("how  DO I?", "Not so.", "two"),
                corrected("How do I?", "so.", "three"),
                corrected("Why?", "So.", "four"),
            ]
        )
    )
    assert [(row.fate, row.other) for row in found] == [
        ("conflict", "two"),
        ("conflict", "one"),
        ("conflict", "two"),
        ("served", ""),
    ]


def test_the_same_correction_of_one_question_counts_once() -> None:
    found = answers(collected([corrected("How?", "So.", "one"), corrected("how?", "SO. ", "two")]))
    assert [(row.fate, row.other) for row in found] == [("served", ""), ("duplicate", "one")]


def test_ten_thousand_corrections() -> None:
    decisions = [
        corrected(f"Question {number // 2}?", f"Answer {number % 3}.", f"r{number}")
        for number in range(10_000)
    ]
    fates = [row.fate for row in answers(collected(decisions))]
    assert fates.count("conflict") == 10_000


def test_a_correction_trains_nothing() -> None:
    with_answers = prepared([corrected(f"Question {at}?", f"Answer {at}.", best="none") for at in range(8)])
    assert {row.fate for row in of(with_answers.ledger, "answer")} == {"served"}
    without = prepared([conversation(FIRST, f"Question {at}?", "rejected", best="none") for at in range(8)])
    for one in (with_answers, without):
        assert (one.train, one.holdout, one.negatives) == ([], [], [])
    assert [row for row in with_answers.ledger if row.teaches != "answer"] != []
    assert len(by_decision(with_answers.ledger)) == 8
