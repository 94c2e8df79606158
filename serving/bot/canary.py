"""The canary's release, loaded beside the one that is served."""

from __future__ import annotations

import logging
from collections.abc import Callable

from curation import ClayloopError, give_back
from serving.releases.canary import Canary
from serving.releases.retriever import Retriever
from serving.releases.store import ReleaseStore

log = logging.getLogger(__name__)


class LiveCanary:
    """Follows the canary in the releases' marks. One that cannot be loaded answers nobody:
    `clayloop releases` says why, and it is tried again when it is set anew."""

    def __init__(self, store: ReleaseStore, load: Callable[[str], Retriever]) -> None:
        self._store = store
        self._load = load
        self._seen: tuple[Canary | None, str] = (None, "")
        self._answers: tuple[Canary, Retriever] | None = None

    @property
    def release_id(self) -> str | None:
        """The release that answers a share of the conversations, if one does."""
        return self._answers[1].release.id if self._answers else None

    def retriever_for(self, conversation: str) -> Retriever | None:
        """The canary's release where it is to answer ``conversation``."""
        answers = self._answers
        return answers[1] if answers and answers[0].takes(conversation) else None

    def look(self, served: str) -> None:
        """Look at the marks once, beside the release that is ``served``. Raises StateError for damaged
        ones."""
        canary = self._store.marks.read().canary
        if (canary, served) == self._seen:
            return
        self._seen = canary, served
        if canary is None or canary.release == served:
            if self._answers is not None:
                self._answers = None
                give_back()
            return
        try:
            if self.release_id != canary.release:
                self._answers = None
                self._answers = canary, self._load(canary.release)
                log.info("Release %s answers %.0f%% of the conversations", canary.release, canary.share * 100)
            elif self._answers is not None:
                self._answers = canary, self._answers[1]
        except ClayloopError as error:
            log.error("The canary %s answers nobody: %s", canary.release, error)
            self._store.marks.failed(canary.release, error.message)
