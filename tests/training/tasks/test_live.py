"""Version 1's guide on datasets of a live Argilla, with today's `client.datasets(NAME)` and the objects of
`dataset.settings`: each of its tasks is trained for a step and predicted with, and learns the very examples
that the folder behind the dataset gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from clayloop import ArgillaTrainer, SortBy, TrainingTask, prepare_for_training
from tests.training.tasks import dolly as guide, folders
from tests.training.tasks.folders import record, write_folder
from tests.training.tasks.test_guide import answers, most_common_label

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaLite, ArgillaServer

pytestmark = pytest.mark.argilla


class Live:
    """Datasets of a live Argilla with the records of a folder, the number of each as metadata "place"."""

    def __init__(self, server: ArgillaLite) -> None:
        import argilla as rg

        self.client = rg.Argilla(api_url=server.url, api_key=server.api_key)
        self.workspace = self.client.workspaces(server.workspace)
        self.users: dict[str, Any] = {}
        for number, given in enumerate(folders.USERS):
            user = rg.User(username=f"guide-{number}", password="12345678", client=self.client).create()
            user.add_to_workspace(self.workspace)
            self.users[given] = user.id
        self.made: list[Any] = []

    def log(self, folder: Path, name: str) -> Any:
        import argilla as rg

        settings = json.loads((folder / ".argilla" / "settings.json").read_text())
        # Argilla lets one question alone mark a field.
        questions = [one for one in settings["questions"] if one["name"] != "firm"]
        made = rg.Dataset(
            name,
            workspace=self.workspace,
            client=self.client,
            settings=rg.Settings(
                fields=[
                    rg.TextField(one["name"], required=not number)
                    for number, one in enumerate(settings["fields"])
                ],
                questions=[_question(one, not number) for number, one in enumerate(questions)],
                metadata=[rg.IntegerMetadataProperty("place")],
            ),
        ).create()
        self.made.append(made)
        records = json.loads((folder / "records.json").read_text())
        made.records.log([self._record(number, one) for number, one in enumerate(records)])
        return self.client.datasets(name)

    def _record(self, number: int, given: dict[str, Any]) -> Any:
        import argilla as rg

        responses = [
            rg.Response(question, one["value"], user_id=self.users[one["user_id"]], status="submitted")
            for question, several in given["responses"].items()
            for one in several
            if question != "firm" and (question, one["value"]) != ("topics", [])  # which Argilla refuses
        ]
        return rg.Record(
            id=given["id"], fields=given["fields"], metadata={"place": number}, responses=responses
        )


def _question(given: dict[str, Any], required: bool) -> Any:
    import argilla as rg

    name, settings = given["name"], given["settings"]
    options = [one["value"] for one in settings.get("options", ())]
    if settings["type"] == "label_selection":
        return rg.LabelQuestion(name, options, required=required)
    if settings["type"] == "multi_label_selection":
        return rg.MultiLabelQuestion(name, options, required=required)
    if settings["type"] == "span":
        return rg.SpanQuestion(name, field=settings["field"], labels=options, required=required)
    if settings["type"] == "rating":
        return rg.RatingQuestion(name, options, required=required)
    return rg.TextQuestion(name, required=required)


@pytest.fixture(scope="module")
def live(argilla_lite: ArgillaServer) -> Iterator[Live]:
    made = Live(argilla_lite)
    yield made
    for dataset in made.made:
        dataset.delete()


def learned(dataset: Any, task: TrainingTask, framework: str, **options: Any) -> list[Any]:
    data = ArgillaTrainer(dataset, task, framework, **options).data
    return [(one.record, one.columns) for one in data.examples]


def tried(dataset: Any, folder: Path, task: TrainingTask, framework: str, asked: Any, **options: Any) -> Any:
    """What is predicted after a step of training; learned is what the folder teaches, too."""
    output = options.pop("output_dir")
    config = {"max_epochs": 1} if framework == "spacy" else {"max_steps": 1}
    trainer = ArgillaTrainer(
        dataset=dataset, task=task, framework=framework, train_size=0.8, gpu_id=-1, **options
    )
    trainer.update_config(**config)
    trained = trainer.train(output_dir=output)
    assert trained.held_out and (output / "README.md").exists()
    same = learned(folder, task, framework, train_size=0.8, **options)
    assert sorted(map(repr, learned(dataset, task, framework, train_size=0.8, **options))) == sorted(
        map(repr, same)
    )
    return trainer.predict(asked)


def test_emotion_and_which_records(live: Live, emotions: Path, encoder: Path, tmp_path: Path) -> None:
    """The happy flow, filter, sort and limit; a query; a function; annotators' own predictions logged."""
    import argilla as rg

    dataset = live.log(emotions, "emotion")
    task = TrainingTask.for_text_classification(
        text=dataset.settings.fields["text"], label=dataset.settings.questions["label"], label_strategy=None
    )
    made = tried(
        dataset, emotions, task, "setfit", "lovely day", model=encoder, output_dir=tmp_path / "setfit"
    )
    assert made["label"] in ("good", "bad")
    by_function = TrainingTask.for_text_classification(formatting_func=most_common_label)
    made = tried(dataset, emotions, by_function, "spacy", ["lovely day"], output_dir=tmp_path / "spacy")
    assert made[0]["label"] in ("good", "bad")

    newest = learned(
        dataset,
        task,
        "setfit",
        filter_by={"response_status": ["submitted"]},
        sort_by=[SortBy(field="metadata.place", order="desc")],
        max_records=10,
    )
    assert [record for record, _ in newest] == [f"r{number}" for number in range(39, 29, -1)]
    query = rg.Query(query="great", filter=rg.Filter([("metadata.place", ">=", 4)]))
    several = TrainingTask.for_text_classification(formatting_func=lambda one: (one["text"], one["id"]))
    found = learned(dataset, several, "setfit", filter_by=query)
    assert found and all("great" in columns["text"] for _, columns in found)
    assert sorted(found) == sorted(learned(dataset.records(query), several, "setfit"))
    assert not {"r0", "r2"} & {record for record, _ in found}


def test_conll_with_predictions_logged_into_the_dataset(
    live: Live, names: Path, encoder: Path, tmp_path: Path
) -> None:
    dataset = live.log(names, "conll2003")
    questions, fields = dataset.settings.questions, dataset.settings.fields
    task = TrainingTask.for_token_classification(text=fields["text"], spans=questions["spans"])
    trainer = ArgillaTrainer(dataset=dataset, task=task, framework="spacy", train_size=0.8)
    trainer.update_config(max_epochs=2)
    trainer.train(output_dir=tmp_path / "my_spacy_model")
    found = trainer.predict(["today ann works for acme here", "nobody"], as_argilla_records=True)
    dataset.records.log(found)
    added = [
        one for one in dataset.records() if one.fields["text"] in (asked.fields["text"] for asked in found)
    ]
    new = [one for one in added if not list(one.responses)]
    assert len(new) == 2
    dataset.records.delete(new)

    asked = {"question": "where is ann", "context": "today ann works for acme here"}
    by_names = TrainingTask.for_question_answering(
        question=fields["question"], context=fields["text"], answer=questions["answer"]
    )
    for number, task in enumerate((by_names, TrainingTask.for_question_answering(formatting_func=answers))):
        folder = tmp_path / f"qna{number}"
        found = tried(dataset, names, task, "transformers", asked, model=encoder, output_dir=folder)
        assert found["answer"] in asked["context"]


@pytest.mark.parametrize("cross", [False, True])
def test_snli(cross: bool, live: Live, encoder: Path, tmp_path: Path) -> None:
    made = [
        record(
            f"s{number}",
            {"premise": f"today ann {number}", "hypothesis": "works here"},
            label=[("yes", "no")[number % 2]],
            score=[1 + number % 5],
        )
        for number in range(10)
    ]
    questions = [folders.label("label", "yes", "no"), folders.rating("score", 1, 2, 3, 4, 5)]
    folder = write_folder(tmp_path / "snli", ["premise", "hypothesis"], questions, made)
    dataset = live.log(folder, f"snli-{cross}")
    fields, asked = dataset.settings.fields, ["today ann", ["works here", "is there"]]
    for question, strategy in (("label", None), ("score", "majority"), (None, None)):
        task = TrainingTask.for_sentence_similarity(
            texts=[fields["premise"], fields["hypothesis"]],
            label=question and dataset.settings.questions[question],
            label_strategy=strategy,
        )
        found = tried(
            dataset,
            folder,
            task,
            "sentence-transformers",
            asked,
            model=encoder,
            framework_kwargs={"cross_encoder": cross},
            output_dir=tmp_path / str(question),
        )
        assert len(found) == 2


def test_dolly(live: Live, dolly: Path, gpt: Path, tmp_path: Path) -> None:
    """Language models, by the guide's formatting functions; PPO's prompts with RLOO."""
    dataset = live.log(dolly, "dolly")
    for kind, function in (
        ("supervised_fine_tuning", guide.to_text),
        ("reward_modeling", guide.to_pairs),
        ("direct_preference_optimization", guide.to_preferences),
    ):
        task = getattr(TrainingTask, f"for_{kind}")(formatting_func=function)
        found = tried(dataset, dolly, task, "trl", "where is ann", model=gpt, output_dir=tmp_path / kind)
        assert isinstance(found.get("score", found.get("text")), (str, float))
        assert _as_the_guide_uses_it(tmp_path / kind, kind == "reward_modeling")
    task = TrainingTask.for_proximal_policy_optimization(formatting_func=guide.to_prompts)
    trainer = ArgillaTrainer(dataset=dataset, task=task, framework="trl", model=gpt, gpu_id=-1)
    trainer.update_config(
        reward_model=lambda completions, **_: [float(len(one)) for one in completions],
        max_steps=1,
        num_generations=2,
        max_completion_length=4,
    )
    trainer.train(output_dir=tmp_path / "ppo_model")
    chats = TrainingTask.for_chat_completion(formatting_func=guide.to_chat)
    lines = prepare_for_training(dataset=dataset, framework="openai", task=chats).splitlines()
    assert [one["role"] for one in json.loads(lines[0])["messages"]] == ["system", "user", "assistant"]
    assert len(lines) == 16


def _as_the_guide_uses_it(folder: Path, scores: bool) -> Any:
    """What the saved model writes, or the score that it gives, by transformers alone."""
    import torch
    import transformers

    tokenizer = transformers.AutoTokenizer.from_pretrained(str(folder))
    prompt = guide.TEMPLATE.format(instruction="where is ann", context="ann works", response="").strip()
    if scores:
        reward = transformers.AutoModelForSequenceClassification.from_pretrained(str(folder))
        inputs = tokenizer(prompt, truncation=True, padding="max_length", max_length=32, return_tensors="pt")
        with torch.no_grad():
            return reward(**inputs).logits[0, 0].item()
    model = transformers.AutoModelForCausalLM.from_pretrained(str(folder))
    tokenizer.pad_token = tokenizer.eos_token
    encoding = tokenizer([prompt], return_tensors="pt")
    return tokenizer.decode(model.generate(**encoding, max_new_tokens=5)[0])
