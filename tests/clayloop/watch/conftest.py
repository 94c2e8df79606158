"""A home with a first release, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curation import Home
from tests.training import rounds
from tests.training.material import make_chunks


@pytest.fixture(scope="package")
def released(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """With a model that trains in a second."""
    folder = tmp_path_factory.mktemp("released")
    model = rounds.tiny_model(folder / "model", rounds.make_corpus())
    return rounds.bootstrapped(folder / "home", model, make_chunks())


@pytest.fixture
def served_home(released: Home, tmp_path: Path) -> Home:
    shutil.copytree(released.root, tmp_path / "served")
    return Home(tmp_path / "served")
