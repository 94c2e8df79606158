"""Which decisions finished runs have looked at: ``looked-at.jsonl``, one line a run, beside ``runs/``.

Old runs may be deleted; what they tried and did not like is not new again for that.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from filelock import FileLock

from curation import Decision, Home, StateError, append_line, read_whole_lines
from training.runs.ending import overtaken
from training.runs.jsonl import each_row
from training.runs.record import RunRecord
from training.runs.run import Run, RunStore

log = logging.getLogger(__name__)


def looked_at(home: Home, runs: Sequence[RunRecord]) -> set[str]:
    """Fingerprints of all decisions that ``runs`` (which have come to their end) or deleted runs have looked at.

    A run that the file does not know, of an earlier version or killed at its very end, is read and added to it. What a run
    read in vain, because somebody else promoted meanwhile, nobody has looked at. Raises StateError when the file can't be
    read.
    """
    known, found = _read(home.looked_at)
    for record in reversed(runs):
        if record.id in known:
            continue
        folder = RunStore(home).folder(record.id)
        fingerprints = set() if overtaken(folder) else _read_by(folder)
        if fingerprints is not None:
            found |= fingerprints
            _add(home.looked_at, record.id, fingerprints)
    return found


def note_looked_at(home: Home, run: Run, decisions: Sequence[Decision]) -> None:
    """Of a run that has just ended with ``decisions``."""
    _add(home.looked_at, run.id, set() if overtaken(run.folder) else _of(decisions))


def _read(path: Path) -> tuple[set[str], set[str]]:
    """The ids of the runs, and the fingerprints. A damaged line is as none: its run is read again if it is there."""
    runs: set[str] = set()
    found: set[str] = set()
    for line in read_whole_lines(path):
        try:
            row = json.loads(line)
            run, fingerprints = row["run"], set(row["fingerprints"])
        except (ValueError, KeyError, TypeError):
            log.warning("%s: a line is damaged and left out", path)
            continue
        runs.add(run)
        found |= fingerprints
    return runs, found


def _add(path: Path, run: str, fingerprints: set[str]) -> None:
    """Add the run's line, with what no earlier line has. Whatever goes wrong costs nobody anything: the next look tries
    again."""
    try:
        with FileLock(path.with_name(f".{path.name}.lock")):
            known, found = _read(path)
            if run not in known:
                row = {"run": run, "fingerprints": sorted(fingerprints - found)}
                append_line(path, json.dumps(row).encode())
    except (OSError, StateError) as error:
        log.warning("%s: run %s is not noted: %s", path, run, error)


def _read_by(folder: Path) -> set[str] | None:
    """What the run in ``folder`` has read; None when that is gone, or damaged."""
    try:
        return _of(each_row(folder / "read" / "decisions.jsonl", Decision))
    except StateError:
        return None


def _of(decisions: Iterable[Decision]) -> set[str]:
    """All fingerprints: the same answers may come back under another one (a new response id, a new name)."""
    return {one.fingerprint for one in decisions}
