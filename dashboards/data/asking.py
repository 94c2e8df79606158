"""Whether a retrain can be asked for now, and what stands in the way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from curation import Home
from dashboards.data.runs import RunRow
from dashboards.retrain_request import RetrainRequest, ask_for_retrain, is_watched, pending_request

Standing = Literal["running", "asked", "asked-in-vain", "unwatched", "ready"]


@dataclass(frozen=True)
class Asking:
    """How things stand.

    ``running``: a retrain is at work. ``asked``: a request waits for the watcher; ``asked-in-vain``: one
    waits, and nobody watches. ``unwatched``: none waits, and nobody would serve one. ``ready``: one may be
    left. ``request`` is the one that waits, if any.
    """

    standing: Standing
    request: RetrainRequest | None = None


def read_asking(home: Home, runs: Sequence[RunRow]) -> Asking:
    """How things stand now; ``runs`` are the newest ones. Raises OSError when the folder can't be read."""
    request = pending_request(home)
    if any(row.running for row in runs):
        return Asking("running", request)
    watched = is_watched(home)
    if request is not None:
        return Asking("asked" if watched else "asked-in-vain", request)
    return Asking("ready" if watched else "unwatched")


def ask(home: Home, runs: Sequence[RunRow], who: str) -> Asking:
    """Leave a request of ``who``, unless another request, a run or the watcher's end came first.

    Returns how things stand afterwards. Raises StateError when the request can't be written.
    """
    before = read_asking(home, runs)
    if before.standing != "ready":
        return before
    return Asking("asked", ask_for_retrain(home, f"{who}, on the dashboard,"))
