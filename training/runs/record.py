"""What run.json holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.ledger.people import Selection

# In the order in which they are done. A run that has nothing to train on ends after the first, one that the
# gate refuses after the fourth.
STEPS = ("prepare", "fit", "index", "judge", "publish")

StepStatus = Literal["running", "finished", "failed"]
RunStatus = Literal["running", "finished", "failed", "abandoned"]
Outcome = Literal["promoted", "rejected", "nothing-new", "not-enough"]


class StepRecord(BaseModel):
    """One step.

    ``peak_memory_mb`` is the most resident memory of the process while it ran, in MB (10^6 bytes), measured
    as ``peak_memory_kind`` says. ``outputs`` maps each file that it wrote, below the step's folder, to its
    bytes. ``inputs`` names the earlier steps that were finished when it began: it read nothing but their
    folders and the run's own inputs.
    """

    name: str
    status: StepStatus
    started: datetime
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    peak_memory_kind: str = ""
    inputs: list[str] = Field(default_factory=list)
    outputs: dict[str, int] = Field(default_factory=dict)
    note: str = ""


class RunInputs(BaseModel):
    """Digests of all that a run's result depends on: runs with equal inputs come to the same.

    ``decisions`` is of those that the selection left. ``selection`` is empty when nothing was left out,
    ``testsets`` when the settings name none. ``model`` is of the models' files and of how they are computed
    with. ``release`` is the id of the served release.
    """

    model_config = ConfigDict(frozen=True)

    decisions: str
    corpus: str
    settings: str
    release: str
    selection: str = ""
    testsets: str = ""
    model: str = ""


class RunRecord(BaseModel):
    """The contents of run.json.

    ``process`` is the id of the process that works or last worked on it. ``selection`` is what the person who
    started it wanted left out. ``overtaken``: it came to nothing because somebody promoted another release
    while it was at work.
    """

    id: str
    status: RunStatus = "running"
    created_at: datetime
    finished_at: datetime | None = None
    process: int = 0
    inputs: RunInputs
    selection: Selection = Selection()
    steps: list[StepRecord] = Field(default_factory=list)
    outcome: Outcome | None = None
    verdict: str = ""
    release_before: str | None = None
    release_after: str | None = None
    overtaken: bool = False

    def step(self, name: str) -> StepRecord | None:
        return next((step for step in self.steps if step.name == name), None)

    def has_finished(self, name: str) -> bool:
        """Whether the step ``name`` is done."""
        step = self.step(name)
        return step is not None and step.status == "finished"

    @property
    def last_sign(self) -> datetime:
        """When somebody last began to work on it."""
        return max([self.created_at, *(step.started for step in self.steps)])
