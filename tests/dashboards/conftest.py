"""Homes that have gone round the loop, each made once."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import Corpus, Decision, Home
from tests.training import rounds
from tests.training.material import MODEL, accepted_triplets, conversation, make_chunks, serving, settings
from training import retrain_from_annotations

CHUNKS = make_chunks()


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose first release was made from the chunks, and which has read them. Of the usual base model:
    `clayloop search`, which the page calls, loads no torch for it."""
    home = rounds.bootstrapped(tmp_path_factory.mktemp("standing") / "home", MODEL, CHUNKS)
    Corpus(documents=[], chunks=CHUNKS).save(home)
    return home


@pytest.fixture(scope="session")
def decisions() -> list[Decision]:
    """Accepted triplets, two wrong answers without a source, and one with."""
    wrong = [conversation(CHUNKS[9], f"What about {one}?", "rejected") for one in ("rain", "snow")]
    named = conversation(CHUNKS[9], "What about hail?", "rejected", [CHUNKS[4]], best="2")
    return [*accepted_triplets(CHUNKS), *wrong, named]


@pytest.fixture(scope="session")
def retrained(served: Home, decisions: list[Decision], tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that serves what was learned from the decisions."""
    home = rounds.copied(served, tmp_path_factory.mktemp("retrained") / "home")
    corpus = Corpus(documents=[], chunks=CHUNKS)
    summary = retrain_from_annotations(home, corpus, settings(), serving(), lambda: decisions)
    assert summary.outcome == "promoted", summary.verdict
    return home


@pytest.fixture
def copied(retrained: Home, tmp_path: Path) -> Home:
    """A copy of it, to do anything with."""
    return rounds.copied(retrained, tmp_path / "copied")
