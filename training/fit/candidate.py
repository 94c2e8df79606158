"""The steps "fit" and "index" of a run: from examples and negatives to a candidate model and its vectors."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from curation import SILENT, Chunk, Progress, write_json
from serving import MODEL_FOLDER, Embedder, EmbeddingSettings, save_model
from training.fit.data import FitReport, TrainingMaterial
from training.fit.processes import fit_in_processes, is_worth_processes
from training.fit.train import fine_tune
from training.fit.whitening import whiten
from training.settings import FitSettings

FIT_FILE = "fit.json"
VECTORS_FILE = "vectors.npy"


def train_candidate(
    material: TrainingMaterial,
    chunks: Sequence[Chunk],
    settings: FitSettings,
    embedding: EmbeddingSettings,
    folder: Path,
    progress: Progress = SILENT,
) -> FitReport:
    """Train the base model ``embedding.model`` and whiten it by ``chunks``, which the candidate will index.

    Writes ``model/`` and ``fit.json`` (the report) into ``folder``, and ``vectors.npy``, (chunks, d) float32,
    where whitening had to embed the chunks anyway. Raises what ``fine_tune`` and ``fit_in_processes`` raise.
    """
    if is_worth_processes(len(material.examples), settings):
        model, report = fit_in_processes(material, settings, embedding, folder, progress)
    else:
        model = Embedder(embedding.model, embedding, name="candidate")
        report = fine_tune(model, material, settings, progress)
    if settings.whiten:
        documents = [f"{chunk.source}\t{chunk.path}" for chunk in chunks]
        vectors = whiten(model, [chunk.text for chunk in chunks], settings.whiten, documents, progress)
        np.save(folder / VECTORS_FILE, vectors, allow_pickle=False)
    save_model(model, folder / MODEL_FOLDER)
    write_json(folder / FIT_FILE, report.model_dump(mode="json"))
    return report


def embed_chunks(
    trained: Path,
    chunks: Sequence[Chunk],
    embedding: EmbeddingSettings,
    folder: Path,
    progress: Progress = SILENT,
) -> str:
    """Write the candidate's vectors of ``chunks`` to ``folder``/vectors.npy, and say what was done.

    ``trained`` is the folder that ``train_candidate`` wrote into.
    """
    if (trained / VECTORS_FILE).is_file():
        shutil.copyfile(trained / VECTORS_FILE, folder / VECTORS_FILE)
        return f"{len(chunks)} chunks, embedded for the whitening"
    model = Embedder(trained / MODEL_FOLDER, embedding, name="candidate")
    vectors = model.documents([chunk.text for chunk in chunks], progress=progress)
    np.save(folder / VECTORS_FILE, vectors, allow_pickle=False)
    return f"{len(vectors)} chunks embedded with {vectors.shape[1]} dimensions"
