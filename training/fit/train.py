"""Training an embedding model on examples and negatives.

The trained weights are averaged with those before, which keeps what the model could do on questions of other
kinds.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from curation import SILENT, Progress, SettingsError, StateError
from serving import Embedder, remove_whitening
from training.fit.data import FitReport, TrainingMaterial, same_things, training_sets
from training.fit.precision import cheap_passes, uses_bfloat16
from training.settings import FitSettings

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


def fine_tune(
    embedder: Embedder, material: TrainingMaterial, settings: FitSettings, progress: Progress = SILENT
) -> FitReport:
    """Train ``embedder.model`` in place on at least two examples; its whitening, if any, goes.

    ``embedder.settings.precision`` says what to compute in (training.fit.precision finds out what "auto"
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
    remove_whitening(embedder)
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
