"""What a visitor may choose for a question."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

MOST_PASSAGES = 10


class Options(BaseModel):
    """Advanced options of the chat; empty ones are the settings'. ``temperature`` and ``system`` matter only
    where a language model writes the answer."""

    model_config = ConfigDict(frozen=True)

    temperature: float = Field(0.1, ge=0, le=2)
    system: str = Field("", max_length=8_000)
    passages: int | None = Field(None, ge=1, le=MOST_PASSAGES)
