"""A home with a first release, made once and copied for each test."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import Home
from tests.training import rounds


@pytest.fixture
def served_home(bootstrapped: Home, tmp_path: Path) -> Home:
    return rounds.copied(bootstrapped, tmp_path / "served")
