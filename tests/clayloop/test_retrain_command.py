"""What the retrain command makes of its options."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from clayloop.cli.app import app
from clayloop.context import Context
from curation import ArgillaError, Corpus
from tests.clayloop.command import Command
from training import Preview, RetrainOptions, RetrainSummary


@pytest.mark.parametrize("force", [True, False])
def test_a_dry_run_is_told_whether_it_is_forced(
    force: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[RetrainOptions] = []

    def plan(*given: Any) -> Preview:
        asked.append(given[-1])
        return Preview(would_train=True, verdict="Would train.", release_before="r", new=0, withdrawn=0)

    monkeypatch.setattr("training.preview", plan)
    monkeypatch.setattr(Context, "corpus", lambda _: Corpus(documents=[], chunks=[]))
    said = CliRunner().invoke(
        app, ["--home", str(tmp_path), "retrain", "--dry-run", *(["--force"] if force else [])]
    )
    assert said.exit_code == 0, said.output
    assert asked[0].force is force


def _summary(*_: object, **__: object) -> RetrainSummary:
    return RetrainSummary(
        outcome="promoted", verdict="r0002 is served now", release_before="r0001", metric="ndcg@10"
    )


def test_a_summary_that_cannot_be_written_is_known_before_the_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    trained: list[int] = []
    monkeypatch.setattr("training.retrain_from_annotations", lambda *_, **__: trained.append(1))
    monkeypatch.setattr(Context, "corpus", lambda _: Corpus(documents=[], chunks=[]))
    call = Command(tmp_path / "home", monkeypatch, capfd)
    (tmp_path / "file").touch()
    folder, below = (
        call("retrain", "--json", str(tmp_path)),
        call("retrain", "--json", str(tmp_path / "file" / "x")),
    )
    assert (folder.code, below.code) == (2, 8)
    assert f"{tmp_path} is a folder" in folder.err
    assert "Nothing was done yet" in below.err
    assert not trained


def test_what_was_done_is_told_even_if_the_summary_cannot_be_written_any_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "summary.json"

    def train(*_: object, **__: object) -> RetrainSummary:
        target.mkdir()
        return _summary()

    monkeypatch.setattr("training.retrain_from_annotations", train)
    monkeypatch.setattr(Context, "corpus", lambda _: Corpus(documents=[], chunks=[]))
    ended = Command(tmp_path / "home", monkeypatch, capfd)("retrain", "--json", str(target))
    assert ended.code == 8
    assert "r0002 is served now" in ended.out
    assert "all else is done" in ended.err
    assert "nothing there was changed" not in ended.err.replace("\n", " ").split("all else is done")[0]


@pytest.mark.parametrize("is_up", [True, False])
def test_where_to_annotate_more_is_told_if_argilla_answers(
    is_up: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def addresses(*_: object) -> dict[str, str]:
        if not is_up:
            raise ArgillaError("Argilla does not answer.", "Start it.")
        return {kind: f"http://argilla/{kind}" for kind in ("chunks", "conversations", "triplets")}

    lacking = _summary().model_copy(update={"would_help": "accept 60 triplets more."})
    monkeypatch.setattr("training.retrain_from_annotations", lambda *_, **__: lacking)
    monkeypatch.setattr("curation.dataset_addresses", addresses)
    monkeypatch.setattr(Context, "corpus", lambda _: Corpus(documents=[], chunks=[]))
    monkeypatch.setattr(Context, "argilla", lambda *_, **__: None)
    ended = Command(tmp_path / "home", monkeypatch, capfd)("retrain")
    assert ended.code == 0
    assert "accept 60 triplets more." in ended.out
    for kind in ("triplets", "conversations"):
        assert (f"Annotate    http://argilla/{kind}\n" in ended.out) == is_up
    assert "argilla/chunks" not in ended.out


def test_the_exit_code_survives_an_output_that_is_full(tmp_path: Path) -> None:
    with Path("/dev/full").open("w") as full:
        ended = subprocess.run(
            [sys.executable, "-m", "clayloop", "--home", str(tmp_path), "retrain"], stderr=full, check=False
        )
    assert ended.returncode == 8
