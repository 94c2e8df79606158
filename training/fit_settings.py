"""What a user can set about fine-tuning."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

LossName = Literal["mnrl", "cached-mnrl", "gist", "triplet"]


class FitSettings(BaseModel):
    """Fine-tuning."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    loss: LossName = Field(
        "mnrl",
        description="mnrl: all other texts of a batch are negatives; cached-mnrl: the same for batches that do not fit "
        "into memory; gist: a guide model strikes out false negatives; triplet: one negative a question.",
    )
    both_ways: bool = Field(False, description="Also pull each text to its question (mnrl and cached-mnrl).")
    negatives: int = Field(
        0,
        ge=0,
        le=16,
        description="Hard negatives a question, mined over the whole corpus with the model that training starts from "
        "(triplet takes exactly one and gist at most one: the hardest).",
    )
    negative_margin: float = Field(
        0.05,
        ge=0,
        lt=1,
        description="A mined negative scores at least this share below the right chunk: closer ones may be right too.",
    )
    epochs: float = Field(3.0, gt=0, description="Passes over the examples.")
    batch_size: int = Field(
        32, ge=2, description="Examples in a batch: each sees the others' chunks as negatives."
    )
    asked: int = Field(
        1,
        ge=1,
        le=16,
        description="How many times an epoch goes over a question that somebody asked the bot (an accepted conversation): "
        "headings and generated questions outnumber them.",
    )
    mini_batch_size: int = Field(16, ge=1, description="Examples embedded at once by cached-mnrl.")
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
    dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Share of activations that training drops. None: no worse on human questions, and quicker.",
    )
    keep: float = Field(
        0.5,
        ge=0,
        lt=1,
        description="Share of the starting model's weights in the result: guards what it knew before (0: none).",
    )
    whiten: float = Field(
        0.2,
        ge=0,
        le=0.5,
        description="How far the space is whitened by the chunks after training (0: not at all, 0.5: wholly): what all of "
        "them have in common says nothing about which of them is right.",
    )
    start: Literal["auto", "base", "current"] = Field(
        "auto",
        description="Start from the base model or go on from the served release; auto: train both ways and keep the one "
        "that finds new questions better, which neither has seen.",
    )
    train: Literal["full", "last-layers", "lora"] = Field(
        "full",
        description="Which weights move: all, those of the last layers, or low-rank adapters that are merged into the "
        "model afterwards (lora needs `pip install 'clayloop[lora]'`).",
    )
    layers: int = Field(2, ge=1, description="How many of the last layers move with last-layers.")
    lora_rank: int = Field(16, ge=1, description="Rank of the adapters.")
    processes: int = Field(
        1, ge=1, description="Training processes on this machine: one a GPU, or a few on a large CPU."
    )
    seed: int = Field(17, description="Seed of everything random.")

    @property
    def hard_negatives(self) -> int:
        """How many a training row takes of ``negatives``: GIST reads one column of them at most, the triplet loss needs it."""
        if self.loss == "triplet":
            return 1
        return min(self.negatives, 1) if self.loss == "gist" else self.negatives

    def dimensions_for(self, own: int) -> list[int]:
        """The Matryoshka dimensions for a model of ``own`` dimensions, its own first, largest to smallest."""
        return sorted({own, *(one for one in self.dimensions if 0 < one < own)}, reverse=True)
