"""The canary's release, loaded beside the one that is served."""

from __future__ import annotations

import logging
from collections.abc import Callable

from curation import ClayloopError, StateError, give_back
from serving.bot.interleaving import Interleaved
from serving.releases.canary import Canary
from serving.releases.retriever import Retriever
from serving.releases.store import ReleaseStore

log = logging.getLogger(__name__)


class LiveCanary:
    """Follows the canary in the releases' marks. One that cannot be loaded answers nobody, and ``note`` is
    told why (None: it can be); it is tried again when it is set anew. While the marks are damaged all stays
    as it is."""

    def __init__(
        self,
        store: ReleaseStore,
        load: Callable[[str], Retriever],
        note: Callable[[str, str | None], None],
    ) -> None:
        self._store = store
        self._load = load
        self._note = note
        self._seen: tuple[Canary | None, str] = (None, "")
        self._answers: tuple[Canary, Retriever] | None = None
        self._trouble = ""

    @property
    def release_id(self) -> str | None:
        """The release that answers a share of the conversations, if one does."""
        return self._answers[1].release.id if self._answers else None

    def retriever_for(self, conversation: str, served: Retriever) -> Retriever:
        """What answers ``conversation``: the canary, both, or what is ``served``."""
        answers = self._answers
        if answers is None or not answers[0].takes(conversation):
            return served
        canary, retriever = answers
        return Interleaved(served, retriever, conversation) if canary.interleave else retriever

    def look(self, served: str) -> None:
        """Look at the marks once, beside the release that is ``served``."""
        try:
            canary = self._store.marks.read().canary
        except StateError as error:
            if error.message != self._trouble:  # it is looked at several times a second
                log.error("The canary stays as it is: %s", error)
            self._trouble = error.message
            return
        self._trouble = ""
        if (canary, served) != self._seen:
            self._seen = canary, served
            self._change(canary if canary and canary.release != served else None)

    def _change(self, canary: Canary | None) -> None:
        if canary is not None and self._answers is not None and self.release_id == canary.release:
            self._answers = canary, self._answers[1]
            return
        if self._answers is not None:
            left_to_gc, self._answers = self._answers[1].uses_torch, None
            if left_to_gc:
                give_back()
        if canary is None:
            return
        try:
            self._answers = canary, self._load(canary.release)
        except ClayloopError as error:
            log.error("The canary %s answers nobody: %s", canary.release, error)
            self._note(canary.release, error.message)
            return
        log.info("Release %s answers %.0f%% of the conversations", canary.release, canary.share * 100)
        self._note(canary.release, None)
