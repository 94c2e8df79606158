"""Whether a retrain is called for: worked out anew each time from Argilla, the runs and the served release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import psutil

from clayloop.watch.settings import WatchSettings
from curation import Decision, Home, ReleaseError, content_id
from serving import LINEAGE_FILE, Release, ReleaseStore, ServingSettings, is_by_hand
from training import (
    RunRecord,
    RunStore,
    Selection,
    TrainingSettings,
    identify,
    looked_at,
    overruled,
    read_known,
    run_inputs,
    select,
    tried_before,
    worth_a_run,
)

if TYPE_CHECKING:
    from curation import Corpus


@dataclass(frozen=True)
class Findings:
    """What a look came to. ``why`` is empty when no retrain is called for. ``accepted`` counts the accepted decisions that
    neither the served release nor any finished run has looked at, ``digest`` stands for everything that was looked at."""

    why: str
    accepted: int
    digest: str


def interrupted_run(home: Home, settings: TrainingSettings) -> RunRecord | None:
    """The run that was killed or failed and that a plain retrain would take up: somebody's run with a selection of its
    own is theirs to finish, and one that compared with, or promoted, a release that was rolled back since is nobody's."""
    plain, store = lasting_selection(settings).digest, ReleaseStore(home)
    served = store.current_id()
    for record in RunStore(home).unfinished():
        if record.inputs.selection == plain:
            if record.status == "running" and _is_at_work(record):
                return None
            mine = store.of_run(record.id)
            if served not in (record.inputs.release, mine.id if mine else None):
                return None
            return None if overruled(RunStore(home).open(record), store) else record
    return None


def lasting_selection(settings: TrainingSettings) -> Selection:
    """What every retrain leaves out."""
    return Selection(without_annotators=tuple(settings.without_annotators))


def look(
    home: Home,
    corpus: Corpus,
    training: TrainingSettings,
    serving: ServingSettings,
    watch: WatchSettings,
    decisions: Sequence[Decision],
    settled: str,
    now: datetime,
) -> Findings:
    """Compare ``decisions`` with what the served release learned from and what finished runs looked at. A release that a
    person promoted stays until there are decisions that no run has looked at.

    ``settled`` is the digest of what was tried last. Raises StateError when there is no release yet, ReleaseError when
    the served one is damaged, SettingsError when an annotator to be left out may have been renamed.
    """
    store, runs = ReleaseStore(home), RunStore(home)
    served = store.current()
    selection = lasting_selection(training)
    selection = identify(selection, decisions, store, runs)
    chosen = select(decisions, selection).decisions
    fingerprints = [frozenset((one.fingerprint,)) for one in chosen]
    inputs = run_inputs(chosen, corpus, training, serving, served.id, selection)
    known = read_known(store.folder(served.id) / LINEAGE_FILE)
    news = known.news(chosen, fingerprints)
    ended = [
        record
        for record in runs.list()
        if record.status == "finished"
        or (record.status in ("running", "failed") and overruled(runs.open(record), store))
    ]
    last = ended[0] if ended else None
    old = known.fingerprints | looked_at(home, ended)
    fresh = [one for one, names in zip(chosen, fingerprints, strict=True) if old.isdisjoint(names)]
    accepted = sum(one.verdict == "accepted" for one in fresh)
    # "decisions" goes by user names.
    digest = content_id("watched", inputs.model_dump_json(exclude={"format", "decisions"}))
    why = ""
    is_enough = worth_a_run(news, training, store, served.id, selection)
    worth_it = is_enough and digest != settled and tried_before(runs, inputs) is None
    new = len(fresh) if _is_chosen_by_hand(store, served, last) else news.total
    if worth_it and accepted >= watch.min_accepted:
        why = f"{accepted} new decisions were accepted (watch.min_accepted: {watch.min_accepted})"
    elif worth_it and new and _is_time(watch, last, served, now):
        why = f"{new} decisions are new after {watch.every_hours:g} hours"
    return Findings(why=why, accepted=accepted, digest=digest)


def _is_chosen_by_hand(store: ReleaseStore, served: Release, last: RunRecord | None) -> bool:
    """Whether a person, and no run, has decided that this model is served; new documents for it are no decision."""
    release, promotion = store.promotions.origin(served.id)
    if promotion is not None:
        return is_by_hand(promotion)
    # Promoted by an earlier version: a person's word is what the last run neither made nor compared with.
    release = _without_reindex(store, release)
    return last is not None and release != (last.release_after or last.release_before)


def _without_reindex(store: ReleaseStore, release_id: str) -> str:
    """What a release was before it was indexed anew, if that can be told: it has a lineage and no run has made it."""
    try:
        while True:
            release = store.get(release_id)
            lineage = store.folder(release_id) / LINEAGE_FILE
            if release.run_id or not release.parent or not lineage.exists():
                return release_id
            release_id = release.parent
    except ReleaseError:  # deleted
        return release_id


def _is_time(watch: WatchSettings, last: RunRecord | None, served: Release, now: datetime) -> bool:
    if not watch.every_hours:
        return False
    before = max(served.created_at, last.created_at) if last else served.created_at
    return now - before >= timedelta(hours=watch.every_hours)


def _is_at_work(record: RunRecord) -> bool:
    """Whether the process that the record names lives and is not a later one that got its number."""
    latest = max([record.created_at, *(step.started for step in record.steps)])
    try:
        return psutil.Process(record.process).create_time() <= latest.timestamp() + 5
    except (psutil.Error, ValueError):
        return False
