"""Training with SetFit for real: the first example of version 1's guide."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation import StateError
from tests.training.tasks.test_transformers import use_the_snippet
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer


def test_one_label(emotions: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = ArgillaTrainer(emotions, task, "setfit", model=encoder, train_size=0.75, gpu_id=-1)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("great")
    trainer.update_config(num_iterations=1, body_learning_rate=1e-3)
    trained = trainer.train(output_dir=tmp_path / "model")
    assert capsys.readouterr().out == "", "stdout belongs to whoever calls"
    assert trained.metrics["accuracy"] == 1.0
    assert trainer.predict("lovely sunny day")["label"] == "good"
    assert use_the_snippet(trainer, trained.folder, capsys).strip() == trainer.predict("A text")["label"]
    assert not [one for one in trained.folder.rglob("*") if one.suffix in (".pkl", ".bin", ".joblib")]


def test_several_labels(
    names: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TrainingTask.for_text_classification(text="text", label="topics")
    trainer = ArgillaTrainer(names, task, "setfit", model=encoder, train_size=0.75, gpu_id=-1)
    trainer.update_config(num_iterations=10, body_learning_rate=1e-3)
    assert trainer.train(tmp_path / "model").metrics["micro F1"] > 0.7
    found = trainer.predict(["today ann works for acme here"])
    assert found[0]["label"] == ["early", "firm"]
    printed = use_the_snippet(trainer, tmp_path / "model", capsys)
    assert printed.strip() == str(trainer.predict("A text")["label"])


def test_the_snippet_of_a_model_on_the_hub_downloads_it(
    emotions: Path,
    encoder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Here the download is the folder that would have been uploaded."""
    import huggingface_hub

    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = ArgillaTrainer(emotions, task, "setfit", model=encoder, gpu_id=-1)
    trainer.update_config(num_iterations=1)
    folder = trainer.train(tmp_path / "model").folder
    monkeypatch.setattr(huggingface_hub, "snapshot_download", {"me/model": str(folder)}.__getitem__)
    lines = trainer._framework.snippet("me/model")
    capsys.readouterr()
    exec(lines, {})  # noqa: S102 - they are ours
    assert capsys.readouterr().out.strip() == trainer.predict("A text")["label"]


def test_more_than_two_labels_from_a_formatting_func(
    names: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def function(sample: dict[str, object]) -> tuple[object, str]:
        return sample["text"], str(sample["text"]).split()[1]

    task = TrainingTask.for_text_classification(formatting_func=function)
    trainer = ArgillaTrainer(names, task, "setfit", model=encoder, gpu_id=-1)
    trainer.update_config(num_iterations=2, body_learning_rate=1e-3)
    trained = trainer.train(tmp_path / "model")
    assert trainer.predict("today dan works for acme here")["label"] == "dan"
    printed = use_the_snippet(trainer, trained.folder, capsys)
    assert printed.strip() == trainer.predict("A text")["label"]
