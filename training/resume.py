"""Taking up the run that was interrupted, if it still can be finished."""

from __future__ import annotations

from curation.progress import Progress
from serving.release import Release
from serving.releases import ReleaseStore
from training.runs import Run, RunInputs, RunRecord, RunStore
from training.selection import Selection


def take_up(
    runs: RunStore,
    store: ReleaseStore,
    served: Release,
    now: RunInputs,
    selection: Selection,
    progress: Progress,
) -> Run | None:
    """The newest unfinished run that had read its annotations and whose corpus, settings, selection and served release are
    those of ``now`` (whose decisions do not matter). All others are given up, which ``progress`` is told.
    """
    chosen: Run | None = None
    for record in runs.unfinished():
        reason = "a newer run took its place" if chosen else _obstacle(record, store, served, now, selection)
        if not reason:
            chosen = runs.open(record)
            continue
        progress.say(f"Giving up run {record.id}: {reason}")
        runs.abandon(record, reason)
        store.discard(record.id)
    store.clean(keep=[chosen.id] if chosen else [])
    return chosen


def _obstacle(
    record: RunRecord, store: ReleaseStore, served: Release, now: RunInputs, selection: Selection
) -> str:
    """Why the run cannot be finished, or nothing."""
    if record.inputs.selection != now.selection:
        return f"it was made {_how(record.selection)}, and this one is {_how(selection)}"
    mine = store.of_run(record.id)
    if (
        record.inputs.corpus != now.corpus
        or record.inputs.settings != now.settings
        or served.id not in (record.inputs.release, mine.id if mine else None)
    ):
        return "documents, settings or the served release have changed since it was interrupted"
    step = record.step("read")
    if step is None or step.status != "finished":
        return "it was interrupted before annotations were read"
    return ""


def _how(selection: Selection) -> str:
    return ", ".join(selection.describe()) or "with everything"
