"""float32 or bfloat16, and what makes a forward and backward pass cheap without changing what is learned.

Which of the two is faster depends on the machine and on what else runs on it, so a short trial finds out. But
they give different weights. The outcome therefore stands in the run's folder before training starts: a run
that is killed and resumed goes on with it, and a later run on the same machine takes it over, so that the
same annotations give the same release.

Cheap passes, measured with MiniLM, batches of 32 texts of 128 tokens and bfloat16
(benchmarks/training_passes.py): dropout took a third of the time, half of it because PyTorch has no fused
attention with it, and that attention's backward pass in bfloat16 takes several times as long as in float32.
Without dropout the model is no worse on human questions.
"""

from __future__ import annotations

import logging
import platform
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from curation import content_id
from serving import Embedder

Arithmetic = Literal["float32", "bfloat16"]

log = logging.getLogger(__name__)

_TRIAL_ROWS = 8
_TURNS = 3  # the best counts: other work on the machine only ever slows one down


class Precision(BaseModel):
    """``machine`` stands for what decides: the processor, torch, its threads, the model, the setting."""

    model_config = ConfigDict(frozen=True)

    arithmetic: Arithmetic
    machine: str
    reason: str


def choose_precision(
    embedder: Embedder, texts: Sequence[str], earlier: Sequence[Precision] = ()
) -> Precision:
    """As set, or the outcome of an ``earlier`` trial on this machine, or what a trial shows to be faster.

    ``texts`` are a few of those that will be trained on.
    """
    import torch

    device = embedder.model.device.type
    setting, threads = embedder.settings.precision, torch.get_num_threads()
    machine = content_id(
        platform.machine(), _processor(), device, torch.__version__, str(threads), embedder.name, setting
    )
    same = next((one for one in earlier if one.machine == machine), None)
    if setting == "auto" and same is not None:
        return same
    arithmetic: Arithmetic = "bfloat16" if uses_bfloat16(embedder) else "float32"
    reason = "as set" if setting != "auto" else f"what {device} is fast at"
    if setting == "auto" and device == "cpu":
        seconds = _trial(embedder, texts)
        arithmetic = "bfloat16" if seconds["bfloat16"] < seconds["float32"] else "float32"
        bfloat16, float32 = seconds["bfloat16"], seconds["float32"]
        reason = f"one small step took {bfloat16:.2f} s in bfloat16, {float32:.2f} s in float32"
        log.info("%s: %s", arithmetic, reason)
    return Precision(arithmetic=arithmetic, machine=machine, reason=reason)


def _trial(embedder: Embedder, texts: Sequence[str]) -> dict[Arithmetic, float]:
    """Seconds that a forward and backward pass takes each way, at its best."""
    import torch

    features = embedder.model.preprocess(list(texts[:_TRIAL_ROWS]))
    seconds: dict[Arithmetic, float] = {}
    kinds: tuple[Arithmetic, Arithmetic] = ("bfloat16", "float32")
    for turn in range(_TURNS + 1):  # the first one warms up
        for kind in kinds:
            started = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=kind == "bfloat16"):
                embedder.model(dict(features))["sentence_embedding"].float().square().sum().backward()
            took = time.perf_counter() - started
            if turn:
                seconds[kind] = min(took, seconds.get(kind, took))
    embedder.model.zero_grad(set_to_none=True)
    return seconds


def _processor() -> str:
    """The processor's model name, as Linux tells it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()


def uses_bfloat16(embedder: Embedder) -> bool:
    """Whether ``embedder.settings.precision`` means bfloat16 ("auto": on a GPU that is fast at it)."""
    import torch

    device, wanted = embedder.model.device.type, embedder.settings.precision
    if wanted == "auto":
        return device == "cuda" and bool(torch.cuda.is_bf16_supported())
    return wanted == "bfloat16" and device != "mps"


@contextmanager
def cheap_passes(model: Any, bf16: bool) -> Iterator[None]:
    """While the block runs, ``model`` drops nothing, and a CPU attends in float32 amid bfloat16."""
    import torch

    layers = [module for module in model.modules() if isinstance(module, torch.nn.Dropout)]
    before = [layer.p for layer in layers]
    for layer in layers:
        layer.p = 0.0
    try:
        with _attention_in_float32() if bf16 and model.device.type == "cpu" else nullcontext():
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
            named = kwargs or {}
            if func is not attention:
                return func(*args, **named)
            with torch.autocast("cpu", enabled=False):
                return func(*map(_float32, args), **{key: _float32(one) for key, one in named.items()})

    def _float32(value: Any) -> Any:
        return value.float() if isinstance(value, torch.Tensor) and value.is_floating_point() else value

    return Float32Attention()
