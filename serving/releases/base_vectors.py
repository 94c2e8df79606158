"""The base model's own vectors. What an untrained release has in its index is not embedded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from curation import SILENT, Progress, ReleaseError, SettingsError
from serving.releases.record import INDEX_FOLDER, MODEL_FOLDER
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex
from serving.retrieval.making import FITTED
from serving.retrieval.models import model_name, resolve_model
from serving.retrieval.vectors import Vectors
from serving.retrieval.whitening import WHITENING, unwhitened
from serving.settings import EmbeddingSettings

_QUICK_UP_TO = 400  # texts: torch takes 7 s of processor to import, and embeds one in 4 ms instead of 20


class BaseVectors:
    """Embeds with the base model as the newest untrained release of ``store`` has it, without whitening, and
    takes from its index what that has; where there is none, with the base model as it was published.

    ``quick``: without torch where that can be, until a few hundred texts have been embedded.
    Raises SettingsError when the model can't be loaded, ReleaseError when it is that release's.
    """

    def __init__(self, store: ReleaseStore, settings: EmbeddingSettings, quick: bool = False) -> None:
        self._settings, name = settings, settings.model
        release = store.untrained(name)
        self.name = model_name(name)
        self._folder = store.folder(release.id) if release else None
        self._model = self._folder / MODEL_FOLDER if self._folder else resolve_model(name)
        self._asked = 0  # texts, until torch is loaded
        self.embedder = self._load(quick and isinstance(self._model, Path))

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    def queries(self, texts: Sequence[str]) -> Vectors:
        """As ``Embedder.queries``."""
        return self._for(len(texts)).queries(texts)

    def documents(self, texts: Sequence[str], progress: Progress = SILENT) -> Vectors:
        """As ``Embedder.documents``, up to rounding (1e-4)."""
        rows, known = self._known
        there = [place for place, text in enumerate(texts) if text in rows]
        missing = [place for place, text in enumerate(texts) if text not in rows]
        vectors: Vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        vectors[there] = known[[rows[texts[place]] for place in there]]
        if missing:
            embedder = self._for(len(missing))
            vectors[missing] = embedder.documents([texts[place] for place in missing], progress)
        return vectors

    def _for(self, texts: int) -> Embedder:
        """The embedder, with torch from now on if so many more ``texts`` are worth loading it."""
        self._asked += texts
        if self.embedder.is_quick and self._asked > _QUICK_UP_TO:
            self.embedder = self._load(quick=False)
        return self.embedder

    def _load(self, quick: bool) -> Embedder:
        without = WHITENING if self._folder else FITTED
        try:
            if quick:
                return Embedder.quick(Path(self._model), self._settings, self.name, without=without)
            return Embedder.shared(self._model, self._settings, without)
        except SettingsError as error:
            if self._folder is None:
                raise
            raise ReleaseError(
                f"The model of {self._folder.name}, the base that others are compared with, can't be loaded.",
                "`clayloop releases verify` says what is wrong: restore its folder, or remove it.",
            ) from error

    @cached_property
    def _known(self) -> tuple[Mapping[str, int], Vectors]:
        """Text → row, and the vectors."""
        if self._folder is None:
            return {}, np.empty((0, self.dimension), dtype=np.float32)
        index = ChunkIndex.open(self._folder / INDEX_FOLDER)
        rows = {chunk.text: row for row, chunk in enumerate(index.chunks())}
        return rows, unwhitened(self._folder / MODEL_FOLDER, index.space().chunks)
