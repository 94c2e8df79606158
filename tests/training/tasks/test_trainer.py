"""The interface, as in version 1's guide: `from clayloop import ArgillaTrainer, TrainingTask`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import pyarrow.parquet as pq
import pytest

from clayloop import (
    ArgillaTrainer,
    Framework,
    TrainingData,
    TrainingTask,
    prepare_for_training,
    register_framework,
)
from curation import SettingsError, StateError
from tests.stand_in_hub import GOOD, StandInHub
from tests.training.tasks import folders
from tests.training.tasks.folders import ANN, record, write_folder
from training.tasks.frameworks import registry

BY_NAMES = TrainingTask.for_text_classification(text="text", label="label")


@register_framework
class Longest(Framework):
    """A framework of a user's own: it learns how many letters the texts of a label have on average."""

    name = "longest"
    tasks: ClassVar[tuple[Any, ...]] = ("text_classification",)

    def prepare(self, data: TrainingData) -> Any:
        return [(len(one.columns["text"]), one.columns["label"]) for one in data.train]

    def train(self, data: TrainingData, folder: Path) -> None:
        if self.config.get("broken"):
            (folder / "half").touch()
            raise StateError("It broke.", "Mend it.")
        rows = self.prepare(data)
        self.means = {
            label: sum(size for size, own in rows if own == label)
            / max(1, sum(own == label for _, own in rows))
            for label in data.labels
        }
        (folder / "means.json").write_text(json.dumps(self.means))

    def predict(self, inputs: Sequence[Any]) -> list[Any]:
        if self.config.get("unmeasurable"):
            1 / 0  # noqa: B018 - breaks, as anything may
        return [
            {"label": min(self.means, key=lambda label: abs(self.means[label] - len(one))), "score": 0.75}
            for one in inputs
        ]

    def snippet(self, place: str) -> str:
        return f"print(open({place!r} + '/means.json').read())"


@pytest.fixture(scope="module")
def lengths(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_lengths(tmp_path_factory.mktemp("lengths"), "short", "long")


def write_lengths(folder: Path, *labels: str) -> Path:
    made = [
        record(
            f"r{number}", {"text": "a" * (40 if number % 2 else 5)}, label=[("short", "long")[number % 2]] * 2
        )
        for number in range(20)
    ]
    for number, one in enumerate(made):
        one["metadata"] = {"year": 2000 + number}
    return write_folder(folder / "made", ["text"], [folders.label("label", *labels)], made)


def trained(lengths: Path, folder: Path, **options: Any) -> ArgillaTrainer:
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest", train_size=0.8, **options)
    trainer.train(output_dir=str(folder))
    return trainer


def test_the_happy_flow(lengths: Path, tmp_path: Path) -> None:
    trainer = ArgillaTrainer(dataset=lengths, task=BY_NAMES, framework="longest", train_size=0.8)
    trainer.update_config(num_epochs=1)
    made = trainer.train(output_dir=tmp_path / "my_model")
    assert (made.trained_on, made.held_out) == (16, 4)
    assert made.metrics["accuracy"] == 1.0
    assert trainer.predict("aaa") == {"label": "short", "score": 0.75}
    assert [one["label"] for one in trainer.predict(["aa", "a" * 50])] == ["short", "long"]
    assert sorted(one.name for one in (tmp_path / "my_model").iterdir()) == [
        "README.md",
        "lineage.parquet",
        "means.json",
        "training.json",
    ]


def test_records_are_chosen_before(lengths: Path) -> None:
    trainer = ArgillaTrainer(
        dataset=lengths,
        task=BY_NAMES,
        framework="longest",
        filter_by={"response_status": ["submitted"], "metadata": {"year": {"ge": 2004}}},
        sort_by=("metadata.year", "desc"),
        max_records=6,
    )
    assert [one.record for one in trainer.data.train] == [f"r{number}" for number in range(19, 13, -1)]


@pytest.mark.parametrize(
    ("options", "says", "does"),
    [
        ({"dataset": None}, "None was given", "client.datasets(NAME, workspace=…)"),
        ({"dataset": 3}, "A int is no dataset", "folder that Dataset.to_disk wrote"),
        ({"filter_by": [("lbl.response", "==", "short")]}, "no question 'lbl'", "Its questions: label"),
        ({"filter_by": ("label.response", "in", ["shrt"])}, "no option 'shrt'", "short, long"),
        ({"filter_by": {"year": 2000}}, "'year' is not known", '{"response_status": ["submitted"]'),
        ({"sort_by": ("metadata.year", "down")}, "cannot sort by", 'SortBy("metadata.year", "desc")'),
        ({"max_records": 0}, "max_records is 0", "Give a number from 1"),
        ({"max_records": 2.5}, "max_records is 2.5", "Give a number from 1"),
        ({"train_size": 80}, "train_size is 80", "the share to train on"),
        ({"train_size": "0.8"}, "train_size is '0.8'", "the share to train on"),
        ({"framework_kwargs": {"epochs": 1}}, "does not know 'epochs'", "model_card_kwargs"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_read(
    lengths: Path, options: dict[str, Any], says: str, does: str
) -> None:
    with pytest.raises(SettingsError) as caught:
        ArgillaTrainer(**{"dataset": lengths, "task": BY_NAMES, "framework": "longest", **options})
    assert says in caught.value.message
    assert does in caught.value.hint


def test_lineage_says_who_taught_what(lengths: Path, tmp_path: Path) -> None:
    trained(lengths, tmp_path / "model", seed=3)
    rows = pq.read_table(tmp_path / "model" / "lineage.parquet").to_pylist()
    assert {row["record"] for row in rows} == {f"r{number}" for number in range(20)}
    assert sum(row["side"] == "held out" for row in rows) == 4
    assert all(row["users"] == [ANN, folders.BOB] for row in rows)
    described = json.loads((tmp_path / "model" / "training.json").read_text())
    assert described["dataset"] == "made"
    assert described["seed"] == 3
    assert described["labels"] == ["short", "long"]
    assert described["versions"]["python"]


def test_the_card_says_all(tmp_path: Path) -> None:
    lengths = write_lengths(tmp_path, "short", "long", "never")
    trainer = trained(
        lengths,
        tmp_path / "model",
        all_labels=False,
        filter_by=[("metadata.year", ">=", 2000)],
        framework_kwargs={
            "model_card_kwargs": {
                "language": ["en"],
                "license": "apache-2.0",
                "tags": ["few-shot"],
                "model_summary": "Short <b>or</b> long",
                "developers": "us",
                "dataset_name": "me/lengths",
            }
        },
    )
    card = (tmp_path / "model" / "README.md").read_text()
    assert card == trainer.generate_model_card(tmp_path / "model")
    assert card.startswith("---\n")
    for said in (
        "language:\n- en",
        "license: apache-2.0",
        "- few-shot",
        "Short \\<b\\>or\\</b\\> long",
        "Developed by: us",
        "16 to train on, 4 held out",
        "metadata.year \\>= 2000",
        f"| {ANN} | 20 |",
        "label: majority. 20 records have an answer, 20 of them several; in 0 these differ",
        "| accuracy | 1.000 |",
        "Labels that nobody gave, so they are not learned: never",
        "print(open('model' + '/means.json').read())",
        "- clayloop ",
    ):
        assert said in card
    with pytest.raises(SettingsError, match="'licence' is not known"):
        ArgillaTrainer(lengths, BY_NAMES, "longest", framework_kwargs={"model_card_kwargs": {"licence": ""}})


def test_predictions_become_suggestions(lengths: Path, tmp_path: Path) -> None:
    trainer = trained(lengths, tmp_path / "model", model="a/model")
    (made,) = trainer.predict("aaa", as_argilla_records=True)
    assert made.fields["text"] == "aaa"
    (suggestion,) = made.suggestions
    assert (suggestion.question_name, suggestion.value, suggestion.score, suggestion.agent) == (
        "label",
        "short",
        0.75,
        "a/model",
    )


def test_a_model_that_cannot_be_measured_is_kept(lengths: Path, tmp_path: Path) -> None:
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest", train_size=0.8)
    trainer.update_config(unmeasurable=True)
    made = trainer.train(tmp_path / "model")
    assert made.metrics == {}
    assert (tmp_path / "model" / "means.json").exists()
    assert "None: ZeroDivisionError: division by zero" in (tmp_path / "model" / "README.md").read_text()


def test_secrets_are_not_written_into_the_model(lengths: Path, tmp_path: Path) -> None:
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest", train_size=0.8)
    trainer.update_config(hub_token="hush1", options={"api_key": "hush2"}, max_new_tokens=7)
    trainer.train(tmp_path / "model")
    for name in ("README.md", "training.json"):
        written = (tmp_path / "model" / name).read_text()
        assert "hush" not in written and "7" in written and "…" in written


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, r"^longest failed: ImportError: It wants more\."),
        (
            {"hub_token": "hush", "rate": 1},
            r"^longest failed with update_config\(hub_token='…', rate=1\): ImportError: It wants more\.",
        ),
    ],
)
def test_what_a_library_raises_is_told_with_its_name(
    lengths: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, config: dict[str, Any], says: str
) -> None:
    def refuses(*_: object) -> None:
        raise ImportError("It wants more.")

    monkeypatch.setattr(Longest, "train", refuses)
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest")
    trainer.update_config(**config)
    with pytest.raises(SettingsError, match=says):
        trainer.train(tmp_path / "model")


def test_a_folder_is_replaced_as_a_whole_or_not_at_all(lengths: Path, tmp_path: Path) -> None:
    trained(lengths, tmp_path / "model")
    (tmp_path / "model" / "old").touch()
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest")
    trainer.update_config(broken=True)
    with pytest.raises(StateError, match="It broke"):
        trainer.train(tmp_path / "model")
    assert (tmp_path / "model" / "old").exists()
    assert (tmp_path / "model" / "means.json").exists()
    trainer.update_config(broken=False)
    trainer.train(tmp_path / "model")
    assert not (tmp_path / "model" / "old").exists()
    assert [one.name for one in tmp_path.iterdir()] == ["model"]


def test_a_folder_with_something_else_is_left_alone(lengths: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    for place, says in (("mine", "holds files that are no model"), ("mine/letter.txt", "is a file")):
        with pytest.raises(StateError, match=says):
            ArgillaTrainer(lengths, BY_NAMES, "longest").train(tmp_path / place)
    assert (tmp_path / "mine" / "letter.txt").read_text() == "dear"


def test_frameworks_that_cannot(lengths: Path) -> None:
    with pytest.raises(SettingsError, match="There is no framework 'tensorflow'") as caught:
        ArgillaTrainer(lengths, BY_NAMES, "tensorflow")
    assert "longest" in caught.value.hint
    answers = TrainingTask.for_supervised_fine_tuning(formatting_func=lambda sample: "text")
    with pytest.raises(SettingsError, match="'longest' does not train supervised_fine_tuning"):
        ArgillaTrainer(lengths, answers, "longest")

    class Missing(Longest):
        name = "missing"
        packages: ClassVar[dict[str, str]] = {"no_such_package": "pip install no-such-package"}

    register_framework(Missing)
    with pytest.raises(SettingsError, match="needs no_such_package") as caught:
        ArgillaTrainer(lengths, BY_NAMES, "missing")
    assert caught.value.hint == "pip install no-such-package"
    del registry._FRAMEWORKS["missing"]


@pytest.mark.parametrize(
    ("name", "line"),
    [("span_marker", "clayloop[span-marker]"), ("spacy-transformers", "clayloop[spacy-transformers]")],
)
def test_a_framework_that_cannot_live_here_says_where(name: str, line: str, names: Path) -> None:
    with pytest.raises(SettingsError, match="which is not installed") as caught:
        ArgillaTrainer(names, TrainingTask.for_token_classification(spans="spans"), name)
    assert line in caught.value.hint
    assert "in an environment of its own" in caught.value.hint


def test_what_is_no_framework_is_not_registered() -> None:
    with pytest.raises(SettingsError, match="is no framework"):
        register_framework(dict)  # type: ignore[arg-type]

    class Taken(Longest):
        name = "transformers"

    with pytest.raises(SettingsError, match="There is a framework 'transformers' already"):
        register_framework(Taken)


def test_prepared_without_training(emotions: Path, names: Path) -> None:
    whole = prepare_for_training(emotions, "transformers", BY_NAMES)
    assert whole.column_names == ["id", "text", "label"]
    assert whole.features["label"].names == ["good", "bad"]
    assert len(whole) == 40
    split = prepare_for_training(emotions, framework="transformers", task=BY_NAMES, train_size=0.75)
    assert (len(split["train"]), len(split["test"])) == (30, 10)
    topics = prepare_for_training(names, "peft", TrainingTask.for_text_classification("text", "topics"))
    assert topics.features["label"].feature.names == ["early", "firm"]
    task = TrainingTask.for_question_answering("question", "text", "answer")
    asked = prepare_for_training(names, "transformers", task)[0]
    start = asked["answers"]["answer_start"][0]
    assert asked["context"][start:].startswith(asked["answers"]["text"][0])
    pairs = TrainingTask.for_sentence_similarity(["text", "question"])
    assert prepare_for_training(names, "sentence-transformers", pairs).column_names == [
        "id",
        "sentence-1",
        "sentence-2",
    ]


def test_before_the_training_there_is_nothing(lengths: Path) -> None:
    trainer = ArgillaTrainer(lengths, BY_NAMES, "longest")
    with pytest.raises(StateError, match="no model to describe"):
        trainer.generate_model_card("x")
    with pytest.raises(StateError, match="no model to upload"):
        trainer.push_to_huggingface("me/model")


@pytest.mark.parametrize("with_card", [True, False])
def test_an_upload(with_card: bool, lengths: Path, tmp_path: Path, hub: StandInHub) -> None:
    trainer = trained(lengths, tmp_path / "model")
    address = trainer.push_to_huggingface("me/model", generate_card=with_card, token=GOOD)
    assert address == f"{hub.url}/me/model"
    files = hub.repos["model", "me/model"].files
    wanted = {"means.json", "training.json", *(["README.md"] if with_card else [])}
    assert set(files) - {".gitattributes"} == wanted
    if with_card:
        assert "print(open('me/model' + '/means.json').read())" in files["README.md"].decode()


@pytest.mark.parametrize("token", [None, "hf_wrong"])
def test_a_refused_upload_leaves_the_model_on_disk(
    token: str | None, lengths: Path, tmp_path: Path, hub: StandInHub
) -> None:
    trainer = trained(lengths, tmp_path / "model")
    before = {one: one.read_bytes() for one in (tmp_path / "model").iterdir()}
    with pytest.raises(StateError, match="uploaded to 'me/model'") as caught:
        trainer.push_to_huggingface("me/model", generate_card=True, token=token)
    assert f"It is on disk, in {tmp_path / 'model'}" in caught.value.message
    assert "hf auth login" in caught.value.hint
    assert {one: one.read_bytes() for one in before} == before


@pytest.mark.parametrize("repo_id", ["me/model", "not a/valid/name"])
def test_without_the_hub_too(repo_id: str, lengths: Path, tmp_path: Path) -> None:
    trainer = trained(lengths, tmp_path / "model")
    with pytest.raises(StateError, match="It is on disk"):
        trainer.push_to_huggingface(repo_id)


def test_to_import_and_to_make_a_task_loads_nothing_heavy() -> None:
    """How long it takes is measured by `python -m benchmarks trainer`."""
    script = (
        "import sys\n"
        "from clayloop import ArgillaTrainer, TrainingTask\n"
        "TrainingTask.for_text_classification(text='text', label='label')\n"
        "heavy = {'torch', 'argilla', 'transformers', 'datasets', 'sentence_transformers', 'lancedb'}\n"
        "print(*sorted(heavy & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
