"""How far the step is that a run is at, in a file for whoever looks on: runs/<run>/progress.json."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from curation import Advance, Progress, StateError, read_record, write_json

_FILE = "progress.json"
_SECONDS = 1.0  # between two writes

log = logging.getLogger(__name__)


class TaskProgress(BaseModel):
    """The piece of work that a step is at: ``done`` of ``total`` units (None where nobody knows how many)."""

    model_config = ConfigDict(frozen=True)

    what: str
    done: int = 0
    total: int | None = None
    unit: str = ""
    started: datetime
    at: datetime

    @property
    def share(self) -> float | None:
        """0 to 1; None where nobody knows."""
        return min(1.0, self.done / self.total) if self.total else None


class NotedProgress:
    """Passes everything on to ``progress``, and notes each task in the run's ``folder``. A disk that cannot
    be written costs the notes, and not the run."""

    def __init__(self, progress: Progress, folder: Path) -> None:
        self._progress, self._path = progress, folder / _FILE

    def say(self, line: str) -> None:
        self._progress.say(line)

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        started, done, written = datetime.now(timezone.utc), 0, 0.0

        def note() -> None:
            nonlocal written
            written = time.monotonic()
            now = datetime.now(timezone.utc)
            told = TaskProgress(what=description, done=done, total=total, unit=unit, started=started, at=now)
            try:
                write_json(self._path, told.model_dump(mode="json"))
            except (StateError, OSError):
                log.warning("%s can't be written", self._path)

        with self._progress.task(description, total, unit) as pass_on:

            def advance(units: int) -> None:
                nonlocal done
                done += units
                pass_on(units)
                if time.monotonic() - written >= _SECONDS:
                    note()

            note()
            yield advance


def read_progress_of(folder: Path) -> TaskProgress | None:
    """What the run in ``folder`` noted last; None where it noted nothing that can be read."""
    try:
        return read_record(folder / _FILE, TaskProgress)
    except (FileNotFoundError, StateError):
        return None
