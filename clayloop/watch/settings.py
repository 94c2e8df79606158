"""The settings of automatic retraining."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class WatchSettings(BaseModel):
    """`clayloop watch`: when to retrain without a command."""

    model_config = ConfigDict(extra="forbid", validate_default=True)

    with_up: bool = Field(
        False, description="Whether `clayloop up` runs the watcher: releases then change without a command."
    )
    min_accepted: int = Field(
        20, ge=1, description="Accepted decisions, new since the last retrain, that start one."
    )
    every_hours: float = Field(
        0.0,
        ge=0,
        description="Retrain this long after the last time if anything at all is new (0: never so).",
    )
    poll_seconds: float = Field(
        300.0, gt=0, description="How often Argilla is looked at without being called."
    )
    webhooks: bool = Field(
        True,
        description="Let Argilla call when somebody answers. Needs an owner's key; else polling does it.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on for Argilla's calls.")
    port: int = Field(0, ge=0, le=65535, description="Port to listen on (0: any free one).")
    callback_url: str = Field(
        "",
        description="Where Argilla reaches host and port, when it runs on another machine; "
        "empty: at host and port.",
    )
    debounce_seconds: float = Field(
        1.0, ge=0, description="Quiet time to wait for after a call before looking; at most five times that."
    )
