"""Training an embedding model on examples and negatives, which weights move, and in which arithmetic.

The trained weights are averaged with those before, which keeps what the model could do on questions of other
kinds. Float32 or bfloat16 is chosen once, before the training (``choose_precision``).
"""

from __future__ import annotations

import contextlib
import logging
import math
import platform
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from curation import SILENT, Progress, SettingsError, content_id
from serving import FITTED, Embedder
from training.fit.data import FitReport, TrainingMaterial, diverged, has_diverged, same_things, training_sets
from training.settings import FitSettings

Arithmetic = Literal["float32", "bfloat16"]

log = logging.getLogger(__name__)

_RANK = 16  # of the adapters; the usual choice, as is scaling them by twice the rank
_TRIAL_ROWS = 4
_TURNS = 2  # the better one counts: other work on the machine only ever slows one down


def fine_tune(
    embedder: Embedder, material: TrainingMaterial, settings: FitSettings, progress: Progress = SILENT
) -> FitReport:
    """Train ``embedder.model`` in place on at least two examples; what a corpus gave it, if any, goes.

    ``embedder.settings.precision`` says what to compute in (``choose_precision`` finds out what "auto"
    should be). Under torchrun every process calls this with the same arguments. Raises StateError when the
    loss is not a number: the weights are then spoilt. ValueError for fewer than two examples.
    """
    if len(material.examples) < 2:
        raise ValueError("training needs at least two examples: each is the other's negative")
    from sentence_transformers.base.losses.merged_forward import column_merging_disabled
    from transformers import set_seed

    from training.fit.trainer import Trainer, make_loss, training_arguments

    started = time.monotonic()
    model = embedder.model
    embedder.remove_layers(FITTED)
    bf16 = uses_bfloat16(embedder)
    dimensions = settings.dimensions_for(embedder.dimension)
    sets = training_sets(material, settings.seed)
    rows = {str(name): len(columns["anchor"]) for name, columns in sets.items()}
    set_seed(settings.seed)
    before = copy_of(model) if settings.keep else {}
    with (
        _reading(model, min(embedder.max_tokens, settings.max_tokens)),
        trainable(model, settings.train),
        cheap_passes(model, bf16),
        # Questions and texts are embedded in passes of their own: in one, every question of ten tokens is
        # padded to the length of the longest text, which doubles the work of a CPU.
        column_merging_disabled(),
        tempfile.TemporaryDirectory(prefix="clayloop-fit-") as scratch,
        progress.task(
            "Training", total=math.ceil(sum(rows.values()) * settings.epochs), unit="examples"
        ) as advance,
    ):
        arguments = training_arguments(model, sets, len(material.examples), settings, bf16, Path(scratch))
        loss = make_loss(model, settings, dimensions, several=arguments.world_size > 1)
        trainer = Trainer(model, arguments, sets, same_things(material), loss, advance)
        result = trainer.train()
    if has_diverged(model, result.training_loss):
        raise diverged()
    if before:
        average(model, before, settings.keep)
    embedder.forget()
    return FitReport(
        examples=len(material.examples),
        rows=rows,
        batch_size=arguments.train_batch_size * arguments.world_size,
        steps=result.global_step,
        epochs=settings.epochs,
        dimensions=dimensions,
        precision="bfloat16" if bf16 else "float32",
        loss=round(float(result.training_loss), 4),
        seconds=round(time.monotonic() - started, 2),
        computing=round(trainer.computing, 2),
    )


@contextmanager
def _reading(model: Any, tokens: int) -> Iterator[None]:
    """While the block runs, ``model`` reads so many tokens of a text; afterwards as many as before."""
    own = model.max_seq_length
    with contextlib.suppress(AttributeError):  # one of plain word vectors reads all of a text
        model.max_seq_length = tokens
    try:
        yield
    finally:
        with contextlib.suppress(AttributeError):
            model.max_seq_length = own
        model.eval()


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
    """Move every weight back by the share ``keep`` of its way (Wortsman et al. 2022, arXiv:2109.01903)."""
    import torch

    with torch.no_grad():
        for name, weights in model.named_parameters():
            weights.lerp_(before[name].to(weights), keep)


@contextmanager
def cheap_passes(model: Any, bf16: bool) -> Iterator[None]:
    """While the block runs, ``model`` has no dropout, and a CPU computes attention in float32 even where the
    rest is in bfloat16."""
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


def uses_bfloat16(embedder: Embedder) -> bool:
    """Whether ``embedder.settings.precision`` means bfloat16 ("auto": on a GPU that is fast at it)."""
    import torch

    device, wanted = embedder.model.device.type, embedder.settings.precision
    if wanted == "auto":
        return device == "cuda" and bool(torch.cuda.is_bf16_supported())
    return wanted == "bfloat16" and device != "mps"


class Precision(BaseModel):
    """The arithmetic of a run. ``machine`` is a digest of what decides: processor, torch, its threads, the
    model, the setting."""

    model_config = ConfigDict(frozen=True)

    arithmetic: Arithmetic
    machine: str
    reason: str


def choose_precision(
    embedder: Embedder, texts: Sequence[str], tokens: int, earlier: Sequence[Precision] = ()
) -> Precision:
    """As the settings say. Where they say "auto": what an ``earlier`` trial on this machine found, else on a
    CPU what a trial shows to be faster.

    ``texts`` are a few of those that will be trained on, and ``tokens`` are read of each.
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
        with _reading(embedder.model, min(embedder.max_tokens, tokens)):
            seconds = _trial(embedder.model, embedder.model.preprocess(list(texts[:_TRIAL_ROWS])))
        arithmetic = "bfloat16" if seconds["bfloat16"] < seconds["float32"] else "float32"
        bfloat16, float32 = seconds["bfloat16"], seconds["float32"]
        reason = f"a few texts took {bfloat16:.2f} s in bfloat16, {float32:.2f} s in float32"
        log.info("%s: %s", arithmetic, reason)
    return Precision(arithmetic=arithmetic, machine=machine, reason=reason)


def _trial(model: Any, features: Mapping[str, Any]) -> dict[Arithmetic, float]:
    """Seconds that a forward and backward pass as in training takes each way, at its best."""
    import torch

    seconds: dict[Arithmetic, float] = {}
    kinds: tuple[Arithmetic, Arithmetic] = ("bfloat16", "float32")
    for turn in range(_TURNS + 1):  # the first one warms up
        for kind in kinds:
            started, bf16 = time.perf_counter(), kind == "bfloat16"
            with cheap_passes(model, bf16), torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16):
                model(dict(features))["sentence_embedding"].float().square().sum().backward()
            took = time.perf_counter() - started
            if turn:
                seconds[kind] = min(took, seconds.get(kind, took))
    model.zero_grad(set_to_none=True)
    return seconds


def _processor() -> str:
    """The processor's model name, as Linux tells it; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
        return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor()
