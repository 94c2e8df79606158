"""answers, gaps: the command line over a release with corrections."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clayloop.context import Context
from curation import Corpus, Home
from tests.clayloop.command import Command
from tests.training import rounds
from tests.training.corrected import corrected
from tests.training.material import conversation, make_chunks
from training import INDEX_ONLY, RetrainOptions, retrain_from_annotations

CHUNKS = make_chunks()
QUESTION, ANSWER = "Can I wash the [red]lamp[/red]?", "Never\x1b[31m with water."


@pytest.fixture(scope="module")
def root(bootstrapped: Home, tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose release serves one answer, and knows of a contradiction."""
    home = rounds.copied(bootstrapped, tmp_path_factory.mktemp("answers") / "home")
    decisions = [
        corrected(CHUNKS[0], QUESTION, ANSWER, best="1"),
        corrected(CHUNKS[4], "Is it mine?", "Yes."),
        corrected(CHUNKS[4], "Is it mine? ", "No."),
        conversation(CHUNKS[8], "Who owns it?", "rejected"),
    ]
    summary = retrain_from_annotations(
        home,
        Corpus(documents=[], chunks=CHUNKS),
        rounds.training(),
        rounds.serving(tiny_model),
        lambda: decisions,
        RetrainOptions(highest=INDEX_ONLY),
    )
    assert summary.outcome == "promoted"
    return home.root


@pytest.fixture
def call(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Command:
    return Command(rounds.copied(Home(root), tmp_path / "home").root, monkeypatch, capfd)


def test_they_are_listed_exported_and_switched(call: Command, tmp_path: Path) -> None:
    served, *others = call.well("answers", "--json").json
    assert (served["question"], served["text"], served["fate"]) == (QUESTION, ANSWER, "served")
    assert served["role"] == "owner" and served["sources"][0]["path"] == CHUNKS[0].path
    assert {one["fate"] for one in others} == {"conflict"} and all(one["why"] for one in others)
    shown = call.well("answers").out
    assert "\x1b" not in shown and "conflict" in shown

    target = tmp_path / "answers.jsonl"
    call.well("answers", "--export", str(target))
    assert [json.loads(line) for line in target.read_text().splitlines()] == [served, *others]

    key = served["record_id"]
    assert "is off" in call.well("answers", "off", key).out
    assert "was off already" in call.well("answers", "off", key).out
    again = call.well("answers", "--json").json[0]
    assert again["off"] and "leaves with the next round" in again["why"]
    assert "is on" in call.well("answers", "on", key).out
    assert call.well("answers", "--json").json[0] == served


def test_a_wrong_id_and_a_damaged_list_are_clear_errors(call: Command) -> None:
    wrong = call("answers", "off", "nobody")
    assert wrong.code == 2 and "'nobody'" in wrong.err
    several = call("answers", "off", "turn-Is")
    assert several.code == 2 and "More than one" in several.err
    (call.home / "answers-off.json").write_text('{"no": "list"}')
    damaged = call("answers")
    assert damaged.code == 8 and "answers-off.json" in damaged.err


def test_gaps_are_told(call: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    class Fake:
        def queries(self, texts: list[str]) -> object:
            import numpy as np

            return np.eye(len(texts), dtype=np.float32)

    monkeypatch.setattr(Context, "base_embedder", Fake())
    found = call.well("gaps", "--json").json
    texts = {text for gap in found for text in gap["examples"]}
    assert "Who owns it?" in texts and QUESTION not in texts
    assert "Who owns it?" in call.well("gaps").out
