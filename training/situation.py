"""What the decision to retrain depends on, read from disk."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from curation import StateError
from serving import LINEAGE_FILE, ReleaseStore
from training.decide import Situation
from training.ledger.context import RunContext
from training.ledger.people import learned_from
from training.ledger.rows import LedgerRow
from training.ledger.store import read_ledger
from training.prepare.prepared import LEDGER_FILE
from training.prepare.selection import Selected
from training.runs.inputs import run_inputs
from training.runs.record import RunRecord
from training.runs.resume import unfinished_runs
from training.runs.run import RunStore

log = logging.getLogger(__name__)

_ANSWERS = ("dataset", "record_id", "fingerprint", "verdict", "fate")


def read_situation(context: RunContext, selected: Selected, now: datetime) -> Situation:
    """What stands on disk about runs and releases, beside the decisions that were just read and selected.

    Raises StateError for a damaged ledger of the served release, ReleaseError when nobody can tell what is
    served.
    """
    runs = RunStore(context.home)
    records = runs.list()
    unfinished = unfinished_runs(records, runs, context.store)
    over = {one.record.id for one in unfinished if one.ending is not None and not one.ending.overtaken}
    ended = [one for one in records if one.id in over or (one.status == "finished" and not one.overtaken)]
    went_back_from, by_hand = _choice_of_a_person(context.store, context.served.id)
    served_rows = ledger_of(context.store, context.served.id, _ANSWERS)
    looked_at = [ledger_of(context.store, went_back_from, _ANSWERS), _last(runs, ended)]
    return Situation(
        now=now,
        inputs=run_inputs(context, selected.decisions, selected.selection),
        selection=selected.selection,
        served=context.served,
        rows=rows_of(selected),
        served_rows=served_rows,
        min_new=context.settings.min_new,
        unfinished=unfinished,
        finished=[one for one in records if one.status == "finished" and not one.overtaken],
        must_forget=_must_forget(context, selected),
        indexable=_indexable(context, served_rows),
        looked_at=[rows for rows in looked_at if rows],
        chosen_by_hand=by_hand,
    )


def rows_of(selected: Selected) -> list[LedgerRow]:
    """A row for each decision that was just read: what was answered, and which the selection leaves out."""
    rows = [
        LedgerRow(
            dataset=one.dataset, record_id=one.record_id, fingerprint=one.fingerprint, verdict=one.verdict
        )
        for one in selected.decisions
    ]
    return [*rows, *selected.left_out]


def ledger_of(store: ReleaseStore, release_id: str | None, columns: Sequence[str] = ()) -> list[LedgerRow]:
    """The ledger of a release; empty when there is no such release, or when it learned from nothing."""
    if release_id is None:
        return []
    return read_ledger(store.folder(release_id) / LINEAGE_FILE, columns)


def _last(runs: RunStore, ended: Sequence[RunRecord]) -> list[LedgerRow]:
    """The ledger of the newest run that is over and still has one. Operators may delete the folders of runs."""
    for record in ended:
        try:
            rows = read_ledger(runs.folder(record.id) / "prepare" / LEDGER_FILE, _ANSWERS)
        except StateError as error:
            log.warning("%s", error.message)
            continue
        if rows:
            return rows
    return []


def _choice_of_a_person(store: ReleaseStore, served: str) -> tuple[str | None, bool]:
    """The release that a person went back from when they chose the served one, and whether a person chose it.

    New documents for a release are no choice.
    """
    promotion = store.promotions.origin(served)
    if promotion is None or not promotion.is_by_hand:
        return None, False
    return promotion.before, True


def _must_forget(context: RunContext, selected: Selected) -> bool:
    """Whether the served release learned from answers that are to be left out now."""
    selection = selected.selection
    return selection.forgets and learned_from(ledger_of(context.store, context.served.id), selection)


def _indexable(context: RunContext, rows: Sequence[LedgerRow]) -> int:
    """How many of today's chunks the served release would index: those that its annotators did not reject."""
    verdicts = {row.record_id: row.verdict for row in rows if row.dataset == "chunks"}
    wanted = (
        ("accepted", "undecided", None) if context.serving.retrieval.include_unreviewed else ("accepted",)
    )
    return sum(verdicts.get(chunk.id) in wanted for chunk in context.corpus.chunks)
