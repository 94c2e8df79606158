"""A home with a first release, made once and copied for each test."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from curation import Home
from tests.training.material import first_release


@pytest.fixture(scope="package")
def released(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return first_release(tmp_path_factory.mktemp("released") / "home")


@pytest.fixture
def served_home(released: Home, tmp_path: Path) -> Home:
    shutil.copytree(released.root, tmp_path / "served")
    return Home(tmp_path / "served")
