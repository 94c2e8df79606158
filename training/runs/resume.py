"""Taking up the run that was interrupted, if it still can be finished."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

from curation import Progress, ReleaseError
from serving import Release, ReleaseStore
from training.prepare.selection import Selection
from training.runs.ending import close
from training.runs.record import RunInputs, RunRecord
from training.runs.run import Run, RunStore
from training.runs.step_folder import sizes

LEFT_ALONE = timedelta(days=7)

# Field of RunInputs → what people call it. Decisions are compared where they are read.
_WORDS = {
    "corpus": "the documents",
    "settings": "the settings",
    "testsets": "what is in the test sets",
    "model": "the base model, or how it is computed with",
    "format": "the version of clayloop",
}


def take_up(
    runs: RunStore,
    store: ReleaseStore,
    served: Release,
    now: RunInputs,
    selection: Selection,
    progress: Progress,
) -> Run | None:
    """The newest unfinished run that had read its annotations and whose inputs are those of ``now`` (whose decisions do not
    matter). A run with another selection is its owner's to finish: it is left alone for a week. All others are closed, if
    their release was promoted, or given up; ``progress`` is told of each. What a kill left of runs that were closed or
    given up before is removed.
    """
    chosen: Run | None = None
    left_alone: list[str] = []
    for record in runs.list():
        if record.status in ("finished", "abandoned"):
            runs.open(record).lighten()
            continue
        if record.inputs.selection != now.selection and _age(record) < LEFT_ALONE:
            progress.say(
                f"Leaving run {record.id} alone, which was interrupted: it was made {_how(record.selection)}, and this one "
                f"is {_how(selection)}. A retrain with its selection finishes it; after {LEFT_ALONE.days} days it is given up."
            )
            left_alone.append(record.id)
            continue
        reason = (
            "a newer run took its place" if chosen else _obstacle(runs, record, store, served, now, selection)
        )
        if not reason:
            chosen = runs.open(record)
            continue
        give_up(runs, record, store, reason, progress)
    store.clean(keep=[*left_alone, *([chosen.id] if chosen else [])])
    return chosen


def give_up(runs: RunStore, record: RunRecord, store: ReleaseStore, reason: str, progress: Progress) -> None:
    """Close an unfinished run that had come to its end, or abandon it for ``reason``. What it was building goes either way."""
    ending = close(runs.open(record), store)
    if ending is not None:
        came_to = ending.verdict or f"its release {ending.release} is served"
        progress.say(f"Closing run {record.id}, which was interrupted at its very end: {came_to}")
    else:
        progress.say(f"Giving up run {record.id}: {reason}")
        runs.abandon(record, reason)
    store.discard(record.id)


def _age(record: RunRecord) -> timedelta:
    """Since somebody last worked on it."""
    last_sign = max(
        time.timestamp() for time in (record.created_at, *(step.started for step in record.steps))
    )
    return timedelta(seconds=datetime.now(timezone.utc).timestamp() - last_sign)


def _obstacle(
    runs: RunStore,
    record: RunRecord,
    store: ReleaseStore,
    served: Release,
    now: RunInputs,
    selection: Selection,
) -> str:
    """Why the run cannot be finished, or nothing."""
    if record.inputs.selection != now.selection:
        return f"it was made {_how(record.selection)} more than {LEFT_ALONE.days} days ago, and this one is {_how(selection)}"
    changed = [words for name, words in _WORDS.items() if getattr(record.inputs, name) != getattr(now, name)]
    mine = store.of_run(record.id)
    if served.id not in (record.inputs.release, mine.id if mine else None):
        changed.append("the served release")
    if changed:
        return f"changed since it was interrupted: {', '.join(changed)}"
    if record.inputs.release != served.id and not _is_there(store, record.inputs.release):
        return f"the release that it compared with, {record.inputs.release}, is gone"
    if not record.has_finished("read"):
        return "it was interrupted before annotations were read"
    return _damage(runs.open(record))


def _damage(run: Run) -> str:
    """What of the finished steps' results is not there any more, or nothing."""
    for step in run.record.steps:
        folder = run.folder / step.name
        if step.status != "finished" or not folder.is_dir():  # a step whose folder is gone is done again
            continue
        there = sizes(folder)
        wrong = next((name for name, size in step.outputs.items() if there.get(name) != size), None)
        if wrong is not None:
            return f"{step.name}/{wrong} is missing or damaged"
    return ""


def _is_there(store: ReleaseStore, release_id: str) -> bool:
    try:
        store.get(release_id)
    except ReleaseError:
        return False
    return True


def _how(selection: Selection) -> str:
    return ", ".join(selection.describe()) or "with everything"
