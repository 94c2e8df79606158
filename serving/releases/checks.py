"""What a release has to answer before it is served. Its files' hashes say that nothing changed since it was
made; this says that its parts belong together. It warms the release up, too."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from curation import ReleaseError
from serving.releases.record import Release
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, Hit

_AMONG = 30  # chunks from all over the index, of which the shortest is embedded again and asked for
# Cosine of a chunk's vector to the same chunk embedded now: .9999 in another precision.
_SAME = 0.95
_OTHERS = "Promote another release (`clayloop releases rollback`), or build a new one."


def check_release(
    release: Release, embedder: Embedder, index: ChunkIndex, search: Callable[[str], Sequence[Hit]]
) -> None:
    """Raises ReleaseError, saying why, when the index was made with another model or lacks chunks, or a
    question gets no usable answer."""
    expected = release.index.rows + release.index.answers
    if len(index) != expected:
        raise ReleaseError(
            f"Release {release.id} should index {expected} texts and has {len(index)}.", _OTHERS
        )
    chunks, vectors = index.sample(_AMONG)
    place, chunk = min(enumerate(chunks), key=lambda one: len(one[1].text))
    # What it computes, those who ask meanwhile wait for: one text, which the model remembers for the search.
    alike = float(embedder.documents([chunk.text])[0] @ vectors[place])
    if alike < _SAME:
        raise ReleaseError(
            f"Release {release.id} has an index that its model did not make: a chunk's vector is {alike:.2f} "
            "like that of the same chunk today.",
            _OTHERS,
        )
    hits = search(chunk.text)
    if not hits or not np.isfinite([hit.score for hit in hits]).all():
        raise ReleaseError(f"Release {release.id} finds nothing for {chunk.heading!r}.", _OTHERS)
