"""The served model over the documents as they are now: a release with another index and nothing learned."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from typing import TYPE_CHECKING

from curation import SILENT, Home, Progress, StateError
from serving.releases.build import assemble
from serving.releases.carried_lineage import carry_lineage
from serving.releases.promotions import REINDEX
from serving.releases.record import (
    CARD_FILE,
    INDEX_FOLDER,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RELEASE_FILE,
    RERANKER_FOLDER,
    Release,
)
from serving.releases.store import ReleaseStore
from serving.retrieval.retriever import load_release
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from curation import Corpus

_BUILD = "reindex"
_BUILT_ANEW = {MODEL_FOLDER, INDEX_FOLDER, CARD_FILE, RELEASE_FILE, LINEAGE_FILE}


def reindex(
    home: Home,
    corpus: Corpus,
    settings: ServingSettings,
    left_out: Collection[str] = (),
    progress: Progress = SILENT,
    served_id: str | None = None,
) -> Release | None:
    """Publish and promote a release with the served one's model and an index over the corpus without the chunk ids
    in ``left_out``. What the served release learned from (its lineage, which says of judged chunks whether they are in the
    new index) and how it scored are carried over.
    ``served_id`` is the release that ``left_out`` was worked out for (None: what is served now).

    Returns None when the served index holds exactly these chunks already. Raises StateError without a release or
    when no chunk is left, ReleaseError when the served release is damaged, BusyError while another one is at work, and
    NotPromotedError when somebody promotes another release in the meantime: the new one is kept and not served.
    """
    store = ReleaseStore(home)
    served = load_release(store, served_id, settings)
    chunks = [chunk for chunk in corpus.chunks if chunk.id not in set(left_out)]
    if not chunks:
        raise StateError("No chunk is left to index.", "Run `clayloop ingest SOURCE` first.")
    if {(chunk.id, chunk.url) for chunk in served.index.chunks()} == {
        (chunk.id, chunk.url) for chunk in chunks
    }:
        return None
    parent = served.release
    # Nothing in it is resumed: another release's lineage, which a killed one left, must not get into this one.
    folder = store.staging(_BUILD, empty=True)
    try:
        for path in store.folder(parent.id).iterdir():
            if path.is_file() and path.name not in _BUILT_ANEW:
                shutil.copyfile(path, folder / path.name)
        lineage = store.folder(parent.id) / LINEAGE_FILE
        if lineage.exists():
            carry_lineage(lineage, folder / LINEAGE_FILE, {chunk.id for chunk in chunks})
        if parent.reranker is not None:
            shutil.copytree(store.folder(parent.id) / RERANKER_FOLDER, folder / RERANKER_FOLDER)
        draft = assemble(
            folder,
            served.embedder,
            chunks,
            settings,
            base_model=parent.base_model,
            prompt=parent.prompt,
            parent=parent.id,
            trained_on=parent.trained_on,
            metrics=parent.metrics,
            reranker=parent.reranker,
            progress=progress,
        )
        release = store.publish(folder, draft)
    finally:
        store.discard(_BUILD)
    store.promote(release.id, expected=parent.id, by=REINDEX)
    return release
