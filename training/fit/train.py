"""Fine-tuning an embedding model on examples and negatives.

The loss is one of training/losses.py. The tuned weights are then averaged with the ones that training started from, which
keeps what the model could do on questions of other kinds. Nothing is sent anywhere.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Mapping, Sequence, Set
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from curation import SILENT, Advance, Progress, StateError
from serving import Embedder
from training.fit.data import SIDES, Columns, SetName, right_texts, same_thing, told_apart, training_sets
from training.fit.losses import gather, make_loss
from training.fit.passes import cheap_passes
from training.fit.trainer import batch_size, common_arguments, has_diverged
from training.fit.watching import watch
from training.fit.weights import average, copy_of, trainable
from training.fit.whitening import remove_whitening
from training.fit_settings import FitSettings
from training.prepare.examples import Example
from training.prepare.negatives import Negative

_DOCUMENT_PROMPTS = ("document", "passage", "corpus")


class FitReport(BaseModel):
    """What was done. ``rows`` counts the training rows by kind (training/columns.py), ``batch_size`` those of a full batch,
    of all processes together, ``loss`` is the mean training loss,
    summed over the Matryoshka dimensions, and ``computing`` the seconds spent in forward and backward passes."""

    examples: int
    rows: dict[str, int]
    batch_size: int
    steps: int
    epochs: float
    dimensions: list[int]
    precision: str
    loss: float
    seconds: float
    computing: float


def clip_dimensions(wanted: Sequence[int], own: int) -> list[int]:
    """The Matryoshka dimensions for a model of ``own`` dimensions, its own first, largest to smallest."""
    return sorted({own, *(dimension for dimension in wanted if 0 < dimension < own)}, reverse=True)


def fine_tune(
    embedder: Embedder,
    examples: Sequence[Example],
    settings: FitSettings,
    progress: Progress = SILENT,
    negatives: Sequence[Negative] = (),
    groups: Mapping[str, str] | None = None,
    accepted: Sequence[Example] = (),
) -> FitReport:
    """Train ``embedder.model`` in place on at least two examples and their ``negatives``; its whitening, if any, goes.

    ``groups`` maps a chunk's id to that of its near duplicates' representative: no batch holds two of a group.
    ``accepted`` are pairs that are not trained on but may be right: no row has one as its negative, and no batch a text that is
    right for another row's question. bfloat16 is used if ``embedder.settings.precision`` says so (training.precision finds out what "auto" should be). Under torchrun
    every process calls this with the same arguments. Raises StateError when the loss is not a number: the weights are then
    spoilt. ValueError for fewer than two examples.
    """
    if len(examples) < 2:
        raise ValueError("training needs at least two examples: each is the other's negative")
    from transformers import PrinterCallback, set_seed

    model = embedder.model
    remove_whitening(embedder)
    dimensions = clip_dimensions(settings.dimensions, embedder.dimension)
    size = batch_size(len(examples), settings)
    weighed = [
        one for one in examples for _ in range(settings.asked if one.dataset == "conversations" else 1)
    ]
    sets = training_sets(
        weighed,
        negatives,
        settings.hard_negatives,
        settings.loss == "triplet",
        settings.seed,
        groups,
        accepted,
    )
    set_seed(settings.seed)
    started = time.monotonic()
    before = copy_of(model) if settings.keep else {}
    own_length = model.max_seq_length
    _set_length(model, min(embedder.max_tokens, settings.max_tokens))
    rows = {name: len(columns["anchor"]) for name, columns in sets.items()}
    try:
        with (
            trainable(model, settings),
            cheap_passes(model, settings, _bf16(embedder)),
            tempfile.TemporaryDirectory(prefix="clayloop-fit-") as scratch,
            progress.task(
                "Training", total=math.ceil(sum(rows.values()) * settings.epochs), unit="examples"
            ) as advance,
            _columns_apart(),
        ):
            known = [*examples, *accepted]
            same = same_thing(known, groups or {}, negatives)
            right = right_texts(known, same)
            trainer = _trainer(
                embedder, sets, same, right, settings, size, dimensions, Path(scratch), advance
            )
            trainer.remove_callback(PrinterCallback)
            result = trainer.train()
    finally:
        _set_length(model, own_length)
        model.eval()
    if has_diverged(model, result.training_loss):
        raise diverged()
    if before:
        average(model, before, settings.keep)
    return FitReport(
        examples=len(examples),
        rows={str(name): count for name, count in rows.items()},
        batch_size=trainer.args.train_batch_size * trainer.args.world_size,
        steps=result.global_step,
        epochs=settings.epochs,
        dimensions=dimensions,
        precision="bfloat16" if _bf16(embedder) else "float32",
        loss=round(float(result.training_loss), 4),
        seconds=round(time.monotonic() - started, 2),
        computing=round(trainer.computing, 2),
    )


def _set_length(model: Any, tokens: int | None) -> None:
    """Tokens of a text that the model reads. One of plain word vectors reads all of it and can't be told otherwise."""
    with contextlib.suppress(AttributeError):
        model.max_seq_length = tokens


def diverged() -> StateError:
    return StateError(
        "Training diverged: the loss is not a number, or weights are beyond all bounds.",
        "Lower training.fit.learning_rate (3e-5 suits most models) and start again; the served release is untouched.",
    )


def _trainer(
    embedder: Embedder,
    sets: Mapping[SetName, Columns],
    same: Mapping[str, str],
    right: Mapping[str, Set[str]],
    settings: FitSettings,
    size: int,
    dimensions: list[int],
    scratch: Path,
    advance: Advance,
) -> Any:
    from datasets import Dataset, DatasetDict
    from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments

    from training.fit.batches import Batches, Mixed, is_divided

    class Trainer(SentenceTransformerTrainer):  # type: ignore[misc]
        """Keeps what is the same thing out of one batch, and counts the seconds spent computing."""

        computing = 0.0

        def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
            """None: it encodes examples for a page that nobody uploads."""

        def get_batch_sampler(self, dataset: Any, batch_size: int, *given: Any, **more: Any) -> Any:
            columns = {name: dataset[name] for name in dataset.column_names}
            whole = batch_size * self.args.world_size
            apart, beside = told_apart(columns, same, right)
            return Batches(apart, whole, settings.epochs, settings.seed, beside)

        def get_multi_dataset_batch_sampler(self, *given: Any, **more: Any) -> Any:
            self.mixed = Mixed(*given, **more, processes=self.args.world_size)
            return self.mixed

        def training_step(self, *given: Any, **more: Any) -> Any:
            rows, processes = self.mixed.sizes.popleft(), self.args.world_size
            started = time.perf_counter()
            if processes > 1:
                gather(self.loss, is_divided(rows, processes))
            loss = super().training_step(*given, **more)
            self.computing += time.perf_counter() - started
            advance(rows)
            return loss

    model = embedder.model
    data = DatasetDict({name: Dataset.from_dict(columns) for name, columns in sets.items()})
    arguments = SentenceTransformerTrainingArguments(
        **common_arguments(model, settings, scratch, _bf16(embedder)), prompts=_prompts(model, sets)
    )
    arguments.per_device_train_batch_size = max(1, size // arguments.world_size)
    loss = make_loss(model, settings, dimensions, several=arguments.world_size > 1)
    return Trainer(model=model, args=arguments, train_dataset=data, loss=loss, callbacks=[watch(diverged)])


def _prompts(model: Any, sets: Mapping[SetName, Columns]) -> dict[str, dict[str, str]] | None:
    """What encode_query() and encode_document() put in front of texts, for each column of each dataset."""
    known = model.prompts or {}
    document = next((known[name] for name in _DOCUMENT_PROMPTS if known.get(name)), "")
    prompt = {"query": known.get("query") or "", "document": document}
    found: dict[str, dict[str, str]] = {}
    for name, columns in sets.items():
        first, others = SIDES[name]
        sides = {column: first if column == "anchor" else others for column in columns}
        found[name] = {column: prompt[side] for column, side in sides.items() if prompt[side]}
    return found if any(found.values()) else None


def _bf16(embedder: Embedder) -> bool:
    import torch

    device = embedder.model.device.type
    wanted = embedder.settings.precision
    if wanted == "auto":
        return device == "cuda" and bool(torch.cuda.is_bf16_supported())
    return wanted == "bfloat16" and device != "mps"


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
