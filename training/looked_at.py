"""Which decisions finished runs have looked at: ``looked-at.jsonl``, one line a run, beside ``runs/``.

Old runs may be deleted; what they tried and did not like is not new again for that.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

from curation.errors import StateError
from curation.home import Home
from curation.journal import append_line, whole_lines
from curation.records import Decision
from training.ending import overtaken
from training.rows import read_rows
from training.runs import RunRecord, RunStore

log = logging.getLogger(__name__)


def looked_at(home: Home, runs: Sequence[RunRecord]) -> set[str]:
    """Fingerprints of all decisions that ``runs`` (which have come to their end) or deleted runs have looked at.

    A run that the file does not know, of an earlier version or killed at its very end, is read and added to it. What a run
    read in vain, because somebody else promoted meanwhile, nobody has looked at. Raises StateError when the file can't be
    read.
    """
    path = home.looked_at
    known, found = _read(path)
    missing = [record for record in reversed(runs) if record.id not in known]
    if not missing:
        return found
    try:
        with FileLock(path.with_name(f".{path.name}.lock")):
            known, found = _read(path)
            for record in missing:
                if record.id not in known:
                    _add(path, RunStore(home).folder(record.id), found)
    except OSError as error:  # the lock: no room, or nobody may write here
        log.warning("%s: %s", path, error.strerror)
        for record in missing:
            found |= _of(RunStore(home).folder(record.id)) or set()
    return found


def note_looked_at(home: Home, run: RunRecord) -> None:
    """Of a run that has just ended. Whatever goes wrong must not cost it: the next look catches up."""
    try:
        looked_at(home, [run])
    except StateError as error:
        log.warning("%s", error.message)


def _read(path: Path) -> tuple[set[str], set[str]]:
    """The ids of the runs, and the fingerprints. A damaged line is as none: its run is read again if it is there."""
    runs: set[str] = set()
    found: set[str] = set()
    for line in whole_lines(path):
        try:
            row = json.loads(line)
            run, fingerprints = row["run"], set(row["fingerprints"])
        except (ValueError, KeyError, TypeError):
            log.warning("%s: a line is damaged and left out", path)
            continue
        runs.add(run)
        found |= fingerprints
    return runs, found


def _add(path: Path, folder: Path, found: set[str]) -> None:
    """Put what the run in ``folder`` has looked at into ``found`` and, as far as it is not there yet, into the file."""
    fingerprints = _of(folder)
    if fingerprints is None:
        return
    row = {"run": folder.name, "fingerprints": sorted(fingerprints - found)}
    found |= fingerprints
    try:
        append_line(path, json.dumps(row).encode())
    except StateError as error:  # the next look tries again
        log.warning("%s", error.message)


def _of(folder: Path) -> set[str] | None:
    """None when what the run has read is gone, or damaged."""
    if overtaken(folder):
        return set()
    try:
        return {row.fingerprint for row in read_rows(folder / "read" / "decisions.jsonl", Decision)}
    except StateError:
        return None
