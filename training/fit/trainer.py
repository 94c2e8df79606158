"""What the trainings of the embedding model and of the reranker have in common."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from training.fit_settings import FitSettings
from training.reranker_settings import RerankerSettings

# A small set gets smaller batches, so that an epoch has some steps; but not smaller than this many in-batch negatives.
_STEPS_AN_EPOCH = 8
_SMALL_BATCH = 8
_LOOK_AT_LOSS_EVERY = 5  # steps


def batch_size(rows: int, settings: FitSettings | RerankerSettings) -> int:
    """The configured size, or less for so few rows that an epoch would have hardly any steps."""
    return max(2, min(settings.batch_size, rows, max(_SMALL_BATCH, rows // _STEPS_AN_EPOCH)))


def common_arguments(
    model: Any, settings: FitSettings | RerankerSettings, scratch: Path, bf16: bool
) -> dict[str, Any]:
    """The trainer's arguments but for the size of batches: nothing is saved, told or sent on the way. ``scratch`` is a
    folder that the trainer wants, and ``bf16`` whether it computes in bfloat16 where that is enough."""
    return {
        "output_dir": str(scratch),
        "num_train_epochs": settings.epochs,
        "learning_rate": settings.learning_rate,
        "warmup_steps": settings.warmup,  # below 1: a share of all steps
        "bf16": bf16,
        "use_cpu": model.device.type == "cpu",
        "seed": settings.seed,
        "data_seed": settings.seed,
        "logging_strategy": "steps",
        "logging_steps": _LOOK_AT_LOSS_EVERY,
        "logging_nan_inf_filter": False,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "push_to_hub": False,
        "dataloader_pin_memory": model.device.type == "cuda",
    }


def has_diverged(model: Any, loss: float) -> bool:
    """Whether the mean training ``loss`` is not a number, or the weights are of no use."""
    import torch

    # Squared: weights of 1e20 are numbers, but what is computed with them is none.
    return not math.isfinite(loss) or not all(
        bool(torch.isfinite(weights.square().sum())) for weights in model.parameters()
    )
