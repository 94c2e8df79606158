"""The release that is being served, replaced between two requests when the pointer moves."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable

from curation import ClayloopError, ReleaseError, give_back
from serving.bot.canary import LiveCanary
from serving.releases.following import Follower
from serving.releases.retriever import Retriever
from serving.releases.store import ReleaseStore

log = logging.getLogger(__name__)

# A release that could not be loaded is tried again this often at first (seconds), then less and less.
_RETRY_FIRST, _RETRY_MOST = 5.0, 300.0


class LiveRelease:
    """Holds the current release loaded. A request takes ``retriever`` once and keeps it until its end; a
    conversation's takes ``retriever_for``, which is the canary's for some.

    ``load`` turns a release id into a Retriever and raises ClayloopError when it can't. It runs in a
    background thread while the old release keeps serving; that one's memory is free when the last request has
    let go of it. A current release that is damaged when the bot starts is not served, either: the one before
    is. The constructor raises what ``load`` raises where there is none, or StateError when there is no
    release at all. The pointer is looked at every ``poll_seconds``.

    Where releases are shared on an object store, its pointer is followed, too.

    ``error`` says why the release that the pointer names is not served, or that the pointer cannot be
    followed; None when all is well.
    """

    def __init__(
        self, store: ReleaseStore, load: Callable[[str], Retriever], poll_seconds: float = 0.25
    ) -> None:
        self._store = store
        self._load = load
        self._poll_seconds = poll_seconds
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._failed_id = ""
        self._retry_at = 0.0
        self._retry_after = _RETRY_FIRST
        self._error: str | None = None
        self._follower = Follower(store)
        self.canary = LiveCanary(store, load, self._note)
        release_id = store.current_id()
        if release_id is None:
            raise store.nothing_yet()
        try:
            self.retriever = load(release_id)
        except ReleaseError as error:
            self.retriever = self._earlier(error)
            self._report(release_id, error)

    @property
    def release_id(self) -> str:
        """The release that the next request gets."""
        return self.retriever.release.id

    def retriever_for(self, conversation: str) -> Retriever:
        """The release that answers this conversation."""
        return self.canary.retriever_for(conversation, self.retriever)

    @property
    def error(self) -> str | None:
        return self._error or self._follower.error

    @property
    def is_watching(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def start(self) -> None:
        """Watch the pointer in a background thread."""
        self._thread = threading.Thread(target=self._watch, name="live-release", daemon=True)
        self._thread.start()
        self._follower.start()

    def close(self) -> None:
        """Stop watching. Requests under way keep their release."""
        self._stop.set()
        self._follower.close()
        if self._thread is not None:
            self._thread.join(timeout=30)

    def check(self) -> bool:
        """Look at the pointer once, and switch when it names another release. Says whether it switched."""
        try:
            release_id = self._store.current_id()
        except ClayloopError as error:
            self._report("", error)
            return False
        if release_id is None or release_id == self.release_id:
            self._error = None if release_id else "The pointer to the served release was removed."
            self._failed_id = ""
            return False
        if release_id == self._failed_id and time.monotonic() < self._retry_at:
            return False
        started = time.perf_counter()
        left_to_gc = self.retriever.uses_torch
        try:
            self.retriever = self._load(release_id)
        except ClayloopError as error:
            self._report(release_id, error)
            return False
        except Exception as error:  # whatever a broken release does, the old one keeps serving
            self._report(release_id, ClayloopError(f"Release {release_id} can't be loaded: {error}"))
            return False
        if left_to_gc:
            give_back()  # stops everybody who asks for 0.1 s; what else an old release holds goes by itself
        self._error, self._failed_id, self._retry_after = None, "", _RETRY_FIRST
        self._note(release_id, None)
        log.info("Serving release %s (loaded in %.1f s)", release_id, time.perf_counter() - started)
        return True

    def _earlier(self, error: ReleaseError) -> Retriever:
        """The release before the current one, which cannot be served. Raises ``error`` without one."""
        try:
            return self._load(self._store.previous_id())
        except ClayloopError:
            raise error from None

    def _watch(self) -> None:
        while not self._stop.wait(self._poll_seconds):
            try:
                self.check()
                self.canary.look(self.release_id)
            except Exception:  # the watcher must outlive whatever one look runs into
                log.exception("Looking for a new release failed")

    def _report(self, release_id: str, error: ClayloopError) -> None:
        if release_id != self._failed_id:
            self._retry_after = _RETRY_FIRST
        else:
            self._retry_after = min(self._retry_after * 2, _RETRY_MOST)
        self._retry_at = time.monotonic() + self._retry_after
        self._failed_id = release_id
        if self._error != error.message:
            log.error("Still serving %s: %s", self.release_id, error)
        self._error = error.message
        if release_id:
            self._note(release_id, error.message)

    def _note(self, release_id: str, why: str | None) -> None:
        """For `clayloop releases`. What cannot be noted costs nobody an answer."""
        try:
            self._store.marks.failed(release_id, why)
        except (ClayloopError, OSError) as error:
            log.warning("It could not be noted whether %s can be served: %s", release_id, error)
