"""What a user can set about the reranker."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RerankerSettings(BaseModel):
    """A cross-encoder that puts the nearest chunks in a better order; released where it pays."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    enabled: bool = Field(
        False,
        description="Train a reranker beside the embedding model; it is released only where it is surely better.",
    )
    base_model: str = Field(
        "",
        description="What it starts from: a folder, a Hugging Face name or package:NAME, best a cross-encoder that was "
        "trained for reranking; empty: serving.embedding.model with a new head.",
    )
    epochs: float = Field(3.0, gt=0, description="Passes over the pairs.")
    learning_rate: float = Field(5e-5, gt=0, description="Peak learning rate.")
    warmup: float = Field(0.1, ge=0, lt=1, description="Share of the steps that warm up.")
    batch_size: int = Field(32, ge=2, description="Pairs in a batch.")
    max_tokens: int = Field(
        128, ge=16, description="Tokens of question and chunk together, in training and in service."
    )
    candidates: int = Field(
        20,
        ge=2,
        le=200,
        description="How many of the nearest chunks it reads for a question: time grows with them.",
    )
    negatives: int = Field(
        4,
        ge=1,
        le=64,
        description="Wrong chunks a question, drawn from those that the new embedding model finds for it "
        "(training.fit.negative_margin guards them).",
    )
    share: float = Field(
        0.2,
        gt=0,
        le=0.5,
        description="Share of the sections whose questions nobody trains on, to see whether the reranker pays.",
    )
    latency_ms: float = Field(
        1000.0, gt=0, description="Most milliseconds that it may add to a question in the median."
    )
    seed: int = Field(17, ge=0, description="Seed of everything random.")
