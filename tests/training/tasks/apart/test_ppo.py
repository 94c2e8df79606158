"""PPO for real, with the TRL that still has it (`make test-trainer`): a policy that is paid for a word says
it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from curation import SettingsError
from tests.training.tasks import models
from tests.training.tasks.conftest import texts_of
from tests.training.tasks.dolly import TEMPLATE, to_pairs, to_prompts
from tests.training.tasks.test_transformers import use_the_snippet
from training.tasks.task import TrainingTask
from training.tasks.trainer import ArgillaTrainer

PROMPTS = TrainingTask.for_proximal_policy_optimization(formatting_func=to_prompts)


def trainer_of(dolly: Path, gpt: Path, **config: Any) -> ArgillaTrainer:
    made = ArgillaTrainer(
        dolly,
        PROMPTS,
        "trl",
        model=gpt,
        train_size=0.75,
        gpu_id=-1,
        framework_kwargs={"algorithm": "ppo"},
    )
    made.update_config(response_length=6, max_new_tokens=6, per_device_train_batch_size=4, **config)
    return made


def says_acme(prompts: list[str], completions: list[str], **_: Any) -> list[float]:
    assert all(one.startswith("instruction: where does") for one in prompts)
    assert not any("instruction: where does" in one for one in completions)
    return [one.split().count("acme") / 2 for one in completions]


def test_a_policy_learns_what_is_paid_for(
    dolly: Path, gpt: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trainer = trainer_of(dolly, gpt, reward_model=says_acme, total_episodes=240, learning_rate=4e-3)
    trained = trainer.train(tmp_path / "ppo_model")
    assert capsys.readouterr().out == ""
    assert trained.metrics["mean reward"] > 1
    assert trainer.predict("instruction: where does ann work")["text"].count("acme") > 2
    use_the_snippet(trainer, trained.folder, capsys)


def test_rewards_by_a_model_that_was_trained_for_it(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    """As in version 1's guide: a reward model, then a pipeline with it; here also its folder. It has another
    tokenizer than the policy."""
    from transformers import pipeline

    encoder = models.encoder(tmp_path / "encoder", [*texts_of(dolly), TEMPLATE])
    judge = ArgillaTrainer(
        dolly, TrainingTask.for_reward_modeling(to_pairs), "trl", model=encoder, train_size=0.75, gpu_id=-1
    )
    judge.update_config(learning_rate=5e-3, num_train_epochs=4)
    judge.train(tmp_path / "judge")
    said = pipeline("sentiment-analysis", model=str(tmp_path / "judge"), device="cpu")
    for reward in (said, tmp_path / "judge"):
        trainer = trainer_of(dolly, gpt, reward_model=reward, total_episodes=8)
        assert "mean reward" in trainer.train(tmp_path / "ppo").metrics


def test_adapters_are_merged(dolly: Path, gpt: Path, tmp_path: Path) -> None:
    from peft import LoraConfig

    adapters = LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["c_attn"])
    trainer = trainer_of(dolly, gpt, reward_model=says_acme, total_episodes=8, peft_config=adapters)
    folder = trainer.train(tmp_path / "model").folder
    assert not (folder / "adapter_config.json").exists()
    assert isinstance(trainer.predict("instruction:")["text"], str)


@pytest.mark.parametrize(
    ("config", "says"),
    [
        ({}, "needs a reward_model"),
        (
            {"reward_model": says_acme, "gradient_accumulation_steps": 4},
            "12 prompts do not fill a batch of 16",
        ),
        ({"reward_model": says_acme, "response_length": 64}, "response_length is 64"),
        ({"reward_model": says_acme, "num_mini_batches": 3}, "must be a multiple of `num_mini_batches`"),
        ({"reward_model": says_acme, "length_sampler_kwargs": {}}, "'length_sampler_kwargs' is not known"),
    ],
)
def test_what_ppo_refuses(config: dict[str, Any], says: str, dolly: Path, gpt: Path, tmp_path: Path) -> None:
    trainer = trainer_of(dolly, gpt)
    trainer.update_config(**config)
    with pytest.raises(SettingsError, match=says):
        trainer.train(tmp_path / "model")
    assert not (tmp_path / "model").exists()
