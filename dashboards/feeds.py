"""The feeds of the page: each asks Argilla once for all that have the page open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from curation import ArgillaSettings, AskedTurn, DatasetProgress, read_newest_turns, read_progress
from dashboards.data.argilla import ArgillaReader
from dashboards.data.feed import Feed, Snapshot, Telling
from dashboards.data.standing import Standing, StandingReader
from dashboards.escaping import plain
from dashboards.handover import Handover
from dashboards.sections import show_notice
from serving import ReleaseStore
from training import CanaryReport, read_canary

if TYPE_CHECKING:
    import argilla as rg

T = TypeVar("T")
NEWEST = 300  # turns
_CANARY_SECONDS = 30.0
_LEAST = 4.5  # seconds between two looks at decisions and turns, which cost more than others
_EARLIER = 0.9  # so that a page that asks each 5 s finds it due each time


def progress_feed(handover: Handover) -> Feed[DatasetProgress]:
    """Annotation progress."""
    every = handover.dashboard.refresh_seconds
    return _asking(handover, read_progress, every, "Annotation progress")


def standing_feed(handover: Handover) -> Feed[Standing]:
    """How the loop stands."""

    def make() -> Feed[Standing]:
        telling = Telling()
        return Feed(StandingReader(handover, telling), _every(handover), "How the loop stands", telling)

    return _shared(handover, "How the loop stands", make)


def turns_feed(handover: Handover) -> Feed[AskedTurn]:
    """The newest turns."""

    def newest(client: rg.Argilla, settings: ArgillaSettings) -> list[AskedTurn]:
        return read_newest_turns(client, settings, NEWEST)

    return _asking(handover, newest, _every(handover), "The newest turns")


def canary_feed(handover: Handover) -> Feed[CanaryReport]:
    """How the canary does; nothing while none is running."""

    def judged(client: rg.Argilla, settings: ArgillaSettings) -> list[CanaryReport]:
        store = ReleaseStore(handover.home)
        running = store.marks.read().canary
        return [read_canary(client, settings, running, store.current().id)] if running else []

    return _asking(handover, judged, _CANARY_SECONDS, "The canary")


def read_once(
    key: str,
    read: Callable[[], Sequence[T]],
    what: str,
    meanwhile: str,
    patience: float = 0.0,
    telling: Telling | None = None,
) -> Sequence[T] | None:
    """What takes long, read once for each ``key``, for all pages; the newest few are kept. None until it is
    there: then the page says ``meanwhile`` and what ``read`` tells ``telling``, or what is wrong."""
    feed = _kept(f"{what}|{key}", lambda: Feed(read, float("inf"), what, telling))
    found: Snapshot[T] = feed.latest(patience)
    if found.problem is not None:
        show_notice(found.problem.message, found.problem.hint)
    if found.waiting:
        st.info(f"{meanwhile} {plain(found.told)}", icon=":material/hourglass_empty:")
    return found.items


def _every(handover: Handover) -> float:
    return max(_EARLIER * handover.dashboard.refresh_seconds, _LEAST)


def _asking(
    handover: Handover,
    read: Callable[[rg.Argilla, ArgillaSettings], Sequence[T]],
    every: float,
    what: str,
) -> Feed[T]:
    """Asks Argilla over a connection of its own."""
    return _shared(
        handover, what, lambda: Feed(ArgillaReader(handover.home, handover.argilla, read), every, what)
    )


def _shared(handover: Handover, what: str, make: Callable[[], Feed[T]]) -> Feed[T]:
    """The feed that all pages of this dashboard share."""
    key = f"{what}|{handover.root}|{handover.argilla.url}|{handover.dashboard.refresh_seconds}"
    found: Feed[T] = _kept(key, make)
    return found


def _made(key: str, _make: Callable[[], Feed[Any]]) -> Feed[Any]:
    """``key`` is what Streamlit keeps the feed by."""
    return _make()


_kept: Callable[[str, Callable[[], Feed[Any]]], Feed[Any]] = st.cache_resource(
    _made, show_spinner=False, max_entries=24
)
