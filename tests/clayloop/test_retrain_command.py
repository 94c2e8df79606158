"""What the retrain command makes of its options."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import training.dry_run
from clayloop.cli.app import app
from clayloop.cli.context import Context
from curation.corpus import Corpus
from training.dry_run import DryRun


@pytest.mark.parametrize("force", [True, False])
def test_a_dry_run_is_told_whether_it_is_forced(
    force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, Any] = {}

    def plan(*given: object, **named: object) -> DryRun:
        asked.update(named)
        return DryRun(would_train=True, verdict="Would train.", release_before="r", new=0, withdrawn=0)

    monkeypatch.setattr(training.dry_run, "dry_run", plan)
    monkeypatch.setattr(Context, "corpus", lambda _: Corpus(documents=[], chunks=[]))
    said = CliRunner().invoke(
        app, ["--home", str(tmp_path), "retrain", "--dry-run", *(["--force"] if force else [])]
    )
    assert said.exit_code == 0, said.output
    assert asked["force"] is force
