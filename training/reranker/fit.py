"""Training a cross-encoder on pairs (Nogueira and Cho 2019, arXiv:1901.04085)."""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from curation import SILENT, Advance, Progress, StateError
from serving import EmbeddingSettings, load_cross_encoder
from training.fit.trainer import batch_size, common_arguments, has_diverged
from training.fit.watching import watch
from training.reranker.pairs import Pair
from training.settings import RerankerSettings

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder


class RerankerFit(BaseModel):
    """What was done. ``loss`` is the mean binary cross-entropy of training."""

    pairs: int
    batch_size: int
    steps: int
    precision: str
    loss: float
    seconds: float


def fit_reranker(
    base: str | Path,
    pairs: Sequence[Pair],
    settings: RerankerSettings,
    embedding: EmbeddingSettings,
    progress: Progress = SILENT,
) -> tuple[CrossEncoder, RerankerFit]:
    """A cross-encoder trained from ``base`` to tell the pairs apart, and what it took.

    The wrong ones are more; the right ones weigh as much together. The same pairs, settings, machine and thread count give
    the same weights. Raises SettingsError for a base that no cross-encoder can be made of, StateError when the loss is not
    a number, ValueError for pairs of one kind only.
    """
    right = sum(pair.label for pair in pairs)
    if not 0 < right < len(pairs):
        raise ValueError("a reranker learns from right pairs and wrong ones: one kind is missing")
    import torch
    from transformers import PrinterCallback, set_seed

    started = time.monotonic()
    set_seed(settings.seed)  # before loading: it draws the new head too
    model = load_cross_encoder(base, embedding, settings.max_tokens)
    size = batch_size(len(pairs), settings)
    total = math.ceil(len(pairs) * settings.epochs)
    with (
        tempfile.TemporaryDirectory(prefix="clayloop-reranker-") as scratch,
        progress.task("Training the reranker", total=total, unit="pairs") as advance,
    ):
        weight = torch.tensor((len(pairs) - right) / right, device=model.device)
        trainer = _trainer(model, pairs, settings, embedding, size, weight, Path(scratch), advance)
        trainer.remove_callback(PrinterCallback)
        result = trainer.train()
    model.eval()
    if has_diverged(model, result.training_loss):
        raise _diverged()
    return model, RerankerFit(
        pairs=len(pairs),
        batch_size=size,
        steps=result.global_step,
        precision="bfloat16" if _is_bf16(model, embedding) else "float32",
        loss=round(float(result.training_loss), 4),
        seconds=round(time.monotonic() - started, 2),
    )


def _diverged() -> StateError:
    return StateError(
        "Training the reranker diverged: the loss is not a number, or weights are beyond all bounds.",
        "Lower training.reranker.learning_rate (2e-5 suits most models), or set training.reranker.enabled = false, and "
        "start again; the served release is untouched.",
    )


def _trainer(
    model: CrossEncoder,
    pairs: Sequence[Pair],
    settings: RerankerSettings,
    embedding: EmbeddingSettings,
    size: int,
    weight: Any,
    scratch: Path,
    advance: Advance,
) -> Any:
    from datasets import Dataset
    from sentence_transformers.cross_encoder import CrossEncoderTrainer, CrossEncoderTrainingArguments
    from sentence_transformers.cross_encoder.losses import BinaryCrossEntropyLoss

    class Trainer(CrossEncoderTrainer):  # type: ignore[misc]
        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: it prepares a page that nobody uploads."""

    data = Dataset.from_dict(
        {
            "query": [pair.query for pair in pairs],
            "text": [pair.text for pair in pairs],
            "label": [float(pair.label) for pair in pairs],
        }
    )
    arguments = CrossEncoderTrainingArguments(
        **common_arguments(model, settings, scratch, _is_bf16(model, embedding)),
        per_device_train_batch_size=size,
    )
    loss = BinaryCrossEntropyLoss(model, pos_weight=weight)
    return Trainer(
        model=model,
        args=arguments,
        train_dataset=data,
        loss=loss,
        callbacks=[watch(_diverged, lambda: advance(size))],
    )


def _is_bf16(model: CrossEncoder, embedding: EmbeddingSettings) -> bool:
    return embedding.precision == "bfloat16" and model.device.type != "mps"
