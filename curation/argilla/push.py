"""Sending chunks and triplets to Argilla."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import argilla as rg
import numpy as np
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api
from curation.argilla.datasets import ensure_dataset, vector_slug
from curation.argilla.escaping import inert, linked
from curation.argilla.filters import Metadata, chunk_metadata, score, triplet_metadata
from curation.argilla.schemas import DatasetKind
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
    """What a push did to one dataset, in records. ``retired``: no longer in the corpus and marked so,
    because somebody had answered them. ``removed``: deleted, because nobody had. ``created``: the dataset
    is new."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetKind
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
    """Create or update the three datasets (of that of conversations only the settings).

    Records are recognised by clayloop's content-hash ids. Only what is new or different is embedded and sent,
    so a second push of the same corpus sends nothing. Responses are never touched. Records that are no longer
    in the corpus are deleted if nobody answered them and otherwise marked ``current = no``. Suggestions and
    similarities are those of the moment a record was pushed; more documents do not rewrite them.

    Raises ArgillaError (see ``ensure_dataset``) and StateError when the corpus is empty.
    """
    if not corpus.chunks:
        raise StateError(
            "The corpus is empty: there is nothing to push.", "Run `clayloop ingest SOURCE` first."
        )
    started = time.perf_counter()
    push = _Push(Api.of(client), settings, corpus, vectors, progress)
    kept = [triplet for triplet in triplets if triplet.chunk_id in corpus.by_id]
    reports = [push.chunks(), push.triplets(kept)]
    conversations, _, created = ensure_dataset(push.api, settings, "conversations", vectors, progress)
    reports.append(DatasetPush(dataset="conversations", name=conversations.name, created=created))
    return PushReport(
        datasets=tuple(reports),
        orphans=len(triplets) - len(kept),
        seconds=round(time.perf_counter() - started, 3),
    )


class _Push:
    """One push. The vectors of the chunks are made once, for both datasets, and only if something changed."""

    def __init__(
        self, api: Api, settings: ArgillaSettings, corpus: Corpus, vectors: VectorSource, progress: Progress
    ) -> None:
        self.api = api
        self.settings = settings
        self.corpus = corpus
        self.vectors = vectors
        self.progress = progress
        self.suggests = api.shows_suggestions()
        if not self.suggests:
            progress.say("No answers are suggested: this Argilla's page would choose them for people.")
        self.chunk_vectors = ChunkVectors(corpus.chunks, vectors, progress)

    def chunks(self) -> DatasetPush:
        agent = agent_name(CHUNK_RULE, vector_slug(self.vectors.name))
        outlines = [
            Outline(
                id=chunk.id,
                fields={
                    "filename": linked(chunk.path if chunk.url else chunk.place, chunk.url),
                    "chunk": inert(chunk.text),
                },
                metadata=chunk_metadata(chunk),
                derived=frozenset({"duplicate"}),
                agents={"good_chunk": agent},
            )
            for chunk in self.corpus.chunks
        ]

        def finish(ids: Sequence[str]) -> dict[str, Finished]:
            matrix = self.chunk_vectors.matrix()
            rows = [self.chunk_vectors.rows[key] for key in ids]
            finished = {}
            for key, row, cosine, other in zip(ids, rows, *nearest_other(matrix, rows), strict=True):
                chunk, is_copy = self.corpus.by_id[key], 0 <= other < row
                suggestion = suggest_chunk(chunk, float(cosine), is_copy, agent)
                finished[key] = Finished(
                    {"duplicate": score(cosine)}, {"good_chunk": suggestion}, matrix[row]
                )
            return finished

        return self._update("chunks", outlines, finish)

    def triplets(self, triplets: Sequence[Triplet]) -> DatasetPush:
        agent = agent_name(RANK_RULE, vector_slug(self.vectors.name))
        by_id = {triplet.id: triplet for triplet in triplets}
        outlines = [
            _triplet_outline(triplet, self.corpus.by_id[triplet.chunk_id], agent)
            for triplet in by_id.values()
        ]
        return self._update(
            "triplets", outlines, lambda ids: self._triplet_signals([by_id[key] for key in ids], agent)
        )

    def _triplet_signals(self, triplets: Sequence[Triplet], agent: str) -> dict[str, Finished]:
        """Where a search for each positive and negative finds the anchor, and what that suggests."""
        matrix = self.chunk_vectors.matrix()
        texts = [text for triplet in triplets for text in (triplet.positive, triplet.negative) if text]
        embedded = embed_queries(self.vectors, texts, self.progress)
        rows = [self.chunk_vectors.rows[triplet.chunk_id] for triplet in triplets]
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
            metadata: Metadata = {"similarity": score(cosine[index]), "rank": int(place[index])}
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
            suggestions = {
                "is_positive_relevant": suggest_positive(int(place[index]), len(matrix), agent),
                "is_negative_irrelevant": negative,
            }
            finished[triplet.id] = Finished(metadata, suggestions, positives[index])
        return finished

    def _update(
        self,
        kind: DatasetName,
        outlines: Sequence[Outline],
        finish: Callable[[Sequence[str]], dict[str, Finished]],
    ) -> DatasetPush:
        """Send what differs from what Argilla holds. ``finish`` takes record ids, says what a model adds."""
        started = time.perf_counter()
        dataset, vector, created = ensure_dataset(self.api, self.settings, kind, self.vectors, self.progress)
        standing = Standing({}) if created else Standing.read(self.api, dataset)
        standing.suggests = self.suggests
        if kind == "chunks" and vector is not None and standing.records:
            self.chunk_vectors.recall = lambda: stored_vectors(
                self.api, dataset.id, vector, self.vectors.dimension
            )
        changed = [outline for outline in outlines if not standing.is_current(outline, dataset)]
        finished = finish([outline.id for outline in changed]) if changed else {}
        send(
            self.api,
            dataset,
            changed,
            lambda outline: payload(outline, finished[outline.id], dataset, standing, vector),
            self.progress,
        )
        gone = standing.gone(outline.id for outline in outlines)
        retired, removed = retire(self.api, dataset, standing, gone)
        added = sum(outline.id not in standing.records for outline in changed)
        report = DatasetPush(
            dataset=kind,
            name=dataset.name,
            created=created,
            added=added,
            updated=len(changed) - added,
            unchanged=len(outlines) - len(changed),
            retired=retired,
            removed=removed,
            seconds=round(time.perf_counter() - started, 3),
        )
        self.progress.say(
            f"{report.name}: {report.added} new, {report.updated} updated, {report.unchanged} unchanged"
            + (f", {retired} no longer current" if retired else "")
            + (f", {removed} removed" if removed else "")
        )
        return report


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
