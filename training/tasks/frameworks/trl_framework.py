"""Training language models with TRL: supervised fine-tuning, chats, reward models, DPO and, from a reward,
RLOO, GRPO or PPO."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, cast

from curation import SettingsError
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.arguments import load_model, loading, make_arguments, trained
from training.tasks.frameworks.framework import Framework, Prediction, Setup, texts_in, untrained
from training.tasks.frameworks.heads.head import batches
from training.tasks.frameworks.ppo import Reward, has_ppo, train_with_ppo
from training.tasks.frameworks.snippets import snippet
from training.tasks.shapes import TaskKind

_LONGEST = 2048  # tokens that are read and written, where the model sets no limit
_NEW_TOKENS = 64  # that a prediction writes, unless max_new_tokens says otherwise
_OWN = ("peft_config", "reward_model", "max_new_tokens")
_COMPARES = ("DPO", "RLOO", "GRPO")  # with the model as it was before the training
_ALGORITHMS = {"rloo": "RLOO", "grpo": "GRPO", "ppo": "PPO"}
# What TRL calls the figures of an evaluation, and what the model card does.
_METRICS = {
    "eval_loss": "loss",
    "eval_mean_token_accuracy": "token accuracy",
    "eval_accuracy": "chosen above rejected",
    "eval_rewards/accuracies": "chosen above rejected",
    "eval_reward": "mean reward",
}


@dataclass(frozen=True)
class _Method:
    """A trainer of TRL, and whether it trains a reward model (else one that writes)."""

    name: str
    scores: bool = False


_METHODS: Mapping[TaskKind, _Method] = {
    "supervised_fine_tuning": _Method("SFT"),
    "chat_completion": _Method("SFT"),
    "reward_modeling": _Method("Reward", scores=True),
    "direct_preference_optimization": _Method("DPO"),
    "proximal_policy_optimization": _Method("RLOO"),
}


class Trl(Framework):
    """Parameters: those of the trainer's own config (SFTConfig, RewardConfig, DPOConfig, RLOOConfig,
    GRPOConfig or PPOConfig); ``peft_config`` (a peft.LoraConfig: adapters, merged at the end),
    ``max_new_tokens`` (of a prediction) and, for prompts, ``reward_model``: a folder or name of a reward
    model, a text-classification pipeline, or a function of prompts and completions.

    framework_kwargs={"algorithm": "grpo"} takes GRPO instead of RLOO, "ppo" PPO, which TRL 1 does not have.
    """

    name = "trl"
    tasks: ClassVar[Collection[TaskKind]] = tuple(_METHODS)
    packages: ClassVar[Mapping[str, str]] = {"trl": "pip install 'clayloop[trl]'"}
    option_names: ClassVar[Collection[str]] = ("algorithm",)
    distributions: ClassVar[Collection[str]] = ("trl", "peft")
    library: ClassVar[str] = "transformers"

    def __init__(self, setup: Setup) -> None:
        super().__init__(setup)
        self._method = _METHODS[setup.kind]
        algorithm = str(setup.options.get("algorithm", "rloo"))
        if algorithm not in _ALGORITHMS or (
            "algorithm" in setup.options and setup.kind != "proximal_policy_optimization"
        ):
            raise SettingsError(
                f"framework_kwargs: the algorithm {algorithm!r} is not there for {setup.kind}.",
                "For proximal_policy_optimization it is rloo, grpo or ppo.",
            )
        if algorithm == "ppo" and not has_ppo():
            raise SettingsError(
                "The installed TRL has no PPO: TRL 1 dropped it.",
                "pip install 'clayloop[ppo]', in an environment of its own; or take rloo or grpo.",
            )
        if setup.kind == "proximal_policy_optimization":
            self._method = _Method(_ALGORITHMS[algorithm])
        self.config = {"num_train_epochs": 1, "per_device_train_batch_size": 4}
        self.model: Any = None
        self.tokenizer: Any = None
        self._metrics: dict[str, float] = {}

    def train(self, data: TrainingData, folder: Path) -> None:
        config = {"bf16": self._has_bf16(), **self.config}
        arguments = make_arguments(self._arguments_class(), self.setup, config, _OWN, folder)
        model, self.tokenizer = self._load()
        if self._method.name == "PPO":
            adapters = self.config.get("peft_config")
            reward = self._reward_function()
            made = train_with_ppo(model, self.tokenizer, arguments, data.train, reward, adapters)
        else:
            made = self._train_with(model, arguments, data)
        self.model = (made.merge_and_unload() if hasattr(made, "merge_and_unload") else made).eval()
        self.model.save_pretrained(str(folder))
        self.tokenizer.save_pretrained(str(folder))

    def _arguments_class(self) -> Any:
        import trl

        if self._method.name == "PPO":
            from trl.experimental.ppo import PPOConfig

            return PPOConfig
        return getattr(trl, f"{self._method.name}Config")

    def _train_with(self, model: Any, arguments: Any, data: TrainingData) -> Any:
        """What TRL's trainer of that name made of ``model``."""
        import trl

        options: dict[str, Any] = {"peft_config": self.config.get("peft_config")}
        if self.setup.kind == "proximal_policy_optimization":
            options["reward_funcs"] = self._reward()
        name = model.config._name_or_path
        if self.loaded is not None and self._method.name in _COMPARES and not options["peft_config"]:
            # TRL loads what it compares with from where the model came from, where another one lies, or none.
            model.config._name_or_path = str(Path(arguments.output_dir) / "before")
            model.save_pretrained(model.config._name_or_path)
        trainer = getattr(trl, f"{self._method.name}Trainer")(
            model=model,
            args=arguments,
            train_dataset=_table(data.train),
            eval_dataset=_table(data.held_out) if data.held_out else None,
            processing_class=self.tokenizer,
            **options,
        )
        made = trained(trainer)
        found = trainer.evaluate() if data.held_out else {}
        model.config._name_or_path = name
        self._metrics = {title: float(found[key]) for key, title in _METRICS.items() if key in found}
        return made

    def evaluate(self, data: TrainingData, examples: Sequence[Example]) -> dict[str, float]:
        """What TRL's own evaluation of the held-out examples found; PPO has none: there the reward of what is
        written."""
        if self._method.name != "PPO":
            return self._metrics
        prompts = [str(one.columns["prompt"]) for one in examples]
        written = [one["text"] for one in self.predict(prompts)]
        rewards = self._reward_function()(prompts=prompts, completions=written)
        return {"mean reward": sum(rewards) / len(rewards)}

    def predict(self, inputs: Sequence[Any]) -> list[Prediction]:
        """A continuation for each prompt or chat; of a reward model its score."""
        if self.model is None:
            raise untrained(self.name)
        found: list[Any] = []
        for batch in batches([self._prompt(one) for one in inputs]):
            found += self._score(batch) if self._method.scores else self._write(batch)
        return found

    def snippet(self, place: str) -> str:
        return snippet(self.setup.kind, place)

    def default_model(self) -> str:
        if self._method.scores:
            return super().default_model()
        raise SettingsError(
            f"{self.setup.kind} needs a language model, and none was named.",
            'Give model= a folder or a Hugging Face name, for example "HuggingFaceTB/SmolLM2-135M".',
        )

    def _has_bf16(self) -> bool:
        """TRL's default is bfloat16, which only some GPUs are fast at."""
        import torch

        return bool(not self.setup.on_cpu and torch.cuda.is_available() and torch.cuda.is_bf16_supported())

    def _prompt(self, one: Any) -> str:
        """The text that the model goes on from."""
        if self.setup.kind == "chat_completion" and isinstance(one, (list, tuple)):
            return str(
                self.tokenizer.apply_chat_template(list(one), tokenize=False, add_generation_prompt=True)
            )
        return texts_in([one])[0]

    def _write(self, prompts: Sequence[str]) -> list[Any]:
        import torch

        places = int(getattr(self.model.config, "max_position_embeddings", 0) or 2 * _LONGEST)
        new = min(int(self.config.get("max_new_tokens", _NEW_TOKENS)), places // 2)
        # Of a prompt that is too long the end counts.
        self.tokenizer.padding_side = self.tokenizer.truncation_side = "left"
        tokens = self.tokenizer(
            list(prompts), padding=True, truncation=True, max_length=places - new, return_tensors="pt"
        ).to(self.model.device)
        with torch.inference_mode():
            made = self.model.generate(
                input_ids=tokens["input_ids"],
                attention_mask=tokens["attention_mask"],
                max_new_tokens=new,
                pad_token_id=self.tokenizer.pad_token_id,
            )
        written = made[:, tokens["input_ids"].shape[1] :]
        return [{"text": text} for text in self.tokenizer.batch_decode(written, skip_special_tokens=True)]

    def _score(self, texts: Sequence[str]) -> list[Any]:
        import torch

        tokens = self.tokenizer(
            list(texts),
            padding=True,
            truncation=True,
            max_length=min(self.tokenizer.model_max_length, self.model.config.max_position_embeddings),
            return_tensors="pt",
        ).to(self.model.device)
        with torch.inference_mode():
            scores = self.model(**tokens).logits[:, 0]
        return [{"score": float(one)} for one in scores]

    def _load(self) -> tuple[Any, Any]:
        """Model and tokenizer, as given or loaded. Raises SettingsError where they cannot be."""
        if self._method.scores:
            given, tokenizer = load_model(self, "AutoModelForSequenceClassification", num_labels=1)
        else:
            given, tokenizer = load_model(self, "AutoModelForCausalLM")
        if tokenizer.eos_token is None:  # encoders such as BERT end a text with another token
            tokenizer.eos_token = tokenizer.sep_token
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
        given.config.pad_token_id = tokenizer.pad_token_id
        if self.setup.kind == "chat_completion" and tokenizer.chat_template is None:
            raise SettingsError(
                "The tokenizer has no chat template, so chats cannot become text.",
                "Take a model that was made for chats, or set tokenizer.chat_template and give tokenizer=.",
            )
        return given, tokenizer

    def _reward(self) -> Any:
        """What TRL asks for rewards. Raises SettingsError where none was given."""
        given = self.config.get("reward_model")
        if given is None:
            raise SettingsError(
                "proximal_policy_optimization needs a reward_model, and none was given.",
                "update_config(reward_model=…): a folder that for_reward_modeling trained, or a function.",
            )
        if isinstance(given, (str, Path)):
            import transformers

            with loading(str(given)):
                return transformers.AutoModelForSequenceClassification.from_pretrained(
                    str(given), use_safetensors=True
                )
        return _of_pipeline(given) if hasattr(given, "task") and hasattr(given, "tokenizer") else given

    def _reward_function(self) -> Reward:
        """The same as a function. Raises SettingsError where none was given, or a model without tokenizer."""
        given = self._reward()
        if not hasattr(given, "config"):
            return cast(Reward, given)
        if not isinstance(self.config["reward_model"], (str, Path)):
            raise SettingsError(
                "A reward model was given without its tokenizer.",
                'Give its folder, or pipeline("text-classification", model=…, tokenizer=…).',
            )
        from transformers import pipeline

        folder = str(self.config["reward_model"])
        return _of_pipeline(pipeline("text-classification", model=given, tokenizer=folder))


def _of_pipeline(pipeline: Any) -> Reward:
    """A reward from a text-classification pipeline: what it says of the prompt with its completion."""

    def reward(prompts: Sequence[str], completions: Sequence[str], **_: Any) -> list[float]:
        texts = [prompt + completion for prompt, completion in zip(prompts, completions, strict=True)]
        found = pipeline(texts, function_to_apply="none", truncation=True)
        return [float(one["score"]) for one in found]

    return reward


def _table(examples: Sequence[Example]) -> Any:
    from datasets import Dataset

    return Dataset.from_list([dict(one.columns) for one in examples])
