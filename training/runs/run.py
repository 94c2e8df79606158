"""Runs on disk, and working on one: what each step did, so that a run that was killed goes on where it was.

runs/<run>/run.json      the record, replaced atomically whenever a step starts or ends
runs/<run>/<step>/       what a finished step wrote; it gets this name by one rename when it is whole
runs/<run>/run.log       one line per step, and what went wrong
"""

from __future__ import annotations

import logging
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock, Timeout

from curation import (
    BusyError,
    ClayloopError,
    Home,
    Lease,
    PeakMemory,
    Progress,
    StateError,
    first_line,
    give_back,
    read_holder,
    read_record,
    shortage,
    sync_folder,
    this_machine,
    write_json,
)
from training.ledger.selection import EVERYTHING, Selection
from training.runs.record import Outcome, RunInputs, RunRecord, RunStatus, StepRecord, StepStatus
from training.settings import INDEX_ONLY

RUN_FILE = "run.json"
LOG_FILE = "run.log"
_KEPT = 20  # runs that trained nothing
_HEAVY = ("fit", "index")  # steps whose results a release holds
_RUN_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{6}(-\d+)?")

log = logging.getLogger(__name__)


class Run:
    """A run that this process works on, holding ``lease``: who lost it changes nothing any more."""

    def __init__(self, folder: Path, record: RunRecord, lease: Lease | None = None) -> None:
        self.folder = folder
        self.record = record
        self.lease = lease

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def staging(self) -> str:
        """Where its release is put together: not where somebody does who lost the lease."""
        return f"{self.id}.{self.lease.number}" if self.lease else self.id

    def step(self, name: str, work: Callable[[Path], str], progress: Progress) -> Path:
        """Do ``work`` unless an earlier process finished it, and return the folder that holds what it wrote.

        ``work`` gets an empty folder to write into and returns a note for people. The folder takes its final
        name by one rename, when it is whole. Raises StateError for a full disk and for lack of memory,
        whatever the library at work calls it. An exception makes the run a failed one, unless it stops the
        process (KeyboardInterrupt, SystemExit): then the run is an interrupted one, as after a kill.
        """
        folder = self.folder / name
        before = self.record.step(name)
        if before and before.status == "finished" and folder.is_dir():
            self.log(f"{name}: finished before, {before.note}")
            return folder
        # Somebody who lost the lease may still be writing into a folder of its own.
        part = self.folder / f".{name}.{self.lease.number if self.lease else 0}.part"
        step = self._start(name)
        started = time.monotonic()
        give_back()
        memory = PeakMemory()
        try:
            for leftover in (*self.folder.glob(f".{name}.*.part"), folder):
                if leftover.exists():
                    shutil.rmtree(leftover)
            part.mkdir()
            with memory:
                note = work(part)
            _sync(part)
            step.outputs = sizes(part)
            self._check()
            part.rename(folder)
            sync_folder(self.folder)
        except BaseException as error:
            shutil.rmtree(part, ignore_errors=True)
            if not isinstance(error, Exception):  # Ctrl-C, for example
                self.log(f"{name}: interrupted ({type(error).__name__})")
                raise
            self._check()  # the folder may be gone because somebody else has taken over
            step.seconds = time.monotonic() - started
            self._fail(step, memory, error)
            if not isinstance(error, ClayloopError):
                who = f"the step {name!r} of run {self.id}"
                lack = shortage(error, who, "start again: the run goes on from there")
                if lack is not None:
                    raise lack from error
            raise
        step.seconds = time.monotonic() - started
        self._end(step, "finished", memory, note)
        progress.say(f"{name}: {note}")
        return folder

    def finish(self, outcome: Outcome, verdict: str, release_after: str | None) -> None:
        """Close the run, and remove from its folder what the release holds too (the model, the vectors)."""
        self.record.outcome, self.record.release_after = outcome, release_after
        self._close("finished", verdict, f"{outcome}: {verdict}")

    def abandon(self, reason: str) -> None:
        """Give the run up. Its record and log stay, what its steps wrote is removed."""
        self._close("abandoned", reason, f"abandoned: {reason}")

    def _close(self, status: RunStatus, verdict: str, line: str) -> None:
        self.record.status, self.record.verdict, self.record.finished_at = status, verdict, _now()
        self.save()
        self.log(line)
        self.lighten()

    def lighten(self) -> None:
        """Remove what nobody needs any more of a run that is finished or given up, also after a kill in the
        middle of it."""
        given_up = self.record.status == "abandoned"
        for entry in list(self.folder.iterdir()) if given_up else (self.folder / name for name in _HEAVY):
            if entry.is_dir():
                shutil.rmtree(entry, ignore_errors=True)

    def save(self) -> None:
        """Raises StateError when the disk is full, BusyError when another process has taken over."""
        self._check()
        write_json(self.folder / RUN_FILE, self.record.model_dump(mode="json"))

    def _check(self) -> None:
        if self.lease is not None:
            self.lease.check()

    def log(self, line: str) -> None:
        """Append to run.log. If that fails, the error that the line is about still matters more."""
        log.info("run %s: %s", self.id, line)
        try:
            with (self.folder / LOG_FILE).open("a", encoding="utf-8") as file:
                file.write(f"{_now().isoformat(timespec='seconds')} {' '.join(line.split())}\n")
        except OSError:
            log.warning("run %s: run.log can't be written", self.id)

    def _start(self, name: str) -> StepRecord:
        self.record.steps = [step for step in self.record.steps if step.name != name]
        before = [step.name for step in self.record.steps if step.status == "finished"]
        step = StepRecord(name=name, status="running", started=_now(), inputs=before)
        self.record.steps.append(step)
        self.record.status = "running"
        self.record.process = os.getpid()
        self.save()
        return step

    def _end(self, step: StepRecord, status: StepStatus, memory: PeakMemory, note: str) -> None:
        step.status, step.seconds, step.note = status, round(step.seconds, 3), note
        step.peak_memory_mb, step.peak_memory_kind = round(memory.peak_mb, 1), memory.kind
        self.save()
        self.log(f"{step.name}: {status} in {step.seconds:.1f} s, peak {memory.peak_mb:.0f} MB, {note}")

    def _fail(self, step: StepRecord, memory: PeakMemory, error: Exception) -> None:
        self.record.status = "failed"
        try:
            self._end(step, "failed", memory, first_line(error))
        except (StateError, BusyError):  # the disk may be full; the error matters more than its record
            log.warning("run %s: run.json can't be written", self.id)


class RunStore:
    """The runs in a state folder."""

    def __init__(self, home: Home) -> None:
        self.root = home.runs
        self._lease: Lease | None = None
        self._lease_folder = home.releases / ".retraining"  # beside the pointer that it guards

    def ids(self) -> Sequence[str]:
        """Of all runs, newest first: an id begins with its time."""
        if not self.root.is_dir():
            return []
        names = (path.parent.name for path in self.root.glob(f"*/{RUN_FILE}") if path.is_file())
        return sorted(filter(_RUN_ID.fullmatch, names), reverse=True)

    def list(self) -> list[RunRecord]:
        """All runs that can be read, newest first."""
        records = []
        for run_id in self.ids():
            try:
                records.append(self.get(run_id))
            except StateError as error:
                log.warning("%s", error.message)
        return records

    def get(self, run_id: str) -> RunRecord:
        """One run. Raises StateError when there is none or its run.json is damaged."""
        path = self.folder(run_id) / RUN_FILE
        try:
            return read_record(path, RunRecord)
        except FileNotFoundError as error:
            raise StateError(f"There is no run {run_id} in {self.root}.") from error

    def folder(self, run_id: str) -> Path:
        """Where a run's files are. Raises StateError for what is not a run's id: ids choose paths."""
        if not _RUN_ID.fullmatch(run_id):
            raise StateError(f"{run_id!r} is not the id of a run.", "Look into the folder runs/ for theirs.")
        return self.root / run_id

    def create(self, inputs: RunInputs, release_before: str | None, selection: Selection = EVERYTHING) -> Run:
        """Start a run. Raises StateError when the folder can't be written."""
        now = _now()
        stem = f"{now:%Y%m%d-%H%M%S}-{inputs.decisions[:6]}"
        names = (f"{stem}-{number}" for number in range(2, 1000))
        run_id = next(name for name in (stem, *names) if not (self.root / name).exists())
        record = RunRecord(
            id=run_id,
            created_at=now,
            process=os.getpid(),
            inputs=inputs,
            selection=selection,
            release_before=release_before,
        )
        run = Run(self.root / run_id, record, self._lease)
        run.save()  # makes the folder
        return run

    def old(self, keep: int) -> Sequence[str]:
        """The ids of the runs that are over, but the newest ``keep`` of them, oldest first."""
        over = [one.id for one in self.list() if one.status in ("finished", "abandoned")]
        return over[keep:][::-1]

    def remove(self, run_ids: Sequence[str]) -> None:
        """Remove the folders of these runs. The releases that they made keep their ledgers."""
        for run_id in run_ids:
            shutil.rmtree(self.folder(run_id), ignore_errors=True)

    def prune(self) -> None:
        """Remove all but the newest twenty runs that trained nothing: every decision may start one."""
        passing = [one for one in self.list() if one.status == "finished" and one.inputs.rung == INDEX_ONLY]
        self.remove([one.id for one in passing[_KEPT:]])

    def open(self, record: RunRecord) -> Run:
        """A run to work on, from its record."""
        return Run(self.folder(record.id), record, self._lease)

    @contextmanager
    def exclusive(self, seconds: float = 60.0) -> Iterator[Lease]:
        """One retrain at a time, by a file lock on this machine and the lease that this gives among all that
        share the folder. Another machine that gave no sign of life for ``seconds`` has lost it.

        Raises BusyError naming the process and the run that is at it.
        """
        try:
            self.root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StateError(
                f"{self.root} can't be made: {error.strerror}", "Check space and permissions."
            ) from error
        with ExitStack() as held:
            held.callback(setattr, self, "_lease", None)
            try:
                machine = this_machine()
                held.enter_context(FileLock(self.root / f".lock-{machine}", timeout=0))
                lease = Lease(self._lease_folder, seconds, is_alone=True, machine=machine)
                self._lease = held.enter_context(lease)
            except (Timeout, BusyError) as error:
                raise self._busy(seconds) from error
            yield lease

    def _busy(self, seconds: float) -> BusyError:
        holder = read_holder(self._lease_folder)
        process, host = (holder.process, holder.host) if holder else (0, "this machine")
        # Interrupted runs count as running, too: it is the one that the holder itself works on.
        running = next(
            (one.id for one in self.list() if one.status == "running" and one.process == process), None
        )
        return BusyError(
            f"Another retrain is at work: process {process or 'unknown'} on {host}"
            + (f", run {running}." if running else ", still reading annotations."),
            "Wait for it to end, or stop that process: the next start goes on where it was (on another "
            f"machine {seconds:.0f} s after its last sign of life).",
        )


def sizes(folder: Path) -> dict[str, int]:
    """Path below ``folder`` → bytes, of every file."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.stat().st_size for path in files}


def _sync(folder: Path) -> None:
    """Make what is in a folder survive a power cut."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)


def _now() -> datetime:
    return datetime.now(timezone.utc)
