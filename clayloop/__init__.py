"""clayloop: from human annotation in Argilla 2 to a better documentation bot in production."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from training import (
        ArgillaTrainer as ArgillaTrainer,
        BotAnswers as BotAnswers,
        Framework as Framework,
        SortBy as SortBy,
        TrainingData as TrainingData,
        TrainingTask as TrainingTask,
        load_gguf as load_gguf,
        prepare_for_training as prepare_for_training,
        register_framework as register_framework,
        save_gguf as save_gguf,
    )

__version__ = "0.1.0"

_FROM_TRAINING = (
    "ArgillaTrainer",
    "BotAnswers",
    "Framework",
    "SortBy",
    "TrainingData",
    "TrainingTask",
    "load_gguf",
    "prepare_for_training",
    "register_framework",
    "save_gguf",
)
__all__ = ["__version__", *_FROM_TRAINING]


def __getattr__(name: str) -> Any:
    """What trains any task, loaded when it is first used (PEP 562)."""
    if name in _FROM_TRAINING:
        return getattr(import_module("training"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
