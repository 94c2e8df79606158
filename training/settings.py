"""What a user can set about learning from annotations."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from training.fit_settings import FitSettings
from training.gate_settings import GateSettings, GuardSettings, TestSetSettings, Verdict
from training.reranker_settings import RerankerSettings

__all__ = [
    "DedupSettings",
    "FitSettings",
    "GateSettings",
    "GuardSettings",
    "RerankerSettings",
    "TestSetSettings",
    "TrainingSettings",
    "Verdict",
]

# What nobody needs to set about the gate. docs/decisions-training.md has the measurements.
SEED = 17  # of everything random
RESAMPLES = 5000  # bootstrap resamples of an interval: its ends then move by less than its rounding matters
GUARD_QUERIES = 10  # questions from which a guard holds a candidate: fewer say too little against it
SLICE_QUERIES = 20  # questions from which a slice of the holdout counts
SLICE_MARGIN = 0.05  # how far a slice may drop: its whole interval below this holds a candidate
GENERIC_MARGIN = (
    0.05  # how far the generic set's mean may be below the base model's: more, for certain, holds one
)
REFUSAL_DROP = 0.15  # how many more of the off-topic questions may be answered (share)


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", validate_default=True)


class DedupSettings(_Section):
    """Which examples count as the same."""

    near: bool = Field(True, description="Drop near duplicates (MinHash), not only exact ones.")
    threshold: float = Field(
        0.8, gt=0, le=1, description="Jaccard similarity of character shingles from which two texts are one."
    )
    semantic: bool = Field(
        True, description="Drop questions that say the same in other words, by the served release's vectors."
    )
    semantic_threshold: float = Field(
        0.95, gt=0, le=1, description="Cosine from which two questions ask the same."
    )


class TrainingSettings(_Section):
    """Everything that the training room can be told."""

    min_new: int = Field(1, ge=1, description="New decisions that make a retrain worthwhile.")
    without_annotators: list[str] = Field(
        default_factory=list,
        description="Names or user ids of annotators whose answers no retrain uses; those who answered with them still count.",
    )
    dedup: DedupSettings = DedupSettings()
    fit: FitSettings = FitSettings()
    reranker: RerankerSettings = RerankerSettings()
    gate: GateSettings = GateSettings()
    testsets: list[TestSetSettings] = Field(
        default_factory=list,
        description="Questions of your own beside the holdout: {folder = …} or {queries = …, qrels = …}.",
    )
