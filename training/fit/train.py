"""Training an embedding model on examples and negatives.

The trained weights are averaged with those before, which keeps what the model could do on questions of other
kinds.
"""

from __future__ import annotations

import contextlib
import math
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from curation import SILENT, Progress
from serving import Embedder
from training.fit.data import FitReport, TrainingMaterial, same_things, training_sets
from training.fit.precision import cheap_passes, uses_bfloat16
from training.fit.weights import average, copy_of, diverged, has_diverged, trainable
from training.fit.whitening import remove_whitening
from training.settings import FitSettings


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
