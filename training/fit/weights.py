"""Which weights of a model move in training, and what becomes of them afterwards."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from curation import SettingsError
from training.fit_settings import FitSettings


@contextmanager
def trainable(model: Any, settings: FitSettings) -> Iterator[None]:
    """Let the weights move that ``settings.train`` names while the block runs.

    Adapters (Hu et al. 2021, arXiv:2106.09685) are merged at its end, so that what is released is a plain model that
    loads without peft. Raises SettingsError when peft is missing or the model has no layers to choose from.
    """
    if settings.train == "lora":
        _add_adapters(model, settings)
    elif settings.train == "last-layers":
        _freeze(model, settings.layers)
    try:
        yield
    finally:
        if settings.train == "lora":
            _merge_adapters(model)
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


def _freeze(model: Any, layers: int) -> None:
    """Freeze the first module but for its last ``layers`` layers; what comes after it (pooling, dense) stays free."""
    import torch

    stacks = [module for module in model[0].modules() if isinstance(module, torch.nn.ModuleList)]
    if not stacks:
        raise SettingsError(
            "The embedding model has no layers to choose the last ones from.",
            'Set training.fit.train to "full": it is small.',
        )
    model[0].requires_grad_(False)
    for layer in list(max(stacks, key=lambda stack: len(list(stack))))[-layers:]:
        layer.requires_grad_(True)


def _add_adapters(model: Any, settings: FitSettings) -> None:
    try:
        from peft import LoraConfig, TaskType
    except ImportError as error:
        raise SettingsError(
            'training.fit.train is "lora" and peft is not installed.', "pip install 'clayloop[lora]'"
        ) from error
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            r=settings.lora_rank,
            lora_alpha=2 * settings.lora_rank,
            lora_dropout=0.05,
            target_modules="all-linear",
        )
    )


def _merge_adapters(model: Any) -> None:
    from peft.tuners.tuners_utils import BaseTunerLayer

    transformer = model[0].auto_model
    for name, module in list(transformer.named_modules()):
        if isinstance(module, BaseTunerLayer):
            module.merge(safe_merge=False)  # weights that are not numbers are reported with a hint of our own
            parent, _, child = name.rpartition(".")
            setattr(transformer.get_submodule(parent), child, module.get_base_layer())
    transformer._hf_peft_config_loaded = False
    for attribute in ("peft_config", "_peft_config"):
        if hasattr(transformer, attribute):
            delattr(transformer, attribute)
