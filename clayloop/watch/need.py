"""Decides whether to retrain, from what Argilla holds, the runs and the served release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation import Corpus, Decision, content_id
from serving import ReleaseStore
from training import Due, Rung, is_due, situation_now

if TYPE_CHECKING:
    from clayloop.settings import Settings


@dataclass(frozen=True)
class Findings:
    """What a check found.

    ``why`` says why to retrain, and is empty when there is no reason. ``rung`` is the highest that is to be
    tried. ``digest`` changes with everything that the answer depends on, the clock apart: a retrain that
    does anything changes it.
    """

    why: str
    rung: Rung
    digest: str


def look(settings: Settings, decisions: Sequence[Decision]) -> Findings:
    """Ask ``training.is_due`` whether ``decisions``, all those in Argilla, call for a retrain. While the
    served release is pinned nothing does.

    Raises StateError when there is no release yet, ReleaseError when the served one is damaged.
    """
    home, store = settings.state, ReleaseStore(settings.state)
    store.current()  # raises when there is none, whatever else is missing
    found = situation_now(home, Corpus.load(home), settings.training, settings.serving, decisions)
    choice = is_due(found, Due(settings.watch.min_accepted, settings.watch.every_hours))
    unfinished = (f"{one.record.id} {one.record.status}" for one in found.unfinished)
    runs = [*unfinished, *(one.id for one in found.finished)]
    is_pinned = found.served.id in store.marks.read().pinned
    digest = content_id("watched", found.inputs.model_dump_json(), found.served.id, str(is_pinned), *runs)
    return Findings("" if choice.what == "skip" or is_pinned else choice.why, choice.rung, digest)
