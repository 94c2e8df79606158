"""The feeds of the page: each asks Argilla once for all that have the page open."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from dashboards.data.annotation import AnnotationReader, DatasetRow
from dashboards.data.feed import Feed
from dashboards.data.standing import Standing, StandingReader
from dashboards.handover import Handover

_STANDING_SECONDS = 8.0  # it reads the corpus and a ledger too


def progress_feed(handover: Handover) -> Feed[DatasetRow]:
    """Annotation progress."""
    return _progress(_key(handover), handover)


def standing_feed(handover: Handover) -> Feed[Standing]:
    """How the loop stands."""
    return _standing(_key(handover), handover)


def _key(handover: Handover) -> str:
    return f"{handover.root}|{handover.argilla.url}|{handover.dashboard.refresh_seconds}"


def _new_progress(key: str, _handover: Handover) -> Feed[DatasetRow]:
    """``key`` is what Streamlit caches the feed by."""
    read = AnnotationReader(_handover.home, _handover.argilla)
    return Feed(read, every=_handover.dashboard.refresh_seconds, what="Annotation progress")


def _new_standing(key: str, _handover: Handover) -> Feed[Standing]:
    every = max(_handover.dashboard.refresh_seconds, _STANDING_SECONDS)
    return Feed(StandingReader(_handover), every=every, what="How the loop stands")


_progress: Callable[[str, Handover], Feed[DatasetRow]] = st.cache_resource(
    _new_progress, show_spinner=False, max_entries=8
)
_standing: Callable[[str, Handover], Feed[Standing]] = st.cache_resource(
    _new_standing, show_spinner=False, max_entries=8
)
