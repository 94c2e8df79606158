"""Which weights of a model move in training, what becomes of them afterwards, and whether they are of any use."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

from curation import SettingsError, StateError

_RANK = 16  # of the adapters; the usual choice, as is scaling them by twice the rank


@contextmanager
def trainable(model: Any, which: Literal["full", "lora"]) -> Iterator[None]:
    """Let all weights move while the block runs, or only low-rank adapters (Hu et al. 2021, arXiv:2106.09685).

    Adapters are merged at the end, so that what is released is a plain model that loads without peft. Raises SettingsError
    when peft is missing.
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
    transformer = model[0].auto_model
    adapted = get_peft_model(
        transformer,
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            r=_RANK,
            lora_alpha=2 * _RANK,
            target_modules="all-linear",
        ),
    )
    try:
        yield
    finally:
        adapted.merge_and_unload()
        model.requires_grad_(True)


def copy_of(model: Any) -> dict[str, Any]:
    """The weights as they are now, by name. Those that go by several names (tied embeddings, as in T5) by the first."""
    return {name: weights.clone() for name, weights in _distinct(model)}


def average(model: Any, before: Mapping[str, Any], keep: float) -> None:
    """Pull every floating-point weight back by ``keep`` of the way that training moved it (Wortsman et al. 2022,
    arXiv:2109.01903)."""
    import torch

    with torch.no_grad():
        for name, weights in _distinct(model):
            if weights.is_floating_point():
                weights.lerp_(before[name].to(weights), keep)


def _distinct(model: Any) -> Iterator[tuple[str, Any]]:
    seen = set()
    for name, weights in model.state_dict().items():
        if (weights.data_ptr(), weights.shape) not in seen:
            seen.add((weights.data_ptr(), weights.shape))
            yield name, weights


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
        "Lower training.fit.learning_rate (3e-5 suits most models) and start again; the served release is untouched.",
    )
