"""A language model fine-tuned on accepted answers (SFT), then on preferences (DPO), with low-rank adapters
that are merged, and saved as a GGUF file."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from curation import SILENT, Progress, StateError
from training.answering.lessons import Lesson, Lessons
from training.settings import SEED, AnsweringSettings
from training.tasks.examples import Example, TrainingData
from training.tasks.frameworks.framework import Setup, failures_told, require
from training.tasks.frameworks.peft_framework import Peft
from training.tasks.frameworks.registry import find_framework
from training.tasks.gguf_files import load_gguf, save_gguf
from training.tasks.shapes import TaskKind

_RANK = 16  # of the adapters
_BATCH = 4
# Preferences say which of two answers is better, not how to write one: a tenth of the rate, and one pass.
_GENTLER = 0.1

Told = Callable[[str], Sequence[Mapping[str, str]] | None]
"""What the bot tells its language model with a question; None where it would not ask it."""


def tune(
    lessons: Lessons,
    told: Told,
    base: Path,
    target: Path,
    settings: AnsweringSettings,
    progress: Progress = SILENT,
) -> dict[str, int]:
    """Train the model in the GGUF file ``base`` and write the result to ``target``. Works in the folder
    ``target``.parent/tuning, which it replaces and removes. Returns how much it learned from what.

    The model learns with today's passages and prompt (``told``): it is asked with those. Raises SettingsError
    when a package is missing, ``base`` is no model of a kind that can be trained, or the library refuses,
    StateError when there is nothing to learn, or on a full disk.
    """
    find_framework("trl", "supervised_fine_tuning")
    require(Peft)
    folder = target.parent / "tuning"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        with progress.task(f"Loading {base.name}"):
            model, tokenizer = load_gguf(base)

        def examples(several: Sequence[Lesson], columns: Callable[[Lesson], dict[str, str]]) -> list[Example]:
            found = []
            for one in several:
                if (messages := told(one.question)) is not None:
                    prompt = tokenizer.apply_chat_template(
                        list(messages), tokenize=False, add_generation_prompt=True
                    )
                    found.append(Example(one.question, (), {"prompt": prompt, **columns(one)}))
            return found

        accepted = examples(lessons.accepted, lambda one: {"completion": one.answer})
        preferences = examples(
            lessons.preferences, lambda one: {"chosen": one.answer, "rejected": one.rejected}
        )
        if not accepted and not preferences:
            raise StateError(
                "There is no accepted answer to learn from, or the bot refuses all of these questions now.",
                "Judge answers in the datasets of `clayloop generations`, or correct conversations.",
            )
        kinds: tuple[tuple[TaskKind, list[Example], float, float], ...] = (
            ("supervised_fine_tuning", accepted, settings.learning_rate, settings.epochs),
            ("direct_preference_optimization", preferences, settings.learning_rate * _GENTLER, 1.0),
        )
        for kind, several, rate, epochs in kinds:
            if several:
                progress.say(f"{kind.replace('_', ' ').capitalize()} on {len(several):,} examples")
                trainer: Any = find_framework("trl", kind)(Setup(kind, model, tokenizer, SEED))
                trainer.update_config(**_parameters(rate, epochs))
                with failures_told("trl", {}):  # the parameters are ours
                    trainer.train(TrainingData(kind, several, ()), folder / kind)
                model, last = trainer.model, folder / kind
        progress.say(f"Writing {target.name}")
        save_gguf(last, like=base, target=target)
        return {"accepted answers": len(accepted), "preferences": len(preferences)}
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _parameters(rate: float, epochs: float) -> dict[str, Any]:
    import peft

    return {
        "num_train_epochs": epochs,
        "learning_rate": rate,
        "per_device_train_batch_size": 1,  # prompts are long: padding costs more than a batch saves
        "gradient_accumulation_steps": _BATCH,
        "max_length": None,  # what the bot asks fits into the model's window; cut, the answer would be gone
        "warmup_steps": 0.1,
        "peft_config": peft.LoraConfig(
            r=_RANK, lora_alpha=2 * _RANK, target_modules="all-linear", task_type="CAUSAL_LM"
        ),
    }
