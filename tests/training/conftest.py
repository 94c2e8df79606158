"""Homes with a first release, each made once and copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import Corpus, Home
from tests.training import rounds
from tests.training.material import MODEL, make_chunks


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home whose first release has the usual base model. Tests work on copies."""
    return rounds.bootstrapped(tmp_path_factory.mktemp("first") / "home", MODEL, make_chunks())


@pytest.fixture
def served_home(bootstrapped: Home, tmp_path: Path) -> Home:
    """A home whose first release has the tiny model, to do anything with."""
    return rounds.copied(bootstrapped, tmp_path / "served")


@pytest.fixture(scope="session")
def untrained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that serves the tiny model over ``rounds.make_corpus``."""
    corpus = rounds.make_corpus()
    return rounds.bootstrapped(tmp_path_factory.mktemp("untrained") / "home", tiny_model, corpus)


@pytest.fixture
def corpus() -> Corpus:
    return Corpus(documents=[], chunks=make_chunks())
