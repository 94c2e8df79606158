"""What run.json holds."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from training.prepare.selection import Selection

# In the order in which they are done; a run that has nothing to train on ends after "split".
STEPS = (
    "read",
    "examples",
    "dedup",
    "split",
    "start",
    "mine",
    "fit",
    "index",
    "rerank",
    "evaluate",
    "gate",
    "publish",
    "promote",
)

# Of what the steps write. To be raised when a step reads something else than before from the folders of earlier ones: a run that was
# interrupted under another format is given up instead of misread.
RUN_FORMAT = 1

StepStatus = Literal["running", "finished", "failed"]
RunStatus = Literal["running", "finished", "failed", "abandoned"]
Outcome = Literal["promoted", "rejected", "nothing-new", "not-enough"]


class StepRecord(BaseModel):
    """One step. ``peak_memory_mb`` is the most resident memory of the process while it ran, in MB (10^6 bytes), measured
    as ``peak_memory_kind`` says (training.memory). ``outputs`` maps what it wrote, below the step's folder, to bytes;
    ``inputs`` names the earlier steps that were finished when it began: their folders are all that it could read beside
    the run's own inputs."""

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
    """What a run's result depends on, as digests: with other inputs it is another run. ``selection`` is empty when
    nothing was left out, ``testsets`` when the settings name none. ``model`` is of the files that training may start
    from and of how they are computed with; runs of versions that did not look into them have "", which equals no
    digest: nobody can tell what they would be resumed with. ``format`` is the RUN_FORMAT of what the steps write: it says
    whether the run can be resumed, and nothing about its result. ``answers`` is of the same decisions as ``decisions``, which
    goes by user names; runs of versions that did not know better have ""."""

    model_config = ConfigDict(frozen=True)

    decisions: str
    corpus: str
    settings: str
    release: str
    selection: str = ""
    testsets: str = ""
    model: str = ""
    format: int = 0
    answers: str = ""

    def same_as(self, other: RunInputs) -> bool:
        """Whether a run with ``other`` can go on as one with these inputs: also if somebody has been renamed."""
        same_answers = bool(self.answers) and self.answers == other.answers
        mine, theirs = (one.model_copy(update={"decisions": "", "answers": ""}) for one in (self, other))
        return mine == theirs and (same_answers or self.decisions == other.decisions)

    def same_result(self, other: RunInputs) -> bool:
        """Whether runs with these inputs and with ``other`` would come to the same."""
        return self.same_as(other.model_copy(update={"format": self.format}))


class RunRecord(BaseModel):
    """The contents of run.json. ``process`` is the id of the process that works or last worked on it; ``selection`` what
    the person who started it wanted left out."""

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

    def step(self, name: str) -> StepRecord | None:
        return next((step for step in self.steps if step.name == name), None)

    def has_finished(self, name: str) -> bool:
        """Whether the step ``name`` is done."""
        step = self.step(name)
        return step is not None and step.status == "finished"
