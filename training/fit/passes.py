"""What makes a forward and backward pass cheap on a processor without changing what is learned.

Measured with MiniLM, batches of 32 texts of 128 tokens and bfloat16 (benchmarks/training_passes.py): dropout took a third of
the time, half of it because PyTorch has no fused attention with it, and that attention's backward pass in bfloat16 takes
several times as long as in float32.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from training.fit_settings import FitSettings


@contextmanager
def cheap_passes(model: Any, settings: FitSettings, bf16: bool) -> Iterator[None]:
    """While the block runs, ``model`` drops what ``settings.dropout`` says and attends in float32 where that is faster."""
    with ExitStack() as stack:
        stack.enter_context(_dropout(model, settings.dropout))
        if bf16 and model.device.type == "cpu":
            stack.enter_context(_attention_in_float32())
        yield


@contextmanager
def _dropout(model: Any, share: float) -> Iterator[None]:
    """Set every dropout layer's share, and afterwards what it was."""
    import torch

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    before = [layer.p for layer in layers]
    for layer in layers:
        layer.p = share
    try:
        yield
    finally:
        for layer, own in zip(layers, before, strict=True):
            layer.p = own


def _attention_in_float32() -> Any:
    """A mode, of this thread only, in which attention inside bfloat16 autocast is computed in float32."""
    import torch
    from torch.overrides import TorchFunctionMode

    attention = torch.nn.functional.scaled_dot_product_attention

    class Float32Attention(TorchFunctionMode):  # type: ignore[misc]
        def __torch_function__(
            self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
        ) -> Any:
            if func is not attention:
                return func(*args, **(kwargs or {}))
            with torch.autocast("cpu", enabled=False):
                return func(
                    *map(_float32, args), **{key: _float32(one) for key, one in (kwargs or {}).items()}
                )

    def _float32(value: Any) -> Any:
        return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    return Float32Attention()
