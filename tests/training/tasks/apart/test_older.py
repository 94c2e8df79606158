"""spaCy on a transformer and SpanMarker for real, with the older transformers that they want
(`make test-trainer`)."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError, StateError
from tests.training.tasks.test_transformers import use_the_snippet
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer, prepare_for_training

SPANS = TrainingTask.for_token_classification(spans="spans")
LABEL = TrainingTask.for_text_classification(text="text", label="label")


def spacy_on(dataset: Path, task: TrainingTask, encoder: Path, **config: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(
        dataset, task, "spacy-transformers", model=encoder, train_size=0.75, lang="en", gpu_id=-1
    )
    made.update_config(learn_rate=0.002, max_epochs=60, eval_frequency=20, **config)
    return made


def test_spacy_on_a_transformer_classifies(
    emotions: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = spacy_on(emotions, LABEL, encoder)
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["accuracy"] == 1.0
    assert trainer.predict("lovely sunny day")["label"] == "good"
    assert "good" in use_the_snippet(trainer, trained.folder, capsys)
    assert "library_name: spacy" in (trained.folder / "README.md").read_text()
    assert str(encoder.name) in json.loads((trained.folder / "training.json").read_text())["model"]


def test_spacy_on_a_transformer_gives_several_labels(names: Path, encoder: Path, tmp_path: Path) -> None:
    trainer = spacy_on(names, TrainingTask.for_text_classification("text", "topics"), encoder)
    assert trainer.train(tmp_path / "model").metrics["micro F1"] > 0.8
    assert trainer.predict("today ann works for acme here")["label"] == ["early", "firm"]


def test_spacy_on_a_transformer_marks_spans(names: Path, encoder: Path, tmp_path: Path) -> None:
    trainer = spacy_on(names, SPANS, encoder)
    trainer.update_config(max_epochs=60)
    assert trainer.train(tmp_path / "model").metrics["span F1"] > 0.9
    found = trainer.predict("today bob works for hooli here")
    assert [(one["text"], one["label"]) for one in found] == [("bob", "PER"), ("hooli", "ORG")]


def span_marker(names: Path, encoder: Path, **config: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(names, SPANS, "span_marker", model=encoder, train_size=0.75, gpu_id=-1)
    made.update_config(learning_rate=5e-3, num_train_epochs=20, **config)
    return made


def test_span_marker(names: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = tmp_path / "encoder"
    shutil.copytree(encoder, own)
    trainer = span_marker(names, own, entity_max_length=2)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("ann")
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["span F1"] > 0.9
    text = "today bob works for hooli here"
    (found,) = trainer.predict([text])
    assert [(one["text"], one["label"]) for one in found] == [("bob", "PER"), ("hooli", "ORG")]
    assert [text[one["start"] : one["end"]] for one in found] == ["bob", "hooli"]
    assert [len(one) for one in trainer.predict([text, "here"])] == [2, 0]
    (record,) = trainer.predict([text], as_argilla_records=True)
    assert [one["label"] for one in next(iter(record.suggestions)).value] == ["PER", "ORG"]
    # What was saved needs nothing of what it was trained from.
    shutil.rmtree(own)
    assert use_the_snippet(trainer, trained.folder, capsys).startswith("[")
    assert str(own) not in (trained.folder / "config.json").read_text()
    assert not [one for one in trained.folder.rglob("*") if one.suffix in (".bin", ".pkl")]


def test_prepared_for_span_marker(names: Path) -> None:
    made = prepare_for_training(names, "span_marker", SPANS, train_size=0.75)
    assert (len(made["train"]), len(made["test"])) == (24, 8)
    first = made["train"][0]
    assert [word for word, tag in zip(first["tokens"], first["ner_tags"], strict=True) if tag] == [
        first["tokens"][1],
        first["tokens"][4],
    ]


@pytest.mark.parametrize("framework", ["span_marker", "spacy-transformers"])
@pytest.mark.parametrize(
    ("model", "config", "says"),
    [
        ("./nowhere", {}, "There is no folder './nowhere'"),
        (object(), {}, "itself, and a loaded one was given"),
        (None, {"max_lenght": 3}, "'max_lenght' is not known"),
    ],
)
def test_what_they_refuse(
    framework: str,
    model: Any,
    config: dict[str, Any],
    says: str,
    names: Path,
    encoder: Path,
    tmp_path: Path,
) -> None:
    with pytest.raises(SettingsError, match=says):
        trainer = ArgillaTrainer(names, SPANS, framework, model=model or encoder, gpu_id=-1)
        trainer.update_config(**config)
        trainer.train(tmp_path / "model")
