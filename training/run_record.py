"""What run.json holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

StepStatus = Literal["running", "finished", "failed"]
RunStatus = Literal["running", "finished", "failed", "abandoned"]
Outcome = Literal["promoted", "rejected", "nothing-new", "not-enough"]


class StepRecord(BaseModel):
    """One step. ``peak_memory_mb`` is the most resident memory of the process while it ran, in MB (10^6 bytes)."""

    name: str
    status: StepStatus
    started: datetime
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    note: str = ""


class RunInputs(BaseModel):
    """What a run's result depends on, as digests: with other inputs it is another run."""

    model_config = ConfigDict(frozen=True)

    decisions: str
    corpus: str
    settings: str
    release: str


class RunRecord(BaseModel):
    """The contents of run.json. ``process`` is the id of the process that works or last worked on it."""

    id: str
    status: RunStatus = "running"
    created_at: datetime
    finished_at: datetime | None = None
    process: int = 0
    inputs: RunInputs
    steps: list[StepRecord] = Field(default_factory=list)
    outcome: Outcome | None = None
    verdict: str = ""
    release_before: str | None = None
    release_after: str | None = None

    def step(self, name: str) -> StepRecord | None:
        return next((step for step in self.steps if step.name == name), None)
