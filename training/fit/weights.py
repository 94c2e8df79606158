"""Which weights of a model move in training, and what becomes of them afterwards."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from curation import SettingsError, StateError

_RANK = 16  # of the adapters; the usual choice, as is scaling them by twice the rank


@contextmanager
def trainable(model: Any, which: Literal["full", "lora"]) -> Iterator[None]:
    """While the block runs all weights move, or only low-rank adapters (Hu et al. 2021, arXiv:2106.09685).

    Adapters are merged at the end, so that what is released is a plain model that loads without peft. Raises
    SettingsError when peft is missing.
    """
    if which == "full":
        yield
        return
    try:
        from peft import LoraConfig, TaskType, get_peft_model
    except ImportError as error:
        raise SettingsError(
            'training.fit.train is "lora" and peft is not installed.', "pip install 'clayloop[lora]'"
        ) from error
    kind = TaskType.FEATURE_EXTRACTION
    adapters = LoraConfig(task_type=kind, r=_RANK, lora_alpha=2 * _RANK, target_modules="all-linear")
    adapted = get_peft_model(model[0].auto_model, adapters)
    try:
        yield
    finally:
        adapted.merge_and_unload()
        model.requires_grad_(True)


def copy_of(model: Any) -> dict[str, Any]:
    """The weights as they are now, by name. Those of several names (tied embeddings, as in T5) come once."""
    return {name: weights.detach().clone() for name, weights in model.named_parameters()}


def average(model: Any, before: Mapping[str, Any], keep: float) -> None:
    """Pull every weight back by ``keep`` of its way (Wortsman et al. 2022, arXiv:2109.01903)."""
    import torch

    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.lerp_(before[name].to(weights), keep)


def has_diverged(model: Any, loss: float) -> bool:
    """Whether the mean training ``loss`` is not a number, or the weights are of no use."""
    import torch

    # Squared: weights of 1e20 are numbers, but what is computed with them is none.
    return not math.isfinite(loss) or not all(
        bool(torch.isfinite(weights.square().sum())) for weights in model.parameters()
    )


def diverged() -> StateError:
    """The error that says so."""
    return StateError(
        "Training diverged: the loss is not a number, or weights are beyond all bounds.",
        "Lower training.fit.learning_rate (3e-5 suits most models) and start again; the served release is "
        "untouched.",
    )
