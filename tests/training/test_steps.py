"""What the steps before training leave in a run's folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from curation import SILENT, Corpus, Decision, Home
from serving import Embedder, ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, conversation, make_chunks, triplet
from training.judge.questions import HoldoutQuestion
from training.ledger.news import run_inputs
from training.prepare.conflicts import Conflict
from training.prepare.examples import Example, section_of
from training.prepare.negatives import Negative
from training.prepare.reading import EVERYTHING
from training.prepare.split import is_holdout
from training.runs.jsonl import read_rows, write_rows
from training.runs.run import RunStore
from training.runs.steps import Steps
from training.settings import DedupSettings, TestSetSettings

CHUNKS = make_chunks()
HELD = [chunk for chunk in CHUNKS if is_holdout(section_of(chunk), 0.2)]
FREE = [chunk for chunk in CHUNKS if not is_holdout(section_of(chunk), 0.2)]


@pytest.fixture(scope="session")
def first_home(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    return rounds.bootstrapped(tmp_path_factory.mktemp("first") / "home", tiny_model, CHUNKS)


def _prepared(
    home: Home, model: Path, decisions: Sequence[Decision], tests: Path, semantic: bool = False
) -> Path:
    """The folder of a run that did all steps before training."""
    chosen = rounds.training().model_copy(
        update={
            "dedup": DedupSettings(semantic=semantic, threshold=0.95),
            "testsets": [TestSetSettings(folder=str(tests))],
        }
    )
    serving, store, runs = rounds.serving(model), ReleaseStore(home), RunStore(home)
    served, corpus = store.current(), Corpus(documents=[], chunks=CHUNKS)
    inputs = run_inputs(decisions, corpus, chosen, serving, served.id, EVERYTHING)
    run = runs.create(inputs, served.id)
    (run.folder / "read").mkdir()
    write_rows(run.folder / "read" / "decisions.jsonl", decisions)
    steps = Steps(run, corpus, chosen, serving, store, served, SILENT)
    run.step("examples", steps.make_examples, SILENT)
    run.step("dedup", steps.drop_duplicates, SILENT)
    steps = Steps(run, corpus, chosen, serving, store, served, SILENT)  # as if it was resumed here
    run.step("split", steps.hold_out, SILENT)
    return run.folder


def test_both_sides_conflicts_and_test_sets_are_seen(
    served_home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    ticket = "Where can I buy a ticket?"
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": ticket}))
    (tmp_path / "qrels.tsv").write_text(f"q\t{CHUNKS[0].path}\t1\n")
    decisions = [
        triplet(HELD[0], "How do I get rid of it?"),
        triplet(FREE[0], "How do I get rid of it?"),
        triplet(FREE[1], "How do I rub the brass part of it with a damp cloth?"),
        triplet(FREE[1], "how do I rub the brass part of it with a damp cloth", "rejected"),
        triplet(FREE[2], "What is it worth?", negative=ticket),
        triplet(FREE[2], ticket, "rejected"),
        triplet(FREE[2], "What is the moon made of?", "rejected"),
    ]
    folder = _prepared(served_home, tiny_model, decisions, tmp_path)
    (question,) = read_rows(folder / "split" / "questions.jsonl", HoldoutQuestion)
    assert question.right == [HELD[0].id, FREE[0].id]
    (conflict,) = read_rows(folder / "dedup" / "conflicts.jsonl", Conflict)
    assert conflict.chunk_id == FREE[1].id
    (example,) = read_rows(folder / "split" / "train.jsonl", Example)
    assert example.chunk_id == FREE[2].id
    negatives = read_rows(folder / "split" / "negatives.jsonl", Negative)
    assert [one.text for one in negatives] == ["What is the moon made of?"]


def test_a_source_that_was_named_is_a_right_answer_beside_the_one_that_was_accepted(
    served_home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "Where can I buy a ticket?"}))
    (tmp_path / "qrels.tsv").write_text(f"q\t{CHUNKS[0].path}\t1\n")
    asked, other = "How do I get rid of it?", "What is it worth?"
    decisions = [
        triplet(HELD[0], asked),
        conversation(HELD[0], asked, "rejected", [HELD[1]], best="2"),
        triplet(FREE[0], other),
        conversation(FREE[0], other, "rejected", [FREE[1]], best="2"),
    ]
    folder = _prepared(served_home, tiny_model, decisions, tmp_path)
    (question,) = read_rows(folder / "split" / "questions.jsonl", HoldoutQuestion)
    assert question.right == [HELD[0].id, HELD[1].id]
    train = read_rows(folder / "split" / "train.jsonl", Example)
    assert [one.chunk_id for one in train] == [FREE[0].id, FREE[1].id]
    assert read_rows(folder / "split" / "negatives.jsonl", Negative) == []


def test_every_question_is_embedded_once(
    served_home: Home, tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "queries.jsonl").write_text(json.dumps({"_id": "q", "text": "Where can I buy a ticket?"}))
    (tmp_path / "qrels.tsv").write_text(f"q\t{CHUNKS[0].path}\t1\n")
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
