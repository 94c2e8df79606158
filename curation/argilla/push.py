"""Chunks and triplets into Argilla."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import argilla as rg
import numpy as np
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api, JsonObject
from curation.argilla.datasets import RemoteDataset, ensure_dataset, vector_slug
from curation.argilla.escaping import inert
from curation.argilla.filters import chunk_metadata, score, triplet_metadata
from curation.argilla.suggestions import (
    CHUNK_RULE,
    RANK_RULE,
    agent_name,
    no_negative,
    suggest_chunk,
    suggest_negative,
    suggest_positive,
)
from curation.argilla.upsert import Finished, Outline, Standing, payload, retire, send
from curation.argilla.vectors import (
    ChunkVectors,
    VectorSource,
    embed_queries,
    nearest_other,
    places,
    stored_vectors,
)
from curation.errors import StateError
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.records.decision import DatasetName
from curation.records.triplet import Triplet
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus


class DatasetPush(BaseModel):
    """What a push did to one dataset, in records. ``retired`` were marked as no longer current because somebody had
    answered them, ``removed`` were deleted because nobody had; ``created``: the dataset was made."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    name: str
    created: bool = False
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    retired: int = 0
    removed: int = 0
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        return self.added + self.updated + self.retired + self.removed


class PushReport(BaseModel):
    """What a push did. ``orphans`` are triplets whose chunk is not in the corpus; they are not pushed."""

    model_config = ConfigDict(frozen=True)

    datasets: tuple[DatasetPush, ...]
    orphans: int = 0
    seconds: float = 0.0

    @property
    def changed(self) -> int:
        return sum(dataset.changed for dataset in self.datasets)


def push_to_argilla(
    client: rg.Argilla,
    settings: ArgillaSettings,
    corpus: Corpus,
    triplets: Sequence[Triplet],
    vectors: VectorSource,
    progress: Progress = SILENT,
) -> PushReport:
    """Create or update the three datasets (that of conversations stays as it is, apart from its settings).

    Records are recognised by clayloop's content-hash ids. Only what is new or different is embedded and sent, so a
    second push of the same corpus sends nothing. Responses are never touched. Records that are no longer in the
    corpus are deleted if nobody answered them and otherwise marked ``current = no``. Suggestions and similarities
    are those of the moment a record was pushed; more documents do not rewrite them.

    Raises ArgillaError (see ``ensure_dataset``) and StateError when the corpus is empty.
    """
    if not corpus.chunks:
        raise StateError(
            "The corpus is empty: there is nothing to push.", "Run `clayloop ingest SOURCE` first."
        )
    started = time.perf_counter()
    api = Api.of(client)
    chunk_vectors = ChunkVectors(corpus.chunks, vectors, progress)
    known = [triplet for triplet in triplets if triplet.chunk_id in corpus.by_id]
    reports = [
        _push_chunks(api, settings, corpus.chunks, chunk_vectors, vectors, progress),
        _push_triplets(api, settings, corpus.by_id, known, chunk_vectors, vectors, progress),
    ]
    conversations, _, created = ensure_dataset(api, settings, "conversations", vectors, progress)
    reports.append(DatasetPush(dataset="conversations", name=conversations.name, created=created))
    return PushReport(
        datasets=tuple(reports),
        orphans=len(triplets) - len(known),
        seconds=round(time.perf_counter() - started, 3),
    )


def _push_chunks(
    api: Api,
    settings: ArgillaSettings,
    chunks: Sequence[Chunk],
    chunk_vectors: ChunkVectors,
    vectors: VectorSource,
    progress: Progress,
) -> DatasetPush:
    started = time.perf_counter()
    dataset, vector, created = ensure_dataset(api, settings, "chunks", vectors, progress)
    agent = agent_name(CHUNK_RULE, vector_slug(vectors.name))
    by_id = {chunk.id: chunk for chunk in chunks}
    outlines = [
        Outline(
            id=chunk.id,
            fields={"filename": inert(chunk.path), "chunk": inert(chunk.text)},
            metadata=chunk_metadata(chunk),
            derived=frozenset({"duplicate"}),
            agents={"good_chunk": agent},
        )
        for chunk in by_id.values()
    ]
    standing = Standing({}) if created else Standing.read(api, dataset)
    changed = [outline for outline in outlines if not standing.is_current(outline, dataset)]
    if vector is not None and standing.records:
        name = vector
        chunk_vectors.recall = lambda: stored_vectors(api, dataset.id, name, vectors.dimension)
    finished: dict[str, Finished] = {}
    if changed:
        matrix = chunk_vectors.matrix()
        rows = [chunk_vectors.rows[outline.id] for outline in changed]
        nearest, which = nearest_other(matrix, rows)
        for outline, row, cosine, other in zip(changed, rows, nearest, which, strict=True):
            finished[outline.id] = Finished(
                metadata={"duplicate": score(cosine)},
                suggestions={
                    "good_chunk": suggest_chunk(by_id[outline.id], float(cosine), 0 <= other < row, agent)
                },
                vector=matrix[row],
            )
    return _finish(api, dataset, outlines, changed, finished, standing, vector, created, started, progress)


def _push_triplets(
    api: Api,
    settings: ArgillaSettings,
    chunks: Mapping[str, Chunk],
    triplets: Sequence[Triplet],
    chunk_vectors: ChunkVectors,
    vectors: VectorSource,
    progress: Progress,
) -> DatasetPush:
    started = time.perf_counter()
    dataset, vector, created = ensure_dataset(api, settings, "triplets", vectors, progress)
    agent = agent_name(RANK_RULE, vector_slug(vectors.name))
    by_id = {triplet.id: triplet for triplet in triplets}
    outlines = [_triplet_outline(triplet, chunks[triplet.chunk_id], agent) for triplet in by_id.values()]
    standing = Standing({}) if created else Standing.read(api, dataset)
    changed = [outline for outline in outlines if not standing.is_current(outline, dataset)]
    finished = (
        _triplet_signals([by_id[outline.id] for outline in changed], chunk_vectors, vectors, agent, progress)
        if changed
        else {}
    )
    return _finish(api, dataset, outlines, changed, finished, standing, vector, created, started, progress)


def _triplet_outline(triplet: Triplet, chunk: Chunk, agent: str) -> Outline:
    return Outline(
        id=triplet.id,
        fields={
            "anchor": inert(triplet.anchor),
            "positive": inert(triplet.positive),
            "negative": inert(triplet.negative),
        },
        metadata=triplet_metadata(triplet, chunk),
        derived=frozenset({"similarity", "rank"} | ({"negative_similarity"} if triplet.negative else set())),
        agents={"is_positive_relevant": agent, "is_negative_irrelevant": agent},
    )


def _triplet_signals(
    triplets: Sequence[Triplet],
    chunk_vectors: ChunkVectors,
    vectors: VectorSource,
    agent: str,
    progress: Progress,
) -> dict[str, Finished]:
    matrix = chunk_vectors.matrix()
    texts = [text for triplet in triplets for text in (triplet.positive, triplet.negative) if text]
    embedded = embed_queries(vectors, texts, progress)
    rows = [chunk_vectors.rows[triplet.chunk_id] for triplet in triplets]
    positives = np.stack([embedded[triplet.positive] for triplet in triplets])
    place, cosine = places(positives, matrix, rows)
    with_negative = [index for index, triplet in enumerate(triplets) if triplet.negative]
    negative_place = np.zeros(len(triplets), np.int64)
    negative_cosine = np.zeros(len(triplets), np.float32)
    if with_negative:
        negatives = np.stack([embedded[triplets[index].negative] for index in with_negative])
        found = places(negatives, matrix, [rows[index] for index in with_negative])
        negative_place[with_negative], negative_cosine[with_negative] = found
    finished = {}
    for index, triplet in enumerate(triplets):
        metadata: dict[str, str | int | float] = {
            "similarity": score(cosine[index]),
            "rank": int(place[index]),
        }
        negative = no_negative(agent)
        if triplet.negative:
            metadata["negative_similarity"] = score(negative_cosine[index])
            negative = suggest_negative(
                int(negative_place[index]),
                float(negative_cosine[index]),
                float(cosine[index]),
                len(matrix),
                agent,
            )
        finished[triplet.id] = Finished(
            metadata=metadata,
            suggestions={
                "is_positive_relevant": suggest_positive(int(place[index]), len(matrix), agent),
                "is_negative_irrelevant": negative,
            },
            vector=positives[index],
        )
    return finished


def _finish(
    api: Api,
    dataset: RemoteDataset,
    outlines: Sequence[Outline],
    changed: Sequence[Outline],
    finished: Mapping[str, Finished],
    standing: Standing,
    vector: str | None,
    created: bool,
    started: float,
    progress: Progress,
) -> DatasetPush:
    def build(outline: Outline) -> JsonObject:
        return payload(outline, finished[outline.id], dataset, standing, vector)

    send(api, dataset, changed, build, progress)
    gone = standing.gone(outline.id for outline in outlines)
    retired, removed = retire(api, dataset, standing, gone)
    added = sum(outline.id not in standing.records for outline in changed)
    report = DatasetPush(
        dataset=dataset.spec.kind,
        name=dataset.name,
        created=created,
        added=added,
        updated=len(changed) - added,
        unchanged=len(outlines) - len(changed),
        retired=retired,
        removed=removed,
        seconds=round(time.perf_counter() - started, 3),
    )
    progress.say(
        f"{report.name}: {report.added} new, {report.updated} updated, {report.unchanged} unchanged"
        + (f", {retired} no longer current" if retired else "")
        + (f", {removed} removed" if removed else "")
    )
    return report
