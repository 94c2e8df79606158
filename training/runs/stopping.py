"""Stopping a run that is at work, and dropping one that nobody is to go on with."""

from __future__ import annotations

import os
import signal

from curation import SILENT, Home, StateError
from serving import ReleaseStore
from training.runs.run import RunStore
from training.runs.situation import give_up

_ASKED_FILE = "stop-asked"  # in a run's folder: when that began which was asked to stop


def stop_run(home: Home, run_id: str, by: str) -> bool:
    """Ask the process that works on the run to end. What its finished steps wrote stays, and the next retrain
    goes on from there. False where nobody works on it, or it was asked already: a second signal would cut
    short how it ends. ``by`` stands in the run's log. Raises StateError for an unknown run."""
    runs = RunStore(home)
    record = runs.get(run_id)
    if record.status != "running" or not record.is_at_work:
        return False
    asked, began = runs.folder(run_id) / _ASKED_FILE, record.last_sign.isoformat()
    if asked.is_file() and asked.read_text(encoding="utf-8") == began:
        return False
    runs.open(record).log(f"{by} asked it to stop")
    try:
        os.kill(record.process, signal.SIGTERM)
    except ProcessLookupError:  # it has just ended
        return False
    except PermissionError as error:
        raise StateError(
            f"Process {record.process}, which works on run {run_id}, belongs to somebody else.",
            "Stop it as the user who started it.",
        ) from error
    asked.write_text(began, encoding="utf-8")
    return True


def drop_run(home: Home, run_id: str, by: str) -> None:
    """Give up a run that was interrupted or failed: what it wrote is removed, its record and log stay. Raises
    BusyError while a retrain is at work, StateError for a run that is unknown or over."""
    runs = RunStore(home)
    with runs.exclusive():
        record = runs.get(run_id)
        if record.status in ("finished", "abandoned"):
            raise StateError(f"Run {run_id} is over: there is nothing to drop.")
        give_up(runs.open(record), ReleaseStore(home), f"{by} dropped it", SILENT)
