"""What a user can set about learning from annotations."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from training.gate_settings import GateSettings, TestSetSettings

__all__ = ["DedupSettings", "FitSettings", "GateSettings", "TestSetSettings", "TrainingSettings"]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class DedupSettings(_Section):
    """Which examples count as the same."""

    near: bool = Field(True, description="Drop near duplicates (MinHash), not only exact ones.")
    threshold: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of character shingles from which two texts are one."
    )


class FitSettings(_Section):
    """Fine-tuning."""

    epochs: float = Field(3.0, gt=0, description="Passes over the examples.")
    batch_size: int = Field(
        32, ge=2, description="Examples in a batch: each sees the others' chunks as negatives."
    )
    learning_rate: float = Field(6e-5, gt=0, description="Peak learning rate.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps that warm up.")
    dimensions: list[int] = Field(
        [384, 256, 128, 64], description="Matryoshka dimensions, the model's own first."
    )
    max_tokens: int = Field(
        128,
        ge=16,
        description="Tokens of a text that training sees: the first ones say most, and time grows with them.",
    )
    keep: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Share of the starting model's weights in the result: guards what it knew before (0: none).",
    )
    start_from: str = Field(
        "base", pattern="^(base|current)$", description="Start from the base model or the served release."
    )
    seed: int = Field(17, description="Seed of everything random.")


class TrainingSettings(_Section):
    """Everything that the training room can be told."""

    min_new: int = Field(1, ge=1, description="New decisions that make a retrain worthwhile.")
    without_annotators: list[str] = Field(
        default_factory=list,
        description="Names of annotators whose answers no retrain uses; those who answered with them still count.",
    )
    dedup: DedupSettings = DedupSettings()
    fit: FitSettings = FitSettings()
    gate: GateSettings = GateSettings()
    testsets: list[TestSetSettings] = Field(
        default_factory=list,
        description="Questions of your own beside the holdout: {folder = …} or {queries = …, qrels = …}.",
    )
