"""A home with a first release, made once and copied for each test."""

from __future__ import annotations

import shutil
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
    shutil.copytree(first_home.root, tmp_path / "served")
    return Home(tmp_path / "served")


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model that trains in a second: see tests/training/rounds.py."""
    return rounds.tiny_model(tmp_path_factory.mktemp("tiny") / "model", rounds.make_corpus())


@pytest.fixture
def corpus() -> Corpus:
    return Corpus(documents=[], chunks=make_chunks())
