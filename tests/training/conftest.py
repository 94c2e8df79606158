"""A home with a first release, made once and copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import Corpus, Home
from tests.training import rounds
from tests.training.material import first_release, make_chunks


@pytest.fixture(scope="session")
def first_home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return first_release(tmp_path_factory.mktemp("first") / "home")


@pytest.fixture
def served_home(first_home: Home, tmp_path: Path) -> Home:
    """A copy of the home with a first release, to do anything with."""
    return rounds.copied(first_home, tmp_path / "served")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model that trains in a second: see tests/training/rounds.py."""
    return rounds.tiny_model(tmp_path_factory.mktemp("tiny") / "model", rounds.make_corpus())


@pytest.fixture(scope="session")
def bootstrapped(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A home that serves the tiny model over ``make_chunks``. Tests work on copies (``rounds.copied``)."""
    return rounds.bootstrapped(tmp_path_factory.mktemp("bootstrapped") / "home", tiny_model, make_chunks())


@pytest.fixture(scope="session")
def untrained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same over ``rounds.make_corpus``."""
    corpus = rounds.make_corpus()
    return rounds.bootstrapped(tmp_path_factory.mktemp("untrained") / "home", tiny_model, corpus)


@pytest.fixture
def corpus() -> Corpus:
    return Corpus(documents=[], chunks=make_chunks())
