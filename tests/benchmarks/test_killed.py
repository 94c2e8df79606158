"""Ten kills of a promotion and of a bot: what the benchmark of that name does two hundred times."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.rows import read_rows


@pytest.mark.slow
def test_what_was_killed_is_whole_at_the_next_start(tmp_path: Path) -> None:
    found = tmp_path / "rows.json"
    command = [sys.executable, "-m", "benchmarks", "killed", "--rounds", "5", "--json", str(found)]
    subprocess.run(command, cwd=Path(__file__).parents[2], check=True, timeout=540)
    kills, *_, wrong, lost, left = read_rows(found)
    assert kills.ours == 10
    assert [row.ours for row in (wrong, lost, left)] == [0, 0, 0]
