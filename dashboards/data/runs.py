"""The last retrain runs, finished or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Literal

from curation import ClayloopError, Home, read_record
from dashboards.data.notice import Notice, notice_of
from dashboards.wording import aware
from training import RUN_FILE, GateVerdict, RunRecord, RunStore, StepRecord

Outcome = Literal[
    "running",
    "interrupted",
    "failed",
    "abandoned",
    "finished",
    "promoted",
    "rejected",
    "nothing-new",
    "not-enough",
]

_UNREADABLE = (ClayloopError, OSError, ValueError)


@dataclass(frozen=True)
class RunRow:
    """One run. ``seconds`` adds up the steps that have ended, whatever number of starts they took.
    ``interrupted`` is a run that says it is running while its process is gone. ``gate`` is None until a
    candidate was judged; ``report`` is the run's page for a browser."""

    id: str
    started_at: datetime
    outcome: Outcome
    verdict: str = ""
    seconds: float | None = None
    release: str | None = None
    steps: Sequence[StepRecord] = ()
    gate: GateVerdict | None = None
    report: Path | None = None

    @property
    def running(self) -> bool:
        return self.outcome == "running"

    @property
    def change(self) -> str:
        """The mean difference of the deciding metric with its interval; "" where there is none."""
        return str(self.gate.interval) if self.gate and self.gate.interval else ""

    @property
    def sure(self) -> Literal["better", "worse", ""]:
        """What the change surely is."""
        interval = self.gate.interval if self.gate else None
        if interval is None:
            return ""
        return "better" if interval.low > 0 else "worse" if interval.high < 0 else ""

    @property
    def current(self) -> StepRecord | None:
        """The step that is under way or that the run stopped at."""
        return next((step for step in reversed(self.steps) if step.status != "finished"), None)


@dataclass(frozen=True)
class RunsView:
    """Runs, newest first; ``damaged`` maps the id of one whose run.json cannot be read to why."""

    rows: Sequence[RunRow] = ()
    damaged: Mapping[str, Notice] = field(default_factory=dict)


def read_runs(home: Home, last: int) -> RunsView:
    """The newest ``last`` runs; never raises for what is in them."""
    store = RunStore(home)
    rows: list[RunRow] = []
    damaged: dict[str, Notice] = {}
    for run_id in store.ids()[:last]:
        try:
            rows.append(_read(store, run_id))
        except _UNREADABLE as error:
            damaged[run_id] = notice_of(error, f"Run {run_id}")
    return RunsView(rows, damaged)


def state_of_runs(home: Home, last: int) -> Sequence[tuple[str, int]]:
    """Changes with the newest ``last`` runs, of which it reads nothing. Raises OSError for one
    just removed."""
    store = RunStore(home)
    return [(name, (store.folder(name) / RUN_FILE).stat().st_mtime_ns) for name in store.ids()[:last]]


def read_run(home: Home, run_id: str | None) -> RunRow | None:
    """One run; None where none is named, it is gone or cannot be read."""
    try:
        return _read(RunStore(home), run_id) if run_id else None
    except _UNREADABLE:
        return None


def _read(store: RunStore, run_id: str) -> RunRow:
    record, folder = store.get(run_id), store.folder(run_id)
    ended = [step.seconds for step in record.steps if step.status != "running"]
    report = folder / "report.html"
    return RunRow(
        id=record.id,
        started_at=aware(record.created_at),
        outcome=_outcome(record),
        verdict=record.verdict,
        seconds=sum(ended) if ended else None,
        release=record.release_after,
        steps=record.steps,
        gate=_verdict(folder / "judge" / "gate.json"),
        report=report if report.is_file() else None,
    )


def _outcome(record: RunRecord) -> Outcome:
    if record.status == "running":
        return "running" if record.is_at_work else "interrupted"
    if record.status == "finished":
        return record.outcome or "finished"
    return record.status


def _verdict(path: Path) -> GateVerdict | None:
    """None where no gate has judged yet, or what it wrote can't be read."""
    try:
        return _read_verdict(path, path.stat().st_mtime_ns)
    except (ClayloopError, OSError):
        return None


# A verdict never changes, so it is not parsed again at each refresh.
@lru_cache(maxsize=256)
def _read_verdict(path: Path, changed: int) -> GateVerdict:
    return read_record(path, GateVerdict)
