"""The base model's own vectors. What an untrained release has in its index is not embedded again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from curation import SILENT, Progress
from serving.releases.record import INDEX_FOLDER, MODEL_FOLDER, Release
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex
from serving.retrieval.vectors import Vectors
from serving.retrieval.whitening import unwhitened


class BaseVectors:
    """Embeds with the base model ``embedder``, without whitening; what the newest untrained release of
    ``store`` has in its index is taken from there."""

    def __init__(self, embedder: Embedder, store: ReleaseStore) -> None:
        self._embedder, self._store = embedder, store

    @property
    def dimension(self) -> int:
        return self._embedder.dimension

    @property
    def name(self) -> str:
        return self._embedder.name

    def queries(self, texts: Sequence[str]) -> Vectors:
        """As ``Embedder.queries``."""
        return self._embedder.queries(texts)

    def documents(self, texts: Sequence[str], progress: Progress = SILENT) -> Vectors:
        """As ``Embedder.documents``, up to rounding (1e-4)."""
        rows, known = self._known
        there = [place for place, text in enumerate(texts) if text in rows]
        missing = [place for place, text in enumerate(texts) if text not in rows]
        vectors: Vectors = np.empty((len(texts), self.dimension), dtype=np.float32)
        vectors[there] = known[[rows[texts[place]] for place in there]]
        if missing:
            vectors[missing] = self._embedder.documents([texts[place] for place in missing], progress)
        return vectors

    @cached_property
    def _known(self) -> tuple[Mapping[str, int], Vectors]:
        """Text → row, and the vectors."""
        release = self._untrained_release()
        if release is None:
            return {}, np.empty((0, self.dimension), dtype=np.float32)
        folder = self._store.folder(release.id)
        index = ChunkIndex.open(folder / INDEX_FOLDER)
        rows = {chunk.text: row for row, chunk in enumerate(index.chunks())}
        return rows, unwhitened(folder / MODEL_FOLDER, index.space().chunks)

    def _untrained_release(self) -> Release | None:
        return next((one for one in reversed(self._store.list()) if self._is_untrained(one)), None)

    def _is_untrained(self, release: Release) -> bool:
        return (
            not release.trained_on
            and release.base_model == self._embedder.settings.model
            and release.embedding.dimension == self.dimension
        )
