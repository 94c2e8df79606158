"""Whether a retrain is called for: worked out anew each time from Argilla, the runs and the served release."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from clayloop.watch.settings import WatchSettings
from curation.errors import ClayloopError
from curation.home import Home
from curation.records import Decision
from curation.records.identity import content_id
from serving.release import LINEAGE_FILE, Release
from serving.releases import ReleaseStore
from serving.settings import ServingSettings
from training.annotators import identify
from training.lineage import compare, fingerprints_of, read_lineage
from training.news import run_inputs, tried_before, worth_a_run
from training.rows import read_rows
from training.runs import RunRecord, RunStore
from training.selection import Selection, select
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from curation.corpus import Corpus


@dataclass(frozen=True)
class Findings:
    """What a look came to. ``why`` is empty when no retrain is called for. ``accepted`` counts the accepted decisions that
    neither the served release nor any finished run has looked at, ``digest`` stands for everything that was looked at."""

    why: str
    accepted: int
    digest: str


def interrupted_run(home: Home, settings: TrainingSettings) -> RunRecord | None:
    """The run that was killed or failed and that a plain retrain would take up: somebody's run with a selection of its
    own is theirs to finish, and one that compared with a release that was rolled back since is nobody's."""
    plain, store = lasting_selection(settings).digest, ReleaseStore(home)
    served = store.current_id()
    for record in RunStore(home).unfinished():
        if record.inputs.selection == plain:
            if record.status == "running" and _is_at_work(record):
                return None
            mine = store.of_run(record.id)
            return record if served in (record.inputs.release, mine.id if mine else None) else None
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
    inputs = run_inputs(chosen, corpus, training, serving, served.id, selection)
    lineage = read_lineage(store.folder(served.id) / LINEAGE_FILE)
    news = compare(chosen, lineage)
    finished = [record for record in runs.list() if record.status == "finished"]
    last = finished[0] if finished else None
    known = fingerprints_of(lineage)
    fresh = [one for one in chosen if not one.is_among(known)]
    for record in finished:
        if not fresh:
            break
        looked_at = _looked_at(runs, record)
        fresh = [one for one in fresh if not one.is_among(looked_at)]
    accepted = sum(one.verdict == "accepted" for one in fresh)
    digest = content_id("watched", inputs.model_dump_json(exclude={"decisions"}))  # those go by user names
    why = ""
    is_enough = worth_a_run(news, training, store, served.id, selection)
    worth_it = is_enough and digest != settled and tried_before(runs, inputs) is None
    # A person's word: what is served is neither what the last run made nor what it compared with.
    chosen_by_hand = last is not None and served.id != (last.release_after or last.release_before)
    new = len(fresh) if chosen_by_hand else news.total
    if worth_it and accepted >= watch.min_accepted:
        why = f"{accepted} new decisions were accepted (watch.min_accepted: {watch.min_accepted})"
    elif worth_it and new and _is_time(watch, last, served, now):
        why = f"{new} decisions are new after {watch.every_hours:g} hours"
    return Findings(why=why, accepted=accepted, digest=digest)


def _looked_at(runs: RunStore, record: RunRecord) -> frozenset[str]:
    """Fingerprints of what a finished run looked at; none when its files are gone: old runs may be deleted."""
    path = runs.folder(record.id) / "read" / "decisions.jsonl"
    try:
        return _fingerprints(path, path.stat().st_mtime_ns)
    except (OSError, ClayloopError):
        return frozenset()


@lru_cache(maxsize=256)
def _fingerprints(path: Path, changed: int) -> frozenset[str]:
    """Kept between looks: every run has read nearly the same decisions, and its file does not change any more
    (``changed``, in ns, tells if it does)."""
    return frozenset(sys.intern(one) for row in read_rows(path, Decision) for one in row.fingerprints)


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
