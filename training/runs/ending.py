"""What came of a run that had something to promote: told from its folder and from what is served, not from memory."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from curation import StateError, read_json
from serving import ReleaseStore
from training.runs.record import Outcome
from training.runs.run import Run

PROMOTED_FILE = "promoted.json"


@dataclass(frozen=True)
class Ending:
    """``verdict`` is empty when the run's release is served: the gate's reason stands then. ``release`` is the id of the
    run's release if that one is served, else None."""

    outcome: Outcome
    verdict: str
    release: str | None


def ending_of(run: Run, store: ReleaseStore) -> Ending:
    """For a run whose step "promote" is finished. Somebody may have promoted another release before it, or since.

    Raises ReleaseError when nobody can tell what is served, StateError when the step's record is damaged.
    """
    path = run.folder / "promote" / PROMOTED_FILE
    try:
        told = read_json(path)
        made = told["id"]
    except (OSError, KeyError, TypeError) as error:
        raise StateError(f"{path} can't be read.", "Remove the run's folder and start again.") from error
    if made is None:
        return Ending(
            "rejected",
            f"Not promoted: somebody promoted {told.get('served')} while this run compared with "
            f"{run.record.inputs.release}. The candidate is kept as {told.get('kept')}.",
            None,
        )
    return _promoted(made, store)


def overruled(run: Run, store: ReleaseStore) -> bool:
    """Whether the run has promoted its release, recorded or not, and somebody has promoted another one since. Raises
    ReleaseError when nobody can tell what is served, StateError when the log of promotions can't be read."""
    mine = store.of_run(run.id)
    if mine is not None and mine.id == store.current_id():
        return False
    return store.promotions.is_overruled(run.id, mine.id if mine else None)


def overtaken(folder: Path) -> bool:
    """Whether the run in ``folder`` came to nothing because somebody else promoted while it was at work: what it read was
    judged against a release that was not served any more."""
    try:
        told = read_json(folder / "promote" / PROMOTED_FILE)
    except (OSError, StateError):
        return False
    return isinstance(told, dict) and told.get("id", "") is None


def close(run: Run, store: ReleaseStore) -> Ending | None:
    """Finish a run that nobody can go on with but that had come to its end: its release was promoted, or somebody was
    quicker, or went back since. None, and nothing is done, for any other run."""
    record = run.record
    mine = store.of_run(run.id)
    if record.has_finished("promote") and (run.folder / "promote" / PROMOTED_FILE).exists():
        ending = ending_of(run, store)
    elif mine is not None and mine.id == store.current_id():  # interrupted before it could say so
        ending = Ending("promoted", "", mine.id)
    elif overruled(run, store):
        ending = _promoted(mine.id if mine else "a release that is gone", store)
    else:
        return None
    gate = record.step("gate")
    run.finish(ending.outcome, ending.verdict or (gate.note if gate else ""), ending.release)
    return ending


def _promoted(made: str, store: ReleaseStore) -> Ending:
    served = store.current_id()
    if served == made:
        return Ending("promoted", "", made)
    return Ending("rejected", f"Promoted as {made}, but somebody has promoted {served} since.", None)
