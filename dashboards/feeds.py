"""The feeds of the page: each asks Argilla once for all that have the page open."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import streamlit as st

from curation import ArgillaSettings, AskedTurn, read_newest_turns
from dashboards.data.annotation import ArgillaReader, DatasetRow, read_datasets
from dashboards.data.feed import Feed, Telling
from dashboards.data.standing import Standing, StandingReader
from dashboards.handover import Handover
from serving import ReleaseStore
from training import CanaryReport, read_canary

if TYPE_CHECKING:
    import argilla as rg

T = TypeVar("T")
NEWEST = 300  # turns
_CANARY_SECONDS = 30.0
_LEAST = 4.5  # seconds between two looks at decisions and turns, which cost more than others
_EARLIER = 0.9  # so that a page that asks each 5 s finds it due each time


def progress_feed(handover: Handover) -> Feed[DatasetRow]:
    """Annotation progress."""
    return _progress(_key(handover), handover)


def standing_feed(handover: Handover) -> Feed[Standing]:
    """How the loop stands."""
    return _standing(_key(handover), handover)


def turns_feed(handover: Handover) -> Feed[AskedTurn]:
    """The newest turns."""
    return _turns(_key(handover), handover)


def canary_feed(handover: Handover) -> Feed[CanaryReport]:
    """How the canary does; nothing while none is running."""
    return _canary(_key(handover), handover)


def asked_once(key: str, read: Callable[[], Sequence[T]], what: str) -> Feed[T]:
    """What takes long, read once for each ``key``, for all pages; the newest few are kept."""
    found: Feed[T] = _once(key, read, what)
    return found


def _key(handover: Handover) -> str:
    return f"{handover.root}|{handover.argilla.url}|{handover.dashboard.refresh_seconds}"


def _new_progress(key: str, _handover: Handover) -> Feed[DatasetRow]:
    """``key`` is what Streamlit caches the feed by."""
    read = ArgillaReader(_handover.home, _handover.argilla, read_datasets)
    return Feed(read, every=_handover.dashboard.refresh_seconds, what="Annotation progress")


def _new_turns(key: str, _handover: Handover) -> Feed[AskedTurn]:
    def newest(client: rg.Argilla, settings: ArgillaSettings) -> list[AskedTurn]:
        return read_newest_turns(client, settings, NEWEST)

    read = ArgillaReader(_handover.home, _handover.argilla, newest)
    every = max(_EARLIER * _handover.dashboard.refresh_seconds, _LEAST)
    return Feed(read, every=every, what="The newest turns")


def _new_canary(key: str, _handover: Handover) -> Feed[CanaryReport]:
    def judged(client: rg.Argilla, settings: ArgillaSettings) -> list[CanaryReport]:
        store = ReleaseStore(_handover.home)
        running = store.marks.read().canary
        return [read_canary(client, settings, running, store.current().id)] if running else []

    read = ArgillaReader(_handover.home, _handover.argilla, judged)
    return Feed(read, every=_CANARY_SECONDS, what="The canary")


def _new_standing(key: str, _handover: Handover) -> Feed[Standing]:
    every = max(_EARLIER * _handover.dashboard.refresh_seconds, _LEAST)
    telling = Telling()
    return Feed(StandingReader(_handover, telling), every, "How the loop stands", telling)


def _new_once(key: str, _read: Callable[[], Sequence[Any]], _what: str) -> Feed[Any]:
    return Feed(_read, every=float("inf"), what=_what)


_once: Callable[[str, Callable[[], Sequence[Any]], str], Feed[Any]] = st.cache_resource(
    _new_once, show_spinner=False, max_entries=16
)
_progress: Callable[[str, Handover], Feed[DatasetRow]] = st.cache_resource(
    _new_progress, show_spinner=False, max_entries=8
)
_turns: Callable[[str, Handover], Feed[AskedTurn]] = st.cache_resource(
    _new_turns, show_spinner=False, max_entries=8
)
_canary: Callable[[str, Handover], Feed[CanaryReport]] = st.cache_resource(
    _new_canary, show_spinner=False, max_entries=8
)
_standing: Callable[[str, Handover], Feed[Standing]] = st.cache_resource(
    _new_standing, show_spinner=False, max_entries=8
)
