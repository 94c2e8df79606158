"""Putting a release folder together: the model, the index over the chunks, the prompt, the threshold, the card."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curation import SILENT, Chunk, Progress, StateError, write_text
from serving.bot.prompts import DEFAULT_PROMPT
from serving.releases.card import model_card
from serving.releases.record import (
    CARD_FILE,
    INDEX_FOLDER,
    MODEL_FOLDER,
    Draft,
    EmbeddingInfo,
    IndexInfo,
    Prompt,
    RerankerInfo,
    RetrievalInfo,
)
from serving.retrieval.calibration import calibrate, describe
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import build_index
from serving.settings import ServingSettings

Vectors = npt.NDArray[np.float32]


def assemble(
    folder: Path,
    embedder: Embedder,
    chunks: Sequence[Chunk],
    settings: ServingSettings,
    *,
    base_model: str,
    vectors: Vectors | None = None,
    prompt: Prompt = DEFAULT_PROMPT,
    run_id: str | None = None,
    parent: str | None = None,
    trained_on: Mapping[str, int] | None = None,
    metrics: Mapping[str, float] | None = None,
    reranker: RerankerInfo | None = None,
    progress: Progress = SILENT,
) -> Draft:
    """Write model, index and card into the staging ``folder`` and return the draft for ``ReleaseStore.publish``.

    ``vectors`` are the (n, d) unit vectors of ``chunks`` when the caller has them already. A model that stands in
    ``folder``/model, because training wrote it there and ``embedder`` was loaded from it, stays as it is. Other files
    in ``folder`` (evaluation.json, lineage.parquet) become part of the release too; so does ``folder``/reranker, which
    ``reranker`` describes. Can be repeated: it replaces what
    an interrupted call left. Raises ReleaseError for no chunks or NaN vectors, StateError when the disk is full.
    """
    model_folder = folder / MODEL_FOLDER
    if vectors is None:
        vectors = embedder.documents([chunk.text for chunk in chunks], progress=progress)
    if embedder.folder is None or embedder.folder.resolve() != model_folder.resolve():
        save_model(embedder, model_folder)
    build_index(folder / INDEX_FOLDER, chunks, vectors)
    min_score = calibrate(embedder, chunks, vectors)
    progress.say(describe(min_score))
    draft = Draft(
        run_id=run_id,
        parent=parent,
        base_model=base_model,
        embedding=EmbeddingInfo(
            name=embedder.name, dimension=embedder.dimension, max_tokens=embedder.max_tokens
        ),
        index=IndexInfo(rows=len(chunks), dimension=int(vectors.shape[1])),
        prompt=prompt,
        retrieval=RetrievalInfo(top_k=settings.retrieval.top_k, min_score=min_score),
        trained_on=dict(trained_on or {}),
        metrics=dict(metrics or {}),
        reranker=reranker,
    )
    write_text(folder / CARD_FILE, model_card(draft))
    return draft


def save_model(embedder: Embedder, folder: Path) -> None:
    """Save the model as safetensors into ``folder``, replacing what is there. Raises StateError when it can't."""
    save_weights(embedder.model, folder)


def save_weights(model: Any, folder: Path) -> None:
    """Save a model of sentence-transformers, of whatever kind, as ``save_model`` does."""
    try:
        if folder.exists():
            shutil.rmtree(folder)
        model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    except (OSError, RuntimeError) as error:
        # safetensors reports a full disk in an exception of its own, which is a RuntimeError or an OSError.
        raise StateError(
            f"The model can't be saved to {folder}: {error}", "Check the free space (df) and the permissions."
        ) from error
