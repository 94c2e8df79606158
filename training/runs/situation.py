"""What the decision to retrain depends on, read from disk; and closing runs that nobody goes on with."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone

from curation import (
    SILENT,
    ClayloopError,
    Corpus,
    Decision,
    Home,
    Progress,
    ReleaseError,
    StateError,
)
from serving import Release, ReleaseStore, ServingSettings
from training.ledger.rows import LedgerRow
from training.ledger.selection import Selected, Selection, learned_from, select
from training.ledger.store import ANSWERS, fitted_of, ledger_of, lineage_of, read_ledger
from training.prepare.collect import to_index
from training.prepare.prepared import LEDGER_FILE, Prepared, RunContext
from training.runs.record import Outcome, RunInputs, RunRecord, run_inputs
from training.runs.run import Run, RunStore, sizes
from training.settings import FINE_TUNED, TrainingSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Situation:
    """What the answer depends on.

    ``inputs`` and ``selection`` are those of a run that would start now. ``rows`` are the ledger of the
    decisions just read, ``served_rows`` that of the ``served`` release, ``fitted_rows`` the one that its
    model was trained from. ``unfinished`` and ``finished`` are the runs, newest first; those that came to
    nothing because somebody promoted meanwhile are not among ``finished``. ``must_forget``: the served model
    learned from answers that the selection leaves out. ``indexable`` counts the chunks that the served
    release would index if the documents were indexed anew. ``tried`` are the ledgers of what was tried since
    the served release, oldest first, ``tried_to_fit`` those of them that were to train on.
    ``chosen_by_hand``: a person, and no run, has promoted it.
    """

    now: datetime
    inputs: RunInputs
    selection: Selection
    served: Release
    rows: Sequence[LedgerRow]
    served_rows: Sequence[LedgerRow]
    fitted_rows: Sequence[LedgerRow] = ()
    unfinished: Sequence[Unfinished] = ()
    finished: Sequence[RunRecord] = ()
    must_forget: bool = False
    indexable: int = 0
    tried: Sequence[Sequence[LedgerRow]] = ()
    tried_to_fit: Sequence[Sequence[LedgerRow]] = ()
    chosen_by_hand: bool = False


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


@dataclass(frozen=True)
class Ending:
    """What came of a run that had something to publish.

    ``verdict`` is empty when its release is served; the gate's reason holds then. ``release`` is the id of
    its release if that is served, else None. ``overtaken``: somebody promoted another release before it could
    promote its own.
    """

    outcome: Outcome
    verdict: str
    release: str | None = None
    overtaken: bool = False


def read_situation(context: RunContext, selected: Selected, now: datetime) -> Situation:
    """What stands on disk about runs and releases, beside the decisions that were just read and selected.

    Raises StateError for a damaged ledger of the served release, ReleaseError when nobody can tell what is
    served.
    """
    runs, store, selection = RunStore(context.home), context.store, selected.selection
    records = runs.list()
    unfinished = unfinished_runs(records, runs, store)
    finished = [one for one in records if one.status == "finished" and not one.overtaken]
    over = {one.record.id for one in unfinished if one.ending is not None and not one.ending.overtaken}
    ended = [one for one in records if one.id in over or (one.status == "finished" and not one.overtaken)]
    promotion = store.promotions.origin(context.served.id)
    by_hand = promotion if promotion and promotion.is_by_hand else None  # not for new documents alone
    went_back_from = _left_behind(store, by_hand.before if by_hand else None)
    lineage, fitted = lineage_of(store, context.served.id), fitted_of(store, context.served.id)
    served_rows = read_ledger(lineage, ANSWERS)
    learned = read_ledger(fitted, ("fate", "votes")) if selection.forgets else []
    to_fit = [one for one in ended if one.inputs.rung == FINE_TUNED]
    include_unreviewed = context.serving.retrieval.include_unreviewed
    return Situation(
        now=now,
        inputs=run_inputs(context, selected.decisions, selection),
        selection=selection,
        served=context.served,
        rows=rows_of(selected),
        served_rows=served_rows,
        fitted_rows=served_rows if fitted == lineage else read_ledger(fitted, ANSWERS),
        unfinished=unfinished,
        finished=finished,
        must_forget=learned_from(learned, selection),
        indexable=len(to_index(served_rows, context.corpus.chunks, include_unreviewed)),
        tried=[rows for rows in (went_back_from, _last(runs, ended)) if rows],
        tried_to_fit=[rows for rows in (went_back_from, _last(runs, to_fit)) if rows],
        chosen_by_hand=by_hand is not None,
    )


def situation_now(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    decisions: Sequence[Decision],
) -> Situation:
    """The same for whoever asks between two retrains, with ``decisions``, all those in Argilla, but for those
    that the settings leave out. Raises StateError without a release, too."""
    store = ReleaseStore(home)
    context = RunContext(home, corpus, settings, serving, store, store.current(), SILENT)
    selection = Selection(without_annotators=tuple(settings.without_annotators))
    return read_situation(context, select(decisions, selection), datetime.now(timezone.utc))


def rows_of(selected: Selected) -> list[LedgerRow]:
    """A row for each decision that was just read: what was answered, and which the selection leaves out."""
    rows = [
        LedgerRow(
            dataset=one.dataset, record_id=one.record_id, fingerprint=one.fingerprint, verdict=one.verdict
        )
        for one in selected.decisions
    ]
    return [*rows, *selected.left_out]


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
                    at_work=record.is_at_work,
                )
            )
    return found


def ending_of(record: RunRecord, store: ReleaseStore) -> Ending | None:
    """What came of a run; None while its release has neither been promoted nor been refused.

    Raises ReleaseError when nobody can tell what is served, StateError when the log of promotions can't be
    read.
    """
    mine, served = store.of_run(record.id), store.current_id()
    if mine is not None and mine.id == served:
        return Ending("promoted", "", mine.id)
    if store.promotions.is_overruled(record.id, mine.id if mine else None):
        made = mine.id if mine else "a release that is gone"
        return Ending("rejected", f"Promoted as {made}, but somebody has promoted {served} since.")
    if record.has_finished("publish"):
        kept = f"is kept as {mine.id}" if mine else "has been deleted"
        compared = record.inputs.release
        why = f"somebody promoted {served} while this run compared with {compared}"
        if served == compared:
            why = f"{served} is pinned"
        return Ending("rejected", f"Not promoted: {why}. The candidate {kept}.", overtaken=True)
    return None


def give_up(run: Run, store: ReleaseStore, reason: str, progress: Progress) -> None:
    """Close an unfinished run that was at its end, or abandon it for ``reason``. What it was building is
    removed."""
    ending = ending_of(run.record, store)
    if ending is not None:
        result = ending.verdict or f"its release {ending.release} is served"
        progress.say(f"Closing run {run.id}, which was interrupted at its very end: {result}")
        judged = run.record.step("judge")
        run.record.overtaken = ending.overtaken
        run.finish(ending.outcome, ending.verdict or (judged.note if judged else ""), ending.release)
    else:
        progress.say(f"Giving up run {run.id}: {reason}")
        run.abandon(reason)
    store.discard(run.staging)


def clean(runs: RunStore, store: ReleaseStore) -> None:
    """Remove what a kill left of runs that are over, folders of releases that no unfinished run is building,
    and what only a decision or two had made and is long replaced."""
    unfinished = []
    for record in runs.list():
        if record.status in ("finished", "abandoned"):
            runs.open(record).lighten()
        else:
            unfinished.append(record.id)
    store.clean(keep=unfinished)
    store.prune()
    runs.prune()


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
        prepared = run.folder / "prepare"
        try:
            for folder in (prepared, *prepared.glob("fold-*")):
                Prepared.read(folder, Corpus(documents=[], chunks=[]), include_unreviewed=True)
        except (ClayloopError, OSError, ValueError) as error:  # pydantic's errors are ValueErrors
            return f"what the step prepare wrote can't be read: {error}"
    return ""


def _is_there(store: ReleaseStore, release_id: str) -> bool:
    try:
        store.get(release_id)
    except ReleaseError:
        return False
    return True


def _left_behind(store: ReleaseStore, release_id: str | None) -> list[LedgerRow]:
    """The ledger of a release that somebody went back from, perhaps because it is damaged or deleted."""
    try:
        return ledger_of(store, release_id, ANSWERS) if release_id else []
    except ClayloopError as error:
        log.warning("%s", error.message)
        return []


def _last(runs: RunStore, ended: Sequence[RunRecord]) -> list[LedgerRow]:
    """The ledger of the newest run that has ended and still has one. Operators may delete runs' folders."""
    for record in ended:
        try:
            rows = read_ledger(runs.folder(record.id) / "prepare" / LEDGER_FILE, ANSWERS)
        except StateError as error:
            log.warning("%s", error.message)
            continue
        if rows:
            return rows
    return []
