"""Asking for a retrain from the page: it leaves a request and nothing else, and `clayloop watch` retrains. So
a click can neither start two retrains nor one that ends with the page."""

from __future__ import annotations

from datetime import datetime, timezone

from dashboards.acting import Act
from dashboards.data.actions import note_action
from dashboards.data.runs import read_runs
from dashboards.handover import Handover
from dashboards.retrain_request import ask_for_retrain, is_watched, pending_request
from dashboards.wording import age

_LAST = 5  # runs to look at for one at work
_EFFECT = (
    "What annotators have decided since the served release is learned now, without waiting for "
    "`watch.min_accepted` of it. It takes some minutes of this machine's processors. The bot goes on "
    "answering, and gets the new release only if the gate lets it through."
)
_UNWATCHED = (
    "Nobody is watching, so nobody would see the click: start `clayloop watch` (with `watch.with_up = true` "
    "it is a part of `clayloop up`), or run `retrain-from-annotations` in a terminal."
)


def retrain_act(handover: Handover) -> Act:
    """The button that asks for a retrain."""

    def do(who: str) -> None:
        if not retrain_obstacle(handover):  # else another click came first
            note_action(handover.home, who, "asked for a retrain")
            ask_for_retrain(handover.home, f"{who}, on the dashboard,")

    return Act("Retrain now", _EFFECT, "Yes, retrain", do, icon=":material/model_training:")


def is_retraining(handover: Handover) -> bool:
    """Whether a run is at work."""
    return any(row.running for row in read_runs(handover.home, _LAST).rows)


def retrain_obstacle(handover: Handover) -> str:
    """Why none can be asked for now; "" where one can. Raises OSError when the folder can't be read."""
    request, who = pending_request(handover.home), ""
    if request is not None:
        who = f"{request.by} asked for it {age(request.asked_at, datetime.now(timezone.utc))}"
    if is_retraining(handover):
        waiting = f" Another request waits: {who}." if who else ""
        return f"A retrain is at work.{waiting} The next one can be asked for when it has ended."
    nobody = "" if is_watched(handover.home) else _UNWATCHED
    if not who:
        return nobody
    soon = "The watcher begins as soon as it can, and tries again after a failure."
    return f"A retrain waits to be started: {who}. {nobody or soon}"
