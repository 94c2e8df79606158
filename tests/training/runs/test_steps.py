"""What the step "prepare" leaves in a run's folder, and what a candidate is then asked."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from curation import SILENT, Corpus, Decision, DedupSettings, Home
from serving import Embedder, ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, conversation, make_chunks, triplet
from training.ledger.rows import section_of
from training.ledger.selection import Selected
from training.prepare.prepared import RunContext
from training.prepare.split import is_holdout
from training.runs.record import run_inputs
from training.runs.run import RunStore
from training.runs.steps import Steps
from training.settings import TestSetSettings

CHUNKS = make_chunks()
HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2)]
FREE = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2)]
TICKET = "Where can I buy a ticket?"


def _prepared(
    home: Home, model: Path, decisions: Sequence[Decision], tests: Path, semantic: bool = False
) -> Steps:
    """A run that was prepared, as if it was then resumed. ``TICKET`` is asked by a test set of one's own."""
    (tests / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": TICKET}))
    (tests / "qrels.tsv").write_text(f"q\t{CHUNKS[0].path}\t1\n")
    chosen = rounds.training().model_copy(
        update={
            "dedup": DedupSettings(semantic=semantic, threshold=0.95),
            "testsets": [TestSetSettings(folder=str(tests))],
        }
    )
    store, corpus = ReleaseStore(home), Corpus(documents=[], chunks=CHUNKS)
    context = RunContext(home, corpus, chosen, rounds.serving(model), store, store.current(), SILENT)
    selected = Selected(decisions=list(decisions))
    inputs = run_inputs(context, decisions, selected.selection)
    run = RunStore(home).create(inputs, context.served.id)
    run.step("prepare", lambda folder: Steps(run, context).prepare(selected, folder), SILENT)
    return Steps(run, context)


def test_both_sides_conflicts_and_test_sets_are_seen(
    served_home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    decisions = [
        triplet(HELD[0], "How do I get rid of it?"),
        triplet(FREE[0], "How do I get  RID of it?"),
        triplet(FREE[1], "How do I rub the brass part of it with a damp cloth?"),
        triplet(FREE[1], "how do I rub the brass part of it with a damp cloth", "rejected"),
        triplet(FREE[2], "What is it worth?", negative=TICKET),
        triplet(FREE[2], TICKET, "rejected"),
        triplet(FREE[2], "What is the moon made of?", "rejected"),
    ]
    steps = _prepared(served_home, tiny_model, decisions, tmp_path)
    (question,) = steps.round.questions
    assert question.text == "How do I get rid of it?"
    assert question.right == [HELD[0].id, FREE[0].id], "a chunk of the training side is right as well"
    assert steps.round.deciding == ["How do I get rid of it?", TICKET]
    (conflict,) = steps.prepared.conflicts
    assert (conflict.chunk_id, conflict.left_out) == (FREE[1].id, True)
    (example,) = steps.prepared.train
    assert example.chunk_id == FREE[2].id
    assert [one.text for one in steps.prepared.negatives] == ["What is the moon made of?"]


def test_a_source_that_was_named_is_a_right_answer_beside_the_one_that_was_accepted(
    served_home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    asked, other = "How do I get rid of it?", "What is it worth?"
    decisions = [
        triplet(HELD[0], asked),
        conversation(HELD[0], asked, "rejected", [HELD[1]], best="2"),
        triplet(FREE[0], other),
        conversation(FREE[0], other, "rejected", [FREE[1]], best="2"),
    ]
    steps = _prepared(served_home, tiny_model, decisions, tmp_path)
    (question,) = steps.round.questions
    assert question.right == [HELD[0].id, HELD[1].id]
    assert [one.chunk_id for one in steps.prepared.train] == [FREE[0].id, FREE[1].id]
    assert steps.prepared.negatives == []


def test_every_question_is_embedded_once(
    served_home: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded: list[str] = []
    whole = Embedder.queries

    def counted(self: Embedder, texts: Sequence[str], **rest: Any) -> Any:
        embedded.extend(texts)
        return whole(self, texts, **rest)

    monkeypatch.setattr(Embedder, "queries", counted)
    decisions = [
        *accepted_triplets(CHUNKS),
        triplet(FREE[0], "What is the moon made of?", "rejected"),
        triplet(FREE[0], "How do I rub it?"),
        triplet(FREE[0], "How do I rub it?", "rejected"),
        triplet(HELD[0], "How do I rub it?"),
    ]
    _prepared(served_home, tiny_model, decisions, tmp_path, semantic=True)
    asked = {one.fields["positive"] for one in decisions}
    assert sorted(one for one in embedded if one in asked) == sorted(asked)
