"""Fine-tuning an embedding model: MultipleNegativesRankingLoss inside MatryoshkaLoss.

In a batch every question is pulled to its own text and pushed from all others (Henderson et al. 2017,
arXiv:1705.00652), at each Matryoshka dimension (Kusupati et al. 2022, arXiv:2205.13147). The tuned weights are then averaged
with the ones that training started from (Wortsman et al. 2022, arXiv:2109.01903), which keeps what the model could do on
questions of other kinds. Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import logging
import math
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from curation.errors import StateError
from curation.progress import SILENT, Advance, Progress
from serving.embedding import Embedder
from training.examples import Example
from training.settings import FitSettings

log = logging.getLogger(__name__)

# A small set gets smaller batches, so that an epoch has some steps; but not smaller than this many in-batch negatives.
_STEPS_AN_EPOCH = 8
_SMALL_BATCH = 8
_LOOK_AT_LOSS_EVERY = 5  # steps
_TRIAL_ROWS = 8


class FitReport(BaseModel):
    """What was done. ``loss`` is the mean training loss, summed over the Matryoshka dimensions."""

    examples: int
    batch_size: int
    steps: int
    epochs: float
    dimensions: list[int]
    precision: str
    loss: float
    seconds: float


def clip_dimensions(wanted: Sequence[int], own: int) -> list[int]:
    """The Matryoshka dimensions for a model of ``own`` dimensions, its own first, largest to smallest."""
    return sorted({own, *(dimension for dimension in wanted if 0 < dimension < own)}, reverse=True)


def batch_size(examples: int, settings: FitSettings) -> int:
    """The configured size, or less for so few examples that an epoch would have hardly any steps."""
    return max(2, min(settings.batch_size, examples, max(_SMALL_BATCH, examples // _STEPS_AN_EPOCH)))


def fit(
    embedder: Embedder, examples: Sequence[Example], settings: FitSettings, progress: Progress = SILENT
) -> FitReport:
    """Train ``embedder.model`` in place on at least two examples.

    Raises StateError when the loss is not a number: the weights are then spoilt. ValueError for fewer than two examples.
    """
    if len(examples) < 2:
        raise ValueError("training needs at least two examples: each is the other's negative")
    import torch
    from transformers import PrinterCallback, set_seed

    model = embedder.model
    dimensions = clip_dimensions(settings.dimensions, embedder.dimension)
    size = batch_size(len(examples), settings)
    set_seed(settings.seed)
    started = time.monotonic()
    before = {name: weights.clone() for name, weights in model.state_dict().items()} if settings.keep else {}
    own_length = model.max_seq_length
    model.max_seq_length = min(embedder.max_tokens, settings.max_tokens)
    bf16 = _use_bf16(embedder, examples[:size])
    rows = math.ceil(len(examples) * settings.epochs)
    try:
        with (
            tempfile.TemporaryDirectory(prefix="clayloop-fit-") as scratch,
            progress.task("Training", total=rows, unit="examples") as advance,
            _columns_apart(),
        ):
            trainer = _trainer(model, examples, settings, size, dimensions, bf16, Path(scratch), advance)
            trainer.remove_callback(PrinterCallback)
            result = trainer.train()
    finally:
        model.max_seq_length = own_length
        model.eval()
    if not math.isfinite(result.training_loss) or not all(
        bool(torch.isfinite(weights).all()) for weights in model.parameters()
    ):
        raise diverged()
    if before:
        _average(model, before, settings.keep)
    return FitReport(
        examples=len(examples),
        batch_size=size,
        steps=result.global_step,
        epochs=settings.epochs,
        dimensions=dimensions,
        precision="bfloat16" if bf16 else "float32",
        loss=round(float(result.training_loss), 4),
        seconds=round(time.monotonic() - started, 2),
    )


def _average(model: Any, before: Mapping[str, Any], keep: float) -> None:
    """Pull every floating-point weight back by ``keep`` of the way that training moved it."""
    import torch

    with torch.no_grad():
        for name, weights in model.state_dict().items():
            if weights.is_floating_point():
                weights.lerp_(before[name].to(weights), keep)


def diverged() -> StateError:
    return StateError(
        "Training diverged: the loss is not a number.",
        "Lower training.fit.learning_rate (3e-5 suits most models) and start again; the served release is untouched.",
    )


def _trainer(
    model: Any,
    examples: Sequence[Example],
    settings: FitSettings,
    size: int,
    dimensions: list[int],
    bf16: bool,
    scratch: Path,
    advance: Advance,
) -> Any:
    from datasets import Dataset
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
    from transformers import TrainerCallback

    class Watch(TrainerCallback):  # type: ignore[misc]
        """Reports progress, and stops as soon as the loss is not a number."""

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            advance(size)

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **kwargs: Any) -> None:
            if logs and not math.isfinite(float(logs.get("loss", 0.0))):
                raise diverged()

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
        """Without the model card callback, which encodes examples for a page that nobody uploads."""

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            return None

    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(scratch),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=size,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,  # below 1: a share of all steps
        batch_sampler="no_duplicates",
        bf16=bf16,
        use_cpu=model.device.type == "cpu",
        seed=settings.seed,
        data_seed=settings.seed,
        logging_strategy="steps",
        logging_steps=_LOOK_AT_LOSS_EVERY,
        logging_nan_inf_filter=False,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        push_to_hub=False,
    )
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_dict(
            {
                "anchor": [example.query for example in examples],
                "positive": [example.text for example in examples],
            }
        ),
        loss=_loss(model, dimensions),
        callbacks=[Watch()],
    )


def _loss(model: Any, dimensions: Sequence[int]) -> Any:
    from sentence_transformers.sentence_transformer.losses import MatryoshkaLoss, MultipleNegativesRankingLoss

    inner = MultipleNegativesRankingLoss(model)
    return MatryoshkaLoss(model, inner, matryoshka_dims=list(dimensions)) if len(dimensions) > 1 else inner


def _columns_apart() -> AbstractContextManager[None]:
    """Embed questions and texts in passes of their own.

    sentence-transformers 6 joins them into one, which pads every question of ten tokens to the length of the longest
    text: on a CPU that doubles the work.
    """
    try:
        from sentence_transformers.base.losses.merged_forward import column_merging_disabled
    except ImportError:  # older versions never join them
        return contextlib.nullcontext()
    apart: AbstractContextManager[None] = column_merging_disabled()
    return apart


def _use_bf16(embedder: Embedder, examples: Sequence[Example]) -> bool:
    """bfloat16 or not: as set, or what one step of each shows to be faster here and now."""
    import torch

    device = embedder.model.device.type
    if embedder.settings.precision != "auto":
        return embedder.settings.precision == "bfloat16" and device != "mps"
    if device == "cuda":
        return bool(torch.cuda.is_bf16_supported())
    if device != "cpu":
        return False
    features = embedder.model.preprocess([example.text for example in examples[:_TRIAL_ROWS]])
    seconds: dict[bool, float] = {}
    for _ in range(2):  # the first round warms up
        for enabled in (True, False):
            step = time.perf_counter()
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=enabled):
                embedder.model(dict(features))["sentence_embedding"].float().square().sum().backward()
            seconds[enabled] = time.perf_counter() - step
    embedder.model.zero_grad(set_to_none=True)
    log.info("one small step: bfloat16 %.2f s, float32 %.2f s", seconds[True], seconds[False])
    return seconds[True] < seconds[False]
