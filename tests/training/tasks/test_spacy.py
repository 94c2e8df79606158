"""Training with spaCy for real, on blank pipelines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError, StateError
from tests.training.tasks.test_transformers import use_the_snippet
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer, prepare_for_training


def trainer_of(dataset: Path, task: TrainingTask, **options: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(dataset, task, "spacy", train_size=0.75, **options)
    made.update_config(learn_rate=0.02, max_epochs=15, eval_frequency=20)
    return made


def test_text_classification(emotions: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = trainer_of(emotions, task)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("great")
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["accuracy"] == 1.0
    assert [one["label"] for one in trainer.predict(["lovely sunny day", "sad broken night"])] == [
        "good",
        "bad",
    ]
    assert "good" in use_the_snippet(trainer, trained.folder, capsys)


def test_several_labels(names: Path, tmp_path: Path) -> None:
    trainer = trainer_of(names, TrainingTask.for_text_classification("text", "topics"))
    assert trainer.train(tmp_path / "model").metrics["micro F1"] > 0.9
    found = trainer.predict(["today ann works for acme here", "today dan works for globex here"])
    assert [one["label"] for one in found] == [["early", "firm"], []]


def test_token_classification(names: Path, tmp_path: Path) -> None:
    trainer = trainer_of(names, TrainingTask.for_token_classification(spans="spans"))
    trainer.update_config(learn_rate=0.005, max_epochs=15)
    assert trainer.train(tmp_path / "model").metrics["span F1"] > 0.9
    text = "today bob works for hooli here"
    assert [(one["text"], one["label"]) for one in trainer.predict(text)] == [
        ("bob", "PER"),
        ("hooli", "ORG"),
    ]
    (record,) = trainer.predict([text], as_argilla_records=True)
    (suggestion,) = record.suggestions
    assert suggestion.value[0] == {"start": 6, "end": 9, "label": "PER"}


def test_prepared_as_doc_bins(names: Path) -> None:
    import spacy

    task = TrainingTask.for_token_classification(spans="spans")
    train, test = prepare_for_training(names, "spacy", task, train_size=0.75)
    assert (len(train), len(test)) == (24, 8)
    doc = next(iter(train.get_docs(spacy.blank("en").vocab)))
    assert [one.label_ for one in doc.ents] == ["PER", "ORG"]
    assert len(prepare_for_training(names, "spacy", task)) == 32


@pytest.mark.parametrize(
    ("options", "config", "says"),
    [
        ({"lang": "tlh"}, {}, "spaCy cannot load"),
        ({"model": "no_such_pipeline"}, {}, "spaCy cannot load"),
        ({}, {"max_epoch": 3}, "'max_epoch' is not known"),
        ({}, {"patience": "much"}, "spacy failed with .*patience=.much.*: .*patience"),
    ],
)
def test_what_spacy_refuses(
    options: dict[str, Any], config: dict[str, Any], says: str, emotions: Path, tmp_path: Path
) -> None:
    trainer = trainer_of(emotions, TrainingTask.for_text_classification("text", "label"), **options)
    trainer.update_config(**config)
    with pytest.raises(SettingsError, match=says):
        trainer.train(tmp_path / "model")
