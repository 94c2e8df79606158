"""Whether a retrain is called for: worked out anew each time from Argilla, the runs and the served release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
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
from training.lineage import compare, read_lineage
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
    no retrain has looked at, ``digest`` stands for everything that was looked at."""

    why: str
    accepted: int
    digest: str


def interrupted_run(home: Home, settings: TrainingSettings) -> RunRecord | None:
    """The run that was killed or failed and that a plain retrain would take up: somebody's run with a selection of its
    own is theirs to finish."""
    plain = lasting_selection(settings).digest
    for record in RunStore(home).unfinished():
        if record.inputs.selection == plain:
            return None if record.status == "running" and _is_at_work(record) else record
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
    """Compare ``decisions`` with what the served release learned from and what the last run looked at.

    ``settled`` is the digest of what was tried last. Raises StateError when there is no release yet, ReleaseError when
    the served one is damaged.
    """
    store, runs = ReleaseStore(home), RunStore(home)
    served = store.current()
    selection = lasting_selection(training)
    chosen = select(decisions, selection).decisions
    inputs = run_inputs(chosen, corpus, training, serving, served.id, selection)
    lineage = read_lineage(store.folder(served.id) / LINEAGE_FILE)
    news = compare(chosen, lineage)
    last = next((record for record in runs.list() if record.status == "finished"), None)
    known = {row.fingerprint for row in lineage if row.role != "left-out"} | _looked_at(runs, last, served)
    accepted = sum(one.verdict == "accepted" and one.fingerprint not in known for one in chosen)
    digest = content_id("watched", inputs.model_dump_json())
    why = ""
    is_enough = worth_a_run(news, training, store, served.id, selection)
    worth_it = is_enough and digest != settled and tried_before(runs, inputs) is None
    if worth_it and accepted >= watch.min_accepted:
        why = f"{accepted} new decisions were accepted (watch.min_accepted: {watch.min_accepted})"
    elif worth_it and _is_time(watch, last, served, now):
        why = f"{news.total} decisions are new after {watch.every_hours:g} hours"
    return Findings(why=why, accepted=accepted, digest=digest)


def _looked_at(runs: RunStore, last: RunRecord | None, served: Release) -> set[str]:
    """Fingerprints of what the last run looked at, if it compared with the release that is still served."""
    if last is None or last.release_before != served.id:
        return set()
    try:
        rows = read_rows(runs.folder(last.id) / "read" / "decisions.jsonl", Decision)
    except ClayloopError:  # old runs may be deleted
        return set()
    return {row.fingerprint for row in rows}


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
