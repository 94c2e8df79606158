"""What is on disk of earlier runs: those that were interrupted, and what is removed of those that are over."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from curation import ClayloopError, Corpus, Progress, ReleaseError
from serving import ReleaseStore
from training.prepare.prepared import Prepared
from training.runs.publish import Ending, close, ending_of
from training.runs.record import RunRecord
from training.runs.run import Run, RunStore, sizes

# Seconds by which the clocks of the record and of the system may differ.
_CLOCKS = 5


@dataclass(frozen=True)
class Unfinished:
    """A run that was killed or failed, and what decides whether it can go on.

    ``ending`` is what came of it, if it was interrupted after that was settled. ``release`` is what it
    published, if it did. ``damage`` names what is missing of its finished steps' results, or is empty.
    ``has_base``: the release that it compares with is there. ``at_work``: a living process works on it.
    """

    record: RunRecord
    ending: Ending | None = None
    release: str | None = None
    damage: str = ""
    has_base: bool = True
    at_work: bool = False


def unfinished_runs(runs: Iterable[RunRecord], store: RunStore, releases: ReleaseStore) -> list[Unfinished]:
    """Those of ``runs`` that were killed or failed, in the same order."""
    found = []
    for record in runs:
        if record.status in ("running", "failed"):
            made = releases.of_run(record.id)
            found.append(
                Unfinished(
                    record=record,
                    ending=ending_of(record, releases),
                    release=made.id if made else None,
                    damage=_damage(store.open(record)),
                    has_base=_is_there(releases, record.inputs.release),
                    at_work=_is_at_work(record),
                )
            )
    return found


def give_up(run: Run, store: ReleaseStore, reason: str, progress: Progress) -> None:
    """Close an unfinished run that was at its end, or abandon it for ``reason``. What it was building is
    removed."""
    ending = ending_of(run.record, store)
    if ending is not None:
        result = ending.verdict or f"its release {ending.release} is served"
        progress.say(f"Closing run {run.id}, which was interrupted at its very end: {result}")
        close(run, ending)
    else:
        progress.say(f"Giving up run {run.id}: {reason}")
        run.abandon(reason)
    store.discard(run.id)


def clean(runs: RunStore, store: ReleaseStore) -> None:
    """Remove what a kill left of runs that are over, and folders of releases that no unfinished run is
    building."""
    unfinished = []
    for record in runs.list():
        if record.status in ("finished", "abandoned"):
            runs.open(record).lighten()
        else:
            unfinished.append(record.id)
    store.clean(keep=unfinished)


def _damage(run: Run) -> str:
    for step in run.record.steps:
        folder = run.folder / step.name
        if step.status != "finished" or not folder.is_dir():  # a step whose folder is gone is done again
            continue
        there = sizes(folder)
        wrong = next((name for name, size in step.outputs.items() if there.get(name) != size), None)
        if wrong is not None:
            return f"{step.name}/{wrong} is missing or damaged"
    if run.record.has_finished("prepare"):
        try:
            Prepared.read(run.folder / "prepare", Corpus(documents=[], chunks=[]), include_unreviewed=True)
        except (ClayloopError, OSError, ValueError) as error:  # pydantic's errors are ValueErrors
            return f"what the step prepare wrote can't be read: {error}"
    return ""


def _is_there(store: ReleaseStore, release_id: str) -> bool:
    try:
        store.get(release_id)
    except ReleaseError:
        return False
    return True


def _is_at_work(record: RunRecord) -> bool:
    """Whether the process that the record names lives and is not a later one that got its number."""
    try:
        return psutil.Process(record.process).create_time() <= record.last_sign.timestamp() + _CLOCKS
    except (psutil.Error, ValueError):
        return False
