"""What a user can set about the reranker."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RerankerSettings(BaseModel):
    """A cross-encoder that puts the nearest chunks in a better order, used as it is."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    model: str = Field(
        "",
        description="A folder, a Hugging Face name or package:NAME of a cross-encoder; empty: no reranker.",
    )
    candidates: int = Field(
        20,
        ge=2,
        le=200,
        description="How many of the nearest chunks it reads for a question: time grows with them.",
    )
    max_tokens: int = Field(128, ge=16, description="Tokens of question and chunk together that it reads.")
    weight: float = Field(
        0.5, ge=0, le=1, description="What its scores weigh in the order; the cosines weigh the rest."
    )
