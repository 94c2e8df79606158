"""train: from the command line to a model."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.clayloop.command import Command
from tests.training.tasks import folders, models

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.chdir(tmp_path)
    return Command(tmp_path / "home", monkeypatch, capfd)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.emotions(tmp_path_factory.mktemp("train-command") / "emotions", 24)


@pytest.fixture(scope="module")
def model(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    texts = [*folders.GOOD, *folders.BAD]
    return models.encoder(tmp_path_factory.mktemp("train-command") / "encoder", texts)


CONFIG = json.dumps({"num_train_epochs": 12, "learning_rate": 5e-3})


def test_a_folder_becomes_a_model(call: Command, dataset: Path, model: Path, tmp_path: Path) -> None:
    arguments = ["train", "--dataset", str(dataset), "--task", "text-classification", "--model", str(model)]
    arguments += ["--train-size", "0.75", "--device", "-1", "--update-config", CONFIG, "--seed", "1"]
    made = call.well(*arguments, "--json").json
    assert made["folder"] == str(tmp_path / "model")
    assert (made["trained_on"], made["held_out"]) == (18, 6)
    assert made["metrics"]["accuracy"] == 1.0
    assert (tmp_path / "model" / "README.md").exists()
    shown = call.well(*arguments, "--limit", "8", "--output-dir", "other").out
    assert "Trained on 6 examples, 2 held out" in shown
    assert "accuracy" in shown
    only_good = call(*arguments, "--query", "great")
    assert only_good.code == 8
    assert "the same label: good" in only_good.err


@pytest.mark.argilla
def test_a_dataset_of_a_server(
    argilla_lite: ArgillaServer, call: Command, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import argilla as rg

    client = rg.Argilla(api_url=argilla_lite.url, api_key=argilla_lite.api_key)
    settings = rg.Settings(
        fields=[rg.TextField("review")], questions=[rg.LabelQuestion("mood", ["good", "bad"])]
    )
    made = rg.Dataset("moods", workspace=argilla_lite.workspace, settings=settings, client=client)
    made.create()
    made.records.log(
        [
            rg.Record(
                id=str(number),
                fields={"review": (folders.GOOD, folders.BAD)[number % 2][number % 4]},
                responses=[
                    rg.Response("mood", ("good", "bad")[number % 2], user_id=client.me.id, status="submitted")
                ],
            )
            for number in range(12)
        ]
    )
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__URL", argilla_lite.url)
    monkeypatch.setenv("CLAYLOOP_CURATION__ARGILLA__API_KEY", argilla_lite.api_key)
    arguments = ["train", "--dataset", "moods", "--task", "text-classification", "--model", str(model)]
    arguments += ["--device", "-1", "--json", "--update-config", '{"num_train_epochs": 1}']
    assert call.well(*arguments).json["trained_on"] == 12
    chosen = ["--workspace", argilla_lite.workspace, "--query", "day", "--limit", "2", "--seed", "7"]
    few = call(*arguments, *chosen)
    assert "all 2 texts to train on the same label: good" in few.err
    chosen = ["--framework", "spacy", "--limit", "8", "--train-size", "0.75", "--output-dir", "other"]
    config = ["--update-config", '{"max_epochs": 1}']
    limited = call.well(*arguments[:5], "--json", *chosen, *config).json
    assert (limited["trained_on"], limited["held_out"]) == (6, 2)
    missing = call("train", "--dataset", "modes", "--task", "text-classification")
    assert missing.code == 2
    assert "no dataset of that name in Argilla's workspace" in missing.err
    made.delete()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--task", "guessing"], "There is no task 'guessing'"),
        (["--task", "supervised-fine-tuning"], "needs a formatting_func"),
        (["--task", "text2text", "--formatting-func", "to_text"], "--formatting-func 'to_text' is not clear"),
        (["--task", "text2text", "--formatting-func", "nowhere:f"], "No module named 'nowhere'"),
        (["--task", "text2text", "--formatting-func", "json:nothing"], "has no attribute 'nothing'"),
        (
            ["--task", "text2text", "--formatting-func", "json:dumps", "--strategy", "first"],
            "Both a formatting_func and columns or a strategy",
        ),
        (["--task", "text2text"], "Which question for text2text of 'made' is target?"),
        (["--task", "text-classification", "--column", "txt=text"], "has no column 'txt'"),
        (["--task", "text-classification", "--column", "text"], "--column 'text' is not clear"),
        (["--task", "text-classification", "--column", "label=mood"], "no question 'mood'"),
        (["--task", "text-classification", "--strategy", "guess"], "'guess' cannot unify"),
        (["--task", "text-classification", "--framework", "keras"], "no framework 'keras'"),
        (["--task", "text-classification", "--update-config", "x"], "--update-config is no JSON"),
        (["--task", "text-classification", "--update-config", "[1]"], "no JSON object"),
        (["--task", "text-classification", "--train-size", "2"], "train_size is 2.0"),
        (["--task", "sentence-similarity", "--column", "sentence-1=text"], "needs two or three fields"),
    ],
)
def test_options_that_are_wrong(call: Command, dataset: Path, options: list[str], says: str) -> None:
    ended = call("train", "--dataset", str(dataset), *options)
    assert ended.code == 2
    assert says in ended.err.replace("\n", " ")


def test_a_formatting_func_of_a_module_in_the_current_folder(
    call: Command, dataset: Path, tmp_path: Path
) -> None:
    model = models.language_model(tmp_path / "gpt", [*folders.GOOD, *folders.BAD, "text is label"])
    (tmp_path / "mine.py").write_text(
        "def to_text(sample):\n    return f\"text {sample['text']} is label {sample['label'][0]['value']}\"\n"
    )
    arguments = ["train", "--dataset", str(dataset), "--task", "supervised-fine-tuning", "--framework", "trl"]
    arguments += ["--formatting-func", "mine:to_text", "--model", str(model), "--device", "-1"]
    made = call.well(*arguments, "--train-size", "0.75", "--json").json
    assert (made["trained_on"], made["held_out"]) == (18, 6)
    assert made["metrics"]["loss"] > 0


def test_python_m_clayloop_train() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "clayloop", "train", "--help"], capture_output=True, text=True, check=True
    )
    assert "--update-config" in done.stdout
