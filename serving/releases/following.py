"""Following the releases on an object store: what is served there is fetched, checked, and served here."""

from __future__ import annotations

import logging
import threading

from curation import ClayloopError, ReleaseError, StateError
from serving.releases.promotions import PERSON
from serving.releases.record import RELEASE_FILE, Release
from serving.releases.shipping import check_fetched, read_record
from serving.releases.store import ReleaseStore

log = logging.getLogger(__name__)

_PULL = "pull"  # what is put together in a staging folder


def pull(store: ReleaseStore) -> Release | None:
    """Serve what the object store's pointer names, and return it if that is new here. None: nothing is new,
    or releases are not shared.

    Raises StateError when the store does not answer or the disk is full, ReleaseError when what is there is
    not what its record says: what is served here stays.
    """
    found = store.shared.pointer()
    if found is None:
        return None
    pointer, version = found
    if pointer.name == store.served_id():
        store.shared.saw(version)
        return None
    if not store.folder(pointer.name).is_dir():
        _fetch(store, pointer.name)
    release = store.follow(pointer.name, pointer.by)
    store.shared.saw(version)
    return release


def pull_if_possible(store: ReleaseStore) -> None:
    """As ``pull``, but where the object store does not answer, what is served here is good enough. Raises
    StateError where there is nothing."""
    try:
        pull(store)
    except StateError as error:
        if store.current_id() is None:
            raise
        log.warning("%s", error.message)


def share(store: ReleaseStore, url: str | None) -> Release | None:
    """Share the releases at ``url`` from now on (None: no longer). What is served there is served here; where
    nothing is, what is served here is served there. Returns what is served at ``url`` then.

    Raises SettingsError for what is no object store or bucket, StateError when it does not answer,
    ReleaseError for a damaged release: then they are shared as before.
    """
    with store.shared.shared_at(url):
        pull(store)
        served = store.current_id()
        if url is None or served is None:
            return None
        release = store.verify(served)
        if store.shared.pointer() is None:
            line = store.promotions.origin(served)
            store.share(release, line.by if line else PERSON)
        return release


def _fetch(store: ReleaseStore, release_id: str) -> None:
    folder = store.staging(_PULL, empty=True)
    try:
        store.shared.fetch(release_id, folder, [RELEASE_FILE])
        release = read_record(folder)
        if release.id != release_id:
            raise ReleaseError(
                f"What is shared as {release_id} is {release.id}.",
                "Promote another release where it was made.",
            )
        store.shared.fetch(release_id, folder, release.files)
        check_fetched(folder, release)
        store.take_in(folder, release)
    finally:
        store.discard(_PULL)


class Follower:
    """Follows in a background thread, every ``seconds``. ``error`` says what is in the way; None: nothing."""

    def __init__(self, store: ReleaseStore, seconds: float = 5.0) -> None:
        self._store = store
        self._seconds = seconds
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="follower", daemon=True)
        self.error: str | None = None

    def start(self) -> None:
        if self._store.shared.url is not None:
            self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout=30)

    def look(self) -> None:
        """Look once. What goes wrong is kept in ``error`` and tried again."""
        try:
            release = pull(self._store)
            self.error = None
        except ClayloopError as error:
            if self.error != error.message:
                log.error("Not followed: %s", error)
            self.error = error.message
        except Exception as error:  # what is served here must outlive whatever a look runs into
            log.exception("Following failed")
            self.error = f"{type(error).__name__}: {error}"
        else:
            if release is not None:
                log.info("Followed to release %s", release.id)

    def _follow(self) -> None:
        while not self._stop.wait(self._seconds):
            self.look()
