"""The last retrain runs, finished or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Literal

from curation import ClayloopError, Home
from dashboards.data.notice import Notice, notice_of
from dashboards.data.verdicts import VerdictRow, read_verdict, report_path
from dashboards.wording import aware
from training import RUN_FILE, RunRecord, RunStore

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
class StepRow:
    """One step of a run. ``seconds`` and ``peak_memory_mb`` are None until it has ended."""

    name: str
    status: str
    seconds: float | None = None
    peak_memory_mb: float | None = None
    note: str = ""
    started: datetime | None = None


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
    steps: Sequence[StepRow] = ()
    gate: VerdictRow | None = None
    report: Path | None = None

    @property
    def running(self) -> bool:
        return self.outcome == "running"

    @property
    def current(self) -> StepRow | None:
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
    for run_id in _ids(store)[:last]:
        try:
            rows.append(_read(store, run_id))
        except _UNREADABLE as error:
            damaged[run_id] = notice_of(error, f"Run {run_id}")
    return RunsView(rows, damaged)


def state_of_runs(home: Home, last: int) -> Sequence[tuple[str, int]]:
    """Changes with the newest ``last`` runs, of which it reads nothing. Raises OSError for one
    just removed."""
    store = RunStore(home)
    return [(name, (store.folder(name) / RUN_FILE).stat().st_mtime_ns) for name in _ids(store)[:last]]


def read_run(home: Home, run_id: str) -> RunRow | None:
    """One run; None where it is gone or cannot be read."""
    try:
        return _read(RunStore(home), run_id)
    except _UNREADABLE:
        return None


def _read(store: RunStore, run_id: str) -> RunRow:
    folder = store.folder(run_id)
    row = run_row(store.get(run_id))
    return replace(row, gate=read_verdict(folder), report=report_path(folder))


def run_row(record: RunRecord) -> RunRow:
    """A record as the page shows it."""
    steps = [
        StepRow(
            step.name,
            step.status,
            None if step.status == "running" else step.seconds,
            step.peak_memory_mb or None,
            step.note,
            aware(step.started),
        )
        for step in record.steps
    ]
    ended = [step.seconds for step in steps if step.seconds is not None]
    return RunRow(
        id=record.id,
        started_at=aware(record.created_at),
        outcome=_outcome(record),
        verdict=record.verdict,
        seconds=sum(ended) if ended else None,
        release=record.release_after,
        steps=steps,
    )


def _outcome(record: RunRecord) -> Outcome:
    if record.status == "running":
        return "running" if record.is_at_work else "interrupted"
    if record.status == "finished":
        return record.outcome or "finished"
    return record.status


def _ids(store: RunStore) -> list[str]:
    """Newest first: an id begins with its time."""
    if not store.root.is_dir():
        return []
    return [path.name for path in sorted(store.root.iterdir(), reverse=True) if _is_run(store, path)]


def _is_run(store: RunStore, path: Path) -> bool:
    try:
        return (store.folder(path.name) / RUN_FILE).is_file()
    except ClayloopError:  # not the name of a run
        return False
