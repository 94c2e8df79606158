"""The served model over the documents as they are now: a release with another index and nothing learned."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from curation import SILENT, SUGGESTIONS_FOLDER, Home, Progress, StateError
from serving.releases.answering import ANSWERING_FILE, Answering
from serving.releases.answers import ANSWERS_FILE, carry_answers
from serving.releases.build import ReleaseParts, build_release
from serving.releases.carried_lineage import accepted_questions, carry_lineage, chunks_not_to_index
from serving.releases.files import share_file
from serving.releases.promotions import REINDEX
from serving.releases.record import (
    CARD_FILE,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RELEASE_FILE,
    RERANKER_FOLDER,
    Release,
    ReleaseOrigin,
)
from serving.releases.retriever import load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.making import embed_chunks, lead_questions
from serving.retrieval.reranker import RerankerChoice
from serving.settings import ServingSettings

if TYPE_CHECKING:
    from curation import Corpus

_BUILD = "reindex"
# What is made anew, or told of another release.
_MADE_ANEW = {ANSWERS_FILE, CARD_FILE, RELEASE_FILE, LINEAGE_FILE, ANSWERING_FILE}


def reindex(
    home: Home, corpus: Corpus, settings: ServingSettings, progress: Progress = SILENT
) -> Release | None:
    """Publish and promote a release with the served one's model and an index over the corpus.

    Chunks that annotators rejected (see ``chunks_not_to_index``) stay out. What the served release learned
    from, its curated answers and how it scored are carried over; its lineage says of judged chunks whether
    they are in the new index, and an answer whose source has changed is stale.

    Returns None when the served index holds exactly these chunks already. Raises StateError without a release
    or when no chunk is left, ReleaseError when the served release is damaged, BusyError while another reindex
    is at work, and NotPromotedError when somebody promotes another release in the meantime: the new one is
    kept.
    """
    store = ReleaseStore(home)
    served = load_release(store, None, settings)
    parent = served.release
    lineage = store.folder(parent.id) / LINEAGE_FILE
    left_out = chunks_not_to_index(lineage, corpus.chunks, settings.retrieval.include_unreviewed)
    chunks = [chunk for chunk in corpus.chunks if chunk.id not in left_out]
    if not chunks:
        raise StateError("No chunk is left to index.", "Run `clayloop ingest SOURCE` first.")
    if {(one.id, one.address) for one in served.index.documents()} == {
        (one.id, one.address) for one in chunks
    }:
        return None
    # Empty: a lineage that a killed reindex of another release left must not get into this one.
    folder = store.staging(_BUILD, empty=True)
    try:
        for path in store.folder(parent.id).iterdir():
            if path.is_file() and path.name not in _MADE_ANEW:
                shutil.copyfile(path, folder / path.name)
        if (learned := store.folder(parent.id) / SUGGESTIONS_FOLDER).is_dir():
            shutil.copytree(learned, folder / SUGGESTIONS_FOLDER)
        if lineage.exists():
            carry_lineage(lineage, folder / LINEAGE_FILE, {chunk.id for chunk in chunks})
        reranker = None
        if parent.reranker is not None:
            reranker = RerankerChoice(store.folder(parent.id) / RERANKER_FOLDER, parent.reranker)
        origin = ReleaseOrigin(**{**parent.model_dump(), "parent": parent.id, "run_id": None})
        shutil.copytree(
            store.folder(parent.id) / MODEL_FOLDER, folder / MODEL_FOLDER, copy_function=share_file
        )
        embedder = served.embedder.placed(folder / MODEL_FOLDER, parent.embedding.name)
        space = embed_chunks(embedder, chunks, served.index, progress)
        here = {chunk.id for chunk in chunks}
        asked = accepted_questions(lineage, corpus, here, parent.index.asked)
        questions, space = lead_questions(embedder, chunks, space, asked, served.index)
        parts = ReleaseParts(
            embedder,
            chunks,
            space,
            questions,
            reranker,
            carry_answers(served.answers.values(), corpus),
            parent.index.asked,
            served.index,
            Answering.of(store.folder(parent.id), parent),
        )
        release = store.publish(folder, build_release(folder, parts, origin, settings, progress))
    finally:
        store.discard(_BUILD)
    store.promote(release.id, expected=parent.id, by=REINDEX)
    return release
