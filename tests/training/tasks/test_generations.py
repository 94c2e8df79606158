"""From what people say of the bot's answers in Argilla to a trained language model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr

from curation import (
    AnsweredQuestion,
    Api,
    ArgillaSettings,
    GeneratedAnswer,
    Home,
    SettingsError,
    connect_to_argilla,
    log_generations,
)
from tests.training.tasks import models
from training.tasks.generations import BotAnswers
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

NAMES = ("ann", "bob", "eve", "kim", "max", "sue", "tom", "zoe")
MESSAGES = '[{"role": "user", "content": "where is ann ?"}]'


class Plain:
    """A tokenizer that writes a chat as one line."""

    chat_template = "…"

    def apply_chat_template(
        self, messages: list[dict[str, str]], tokenize: bool, add_generation_prompt: bool
    ) -> str:
        return "".join(f"{one['role']}: {one['content']}\n" for one in messages) + "assistant: "


ASKED = "user: where is ann ?\nassistant: "


def said(*values: Any) -> list[dict[str, Any]]:
    return [{"value": value, "status": "submitted"} for value in values]


def rated(first: list[Any], second: list[Any]) -> dict[str, Any]:
    return {
        "id": "1",
        "generations-0": "in &lt;rome>",
        "generations-1": "nobody knows",
        "generations-0-rating": said(*first),
        "generations-1-rating": said(*second),
        "metadata": {
            "messages-0": MESSAGES,
            "messages-1": MESSAGES.replace("where is ann", "say where ann is"),
        },
    }


def test_what_annotators_prefer() -> None:
    answers = BotAnswers(Plain())
    better = rated([5, 4], [2])
    assert answers.preferences(better) == (ASKED, "in <rome>", "nobody knows")
    assert answers.pairs(better) == (f"{ASKED}in <rome>", f"{ASKED}nobody knows")
    assert answers.good(better) == f"{ASKED}in <rome>"
    worse = rated([1], [3])
    assert answers.preferences(worse) == (
        "user: say where ann is ?\nassistant: ",
        "nobody knows",
        "in <rome>",
    )
    assert answers.good(worse) is None
    for equal in (rated([3, 5], [4]), rated([5], []), rated([], [])):
        assert answers.preferences(equal) is None
        assert answers.pairs(equal) is None


def test_what_annotators_call_good() -> None:
    answers = BotAnswers(Plain())
    one: dict[str, Any] = {"id": "1", "generation": "in rome", "metadata": {"messages": MESSAGES}}
    assert answers.good({**one, "quality": said("good")}) == f"{ASKED}in rome"
    for open_or_bad in ((), ("bad",), ("good", "bad")):
        assert answers.good({**one, "quality": said(*open_or_bad)}) is None
    with pytest.raises(SettingsError, match="was not logged by"):
        answers.good({**one, "metadata": {}, "quality": said("good")})
    with pytest.raises(SettingsError, match="was not logged by"):
        answers.preferences({"id": "1", "text": "x", "metadata": {}})
    silent = Plain()
    silent.chat_template = None  # type: ignore[assignment]
    with pytest.raises(SettingsError, match="no chat template"):
        BotAnswers(silent)


def answered(name: str) -> AnsweredQuestion:
    def one(text: str, model: str) -> GeneratedAnswer:
        return GeneratedAnswer(
            question=f"where is {name} ?",
            answer=text,
            messages=({"role": "user", "content": f"where is {name} ?"},),
            sources=(f"{name} is in rome",),
            release="r0001-00000000",
            model=model,
            prompt="0" * 12,
        )

    return AnsweredQuestion(answers=(one(f"{name} is in rome", "a"), one("nobody knows", "b")))


@pytest.fixture(scope="module")
def datasets(
    argilla_lite: ArgillaServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Any]]:
    """Both datasets on a real Argilla, answered by its owner: right is good and rated 5, the rest is not."""
    settings = ArgillaSettings(
        url=argilla_lite.url, api_key=SecretStr(argilla_lite.api_key), workspace="bot-answers"
    )
    client = connect_to_argilla(settings, Home(tmp_path_factory.mktemp("bot-answers")))
    log_generations(client, settings, [answered(name) for name in NAMES])
    api, found = Api.of(client), {}
    for kind in ("generations", "preferences"):
        dataset = client.datasets(getattr(settings, kind), workspace=settings.workspace)
        assert dataset is not None
        found[kind] = dataset
        responses = []
        for record in next(iter(api.records(str(dataset.id)))):
            right = {name: "rome" in text for name, text in record["fields"].items() if "generation" in name}
            values: dict[str, Any] = {
                f"{name}-rating": 5 if is_right else 1 for name, is_right in right.items()
            }
            if kind == "generations":
                values = {"quality": "good" if right["generation"] else "bad"}
            shaped = {name: {"value": value} for name, value in values.items()}
            responses.append({"record_id": record["id"], "status": "submitted", "values": shaped})
        api.respond(responses)
    yield found
    for dataset in found.values():
        dataset.delete()


@pytest.mark.argilla
def test_decisions_in_argilla_become_models(datasets: dict[str, Any], tmp_path: Path) -> None:
    """As docs/trainer.md has it: SFT on what is good, then a reward model and DPO on what is better."""
    from transformers import AutoTokenizer

    texts = [*NAMES, "where is ?", "is in rome", "nobody knows"]
    model = models.language_model(tmp_path / "gpt", texts)
    answers = BotAnswers(AutoTokenizer.from_pretrained(str(model)))

    task = TrainingTask.for_supervised_fine_tuning(answers.good)
    tuned = trained(datasets["generations"], task, model, tmp_path / "sft", num_train_epochs=25)
    assert "is in rome" in tuned.predict(f"user says where is {NAMES[0]} ? [SEP] assistant says ")["text"]

    task = TrainingTask.for_direct_preference_optimization(answers.preferences)
    preferring = trained(
        datasets["preferences"], task, tmp_path / "sft", tmp_path / "dpo", num_train_epochs=4
    )
    assert preferring.prepare_for_training().num_rows == {"train": 6, "test": 2}
    assert metrics(tmp_path / "dpo")["chosen above rejected"] == 1.0

    encoder = models.encoder(tmp_path / "encoder", [*texts, "user assistant says"])
    task = TrainingTask.for_reward_modeling(answers.pairs)
    judge = trained(datasets["preferences"], task, encoder, tmp_path / "judge", num_train_epochs=6)
    assert metrics(tmp_path / "judge")["chosen above rejected"] == 1.0
    good, bad = judge.predict(list(answers.pairs(rated([5], [1])) or ()))
    assert good["score"] > bad["score"]


def trained(dataset: Any, task: TrainingTask, model: Path, folder: Path, **config: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(dataset, task, "trl", model=model, train_size=0.75, gpu_id=-1)
    made.update_config(learning_rate=5e-3, max_new_tokens=8, **config)
    made.train(folder)
    return made


def metrics(folder: Path) -> dict[str, float]:
    import json

    found: dict[str, float] = json.loads((folder / "training.json").read_text())["metrics"]
    return found
