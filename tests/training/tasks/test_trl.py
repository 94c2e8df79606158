"""Training language models with TRL for real, as version 1's guide does: the same formatting functions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError, StateError
from tests.training.tasks import models
from tests.training.tasks.conftest import texts_of
from tests.training.tasks.dolly import TEMPLATE, to_chat, to_pairs, to_preferences, to_prompts, to_text
from tests.training.tasks.test_transformers import use_the_snippet
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer


def trainer_of(dolly: Path, task: TrainingTask, model: Path, **config: Any) -> ArgillaTrainer:
    options = config.pop("framework_kwargs", {})
    made = ArgillaTrainer(
        dolly, task, "trl", model=model, train_size=0.75, gpu_id=-1, framework_kwargs=options
    )
    made.update_config(learning_rate=5e-3, per_device_train_batch_size=4, **config)
    return made


def lora() -> Any:
    from peft import LoraConfig

    return LoraConfig(task_type="CAUSAL_LM", r=4, lora_alpha=8, target_modules=["c_attn", "c_fc"])


@pytest.mark.parametrize("adapters", [False, True])
def test_supervised_fine_tuning(
    adapters: bool, dolly: Path, gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TrainingTask.for_supervised_fine_tuning(formatting_func=to_text)
    config: dict[str, Any] = {"peft_config": lora()} if adapters else {}
    trainer = trainer_of(dolly, task, gpt, num_train_epochs=8, max_new_tokens=8, **config)
    with pytest.raises(StateError, match="not trained yet"):
        trainer.predict("where")
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["token accuracy"] > (0.1 if adapters else 0.6)
    prompt = "instruction: where does ann work context: ann works for acme response:"
    found = trainer.predict([prompt, "instruction:"])
    assert len(found) == 2
    if not adapters:
        assert "works for" in trainer.predict(prompt)["text"]
        assert isinstance(trainer.predict(prompt * 20)["text"], str)
    assert not (trained.folder / "adapter_config.json").exists()
    use_the_snippet(trainer, trained.folder, capsys)


def test_chat_completion(dolly: Path, gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    task = TrainingTask.for_chat_completion(formatting_func=to_chat)
    trainer = trainer_of(dolly, task, gpt, num_train_epochs=8, max_new_tokens=8)
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["token accuracy"] > 0.5
    chat = [{"role": "user", "content": "where is ann"}]
    assert trainer.predict(chat)["text"] == trainer.predict([chat])[0]["text"]
    use_the_snippet(trainer, trained.folder, capsys)
    from transformers import AutoTokenizer

    plain = AutoTokenizer.from_pretrained(str(gpt))
    plain.chat_template = None
    silent = ArgillaTrainer(dolly, task, "trl", model=gpt, tokenizer=plain, gpu_id=-1)
    with pytest.raises(SettingsError, match="no chat template"):
        silent.train(tmp_path / "silent")


def test_a_reward_model_and_what_learns_from_it(
    dolly: Path, gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task = TrainingTask.for_reward_modeling(formatting_func=to_pairs)
    encoder = models.encoder(tmp_path / "encoder", [*texts_of(dolly), TEMPLATE])
    judge = trainer_of(dolly, task, encoder, num_train_epochs=4)
    assert judge.train(tmp_path / "judge").metrics["chosen above rejected"] == 1.0
    (chosen, rejected), *_ = list(to_pairs({**_sample(dolly), "new-response": _said("ann works for acme")}))
    good, bad = judge.predict([chosen, rejected])
    assert good["score"] > bad["score"]
    use_the_snippet(judge, tmp_path / "judge", capsys)

    prompts = TrainingTask.for_proximal_policy_optimization(formatting_func=to_prompts)
    rloo = trainer_of(dolly, prompts, gpt, reward_model=tmp_path / "judge", **_SHORT)
    rloo.update_config(max_new_tokens=4)
    assert "mean reward" in rloo.train(tmp_path / "rloo").metrics
    assert isinstance(rloo.predict("instruction:")["text"], str)

    from transformers import pipeline

    said = pipeline("text-classification", model=str(tmp_path / "judge"), device="cpu")
    grpo = trainer_of(
        dolly, prompts, gpt, reward_model=said, framework_kwargs={"algorithm": "grpo"}, **_SHORT
    )
    assert "mean reward" in grpo.train(tmp_path / "grpo").metrics


_SHORT: dict[str, Any] = {"max_steps": 2, "num_generations": 2, "max_completion_length": 4}


def _sample(dolly: Path) -> dict[str, Any]:
    import json

    fields: dict[str, Any] = json.loads((dolly / "records.json").read_text())[0]["fields"]
    return fields


def _said(text: str) -> list[dict[str, Any]]:
    return [{"value": text, "status": "submitted"}]


def test_direct_preference_optimization(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    task = TrainingTask.for_direct_preference_optimization(formatting_func=to_preferences)
    trainer = trainer_of(dolly, task, gpt, num_train_epochs=4)
    trained = trainer.train(tmp_path / "model")
    assert trained.metrics["chosen above rejected"] > 0.9
    assert isinstance(trainer.predict("instruction:")["text"], str)


def test_a_loaded_model_is_compared_with_itself(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    """And not with what lies where it was loaded from: it may have been trained since, or lie in a GGUF."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(str(gpt)), AutoTokenizer.from_pretrained(str(gpt))
    model.config._name_or_path = str(tmp_path / "nowhere")
    preferring = TrainingTask.for_direct_preference_optimization(formatting_func=to_preferences)
    prompts = TrainingTask.for_proximal_policy_optimization(formatting_func=to_prompts)
    for task, config in ((preferring, {"max_steps": 1}), (prompts, {"reward_model": _length, **_SHORT})):
        trainer = ArgillaTrainer(dolly, task, "trl", model=model, tokenizer=tokenizer, gpu_id=-1)
        trainer.update_config(**config)
        trainer.train(tmp_path / "model")
        assert model.config._name_or_path == str(tmp_path / "nowhere")


def _length(completions: list[str], **_: Any) -> list[float]:
    return [float(len(one)) for one in completions]


def test_rewards_by_a_function(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    asked: list[str] = []

    def reward(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
        asked.extend(prompts)
        return [float(len(one)) for one in completions]

    task = TrainingTask.for_proximal_policy_optimization(formatting_func=to_prompts)
    without = trainer_of(dolly, task, gpt, **_SHORT)
    with pytest.raises(SettingsError, match="needs a reward_model"):
        without.train(tmp_path / "model")
    sampling = {"generation_kwargs": {"min_new_tokens": 2}, "top_p": 1.0}
    trainer = trainer_of(dolly, task, gpt, reward_model=reward, **sampling, **_SHORT)
    trainer.train(tmp_path / "model")
    assert any(one.startswith("instruction: where does") for one in asked)


def test_what_trl_cannot_do(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    prompts = TrainingTask.for_proximal_policy_optimization(formatting_func=to_prompts)
    with pytest.raises(SettingsError, match="the algorithm 'dqn' is not there"):
        ArgillaTrainer(dolly, prompts, "trl", framework_kwargs={"algorithm": "dqn"})
    with pytest.raises(SettingsError, match="The installed TRL has no PPO") as caught:
        ArgillaTrainer(dolly, prompts, "trl", framework_kwargs={"algorithm": "ppo"})
    assert "clayloop[ppo]" in caught.value.hint
    texts = TrainingTask.for_supervised_fine_tuning(formatting_func=to_text)
    with pytest.raises(SettingsError, match="needs a language model"):
        ArgillaTrainer(dolly, texts, "trl").train(tmp_path / "model")
    wrong = trainer_of(dolly, texts, gpt, max_lenght=3)
    with pytest.raises(SettingsError, match="'max_lenght' is not known") as caught:
        wrong.train(tmp_path / "model")
    assert "max_length" in caught.value.hint
