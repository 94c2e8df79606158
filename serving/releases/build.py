"""Putting a release folder together: the model, the index, the reranker, the threshold, the card."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from curation import SILENT, Chunk, Progress, write_json, write_text
from serving.releases.answering import Answering
from serving.releases.answers import ANSWERS_FILE, CuratedAnswer
from serving.releases.card import model_card
from serving.releases.decided import read_decided
from serving.releases.record import (
    CARD_FILE,
    INDEX_FOLDER,
    LINEAGE_FILE,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Asked,
    EmbeddingInfo,
    IndexInfo,
    ReleaseDraft,
    ReleaseOrigin,
    RetrievalInfo,
)
from serving.retrieval.calibration import calibrate_threshold, describe
from serving.retrieval.embedding import Embedder
from serving.retrieval.fulltext import build_fulltext
from serving.retrieval.index import ChunkIndex, IndexedQuestion, build_index
from serving.retrieval.making import embed_chunks, lead_questions
from serving.retrieval.reranker import RerankerChoice, copy_cross_encoder
from serving.retrieval.space import SearchSpace
from serving.settings import ServingSettings


@dataclass(frozen=True)
class ReleaseParts:
    """What goes into a release. ``space`` has the vectors of ``chunks``, and of the accepted ``questions``
    that lead to them, where they are there already. ``asked`` says whose they are. ``answers`` are those of
    people, which come after the chunks; ``known`` is an index that was made with the same model and has the
    vectors of some of them."""

    embedder: Embedder
    chunks: Sequence[Chunk]
    space: SearchSpace | None = None
    questions: Sequence[IndexedQuestion] = ()
    reranker: RerankerChoice | None = None
    answers: Sequence[CuratedAnswer] = ()
    asked: Asked = "all"
    known: ChunkIndex | None = None
    answering: Answering | None = None


def build_release(
    folder: Path,
    parts: ReleaseParts,
    origin: ReleaseOrigin,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> ReleaseDraft:
    """Write model, index, reranker and card into the staging ``folder``; ``ReleaseStore.publish`` takes the
    result.

    A model that stands in ``folder``/model, because it was fitted there and the embedder was loaded from it,
    stays as it is. Other files in ``folder`` (evaluation.json, lineage.parquet) become part of the release
    too; what people decided of visitors' questions counts for the threshold. Can be repeated: it replaces
    what an interrupted call left.

    Raises ReleaseError for no chunks or NaN vectors, SettingsError when the reranker can't be had, StateError
    when the disk is full.
    """
    embedder, chunks, space = parts.embedder, parts.chunks, parts.space
    model_folder = folder / MODEL_FOLDER
    if space is None:
        space = embed_chunks(embedder, chunks, progress=progress)
    if embedder.folder is None or embedder.folder.resolve() != model_folder.resolve():
        save_model(embedder, model_folder)
    if parts.reranker is not None:
        copy_cross_encoder(parts.reranker.model, folder / RERANKER_FOLDER)
    if parts.answering is not None:
        parts.answering.put(folder)
    decided = read_decided(folder / LINEAGE_FILE)
    min_score = calibrate_threshold(embedder, chunks, space, decided)
    (folder / ANSWERS_FILE).unlink(missing_ok=True)
    questions = parts.questions
    if parts.answers:
        passages, asked, more = _answers(parts, progress)
        chunks, questions, space = [*chunks, *passages], [*questions, *asked], space.followed_by(more)
        write_json(folder / ANSWERS_FILE, [one.model_dump(mode="json") for one in parts.answers])
    build_index(folder / INDEX_FOLDER, chunks, space, questions)
    build_fulltext(folder / INDEX_FOLDER)
    progress.say(describe(min_score))
    draft = ReleaseDraft(
        **dict(origin),
        embedding=EmbeddingInfo(
            name=embedder.name, dimension=embedder.dimension, max_tokens=embedder.max_tokens
        ),
        index=IndexInfo(
            rows=len(parts.chunks),
            asked=parts.asked,
            dimension=space.dimension,
            pieces=len(space.pieces),
            questions=len(space.questions),
            answers=len(parts.answers),
        ),
        retrieval=RetrievalInfo(top_k=settings.retrieval.top_k, min_score=min_score),
        reranker=parts.reranker.info if parts.reranker else None,
        answering=parts.answering.info if parts.answering else None,
    )
    write_text(folder / CARD_FILE, model_card(draft))
    return draft


def _answers(
    parts: ReleaseParts, progress: Progress
) -> tuple[list[Chunk], list[IndexedQuestion], SearchSpace]:
    """The passages of the curated answers, the questions that lead to them, and the vectors of both."""
    passages = [one.passage(parts.embedder.counter) for one in parts.answers]
    space = embed_chunks(parts.embedder, passages, parts.known, progress)
    asked = [one.asks() for one in parts.answers]
    questions, space = lead_questions(parts.embedder, passages, space, asked, parts.known)
    return passages, questions, space


def save_model(embedder: Embedder, folder: Path) -> None:
    """Save the model as safetensors into ``folder``, replacing what is there."""
    if folder.exists():
        shutil.rmtree(folder)
    embedder.model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
