"""Sending chunks and triplets to Argilla."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import argilla as rg
import numpy as np
from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api
from curation.argilla.asking import queue_outlines
from curation.argilla.datasets import RemoteDataset, asked_twice, ensure_dataset, find_kind, vector_slug
from curation.argilla.examples import examples, illustrate
from curation.argilla.filters import Metadata, chunk_metadata, score, triplet_metadata
from curation.argilla.gold import mix_in_gold
from curation.argilla.queue import area_of, is_asked_twice
from curation.argilla.refresh import as_they_stand, refresh_suggestions
from curation.argilla.schemas import AREA, ASKED, LOOK_AT, PRIORITY, QUEUE, SPECS, DatasetKind
from curation.argilla.suggestions import hidden, no_negative, remembered, scorers_for, suggestions_of
from curation.argilla.unanswered import triplets_of_turns
from curation.argilla.upsert import (
    Finished,
    Outline,
    Shelf,
    is_answered,
    requeue,
    retire,
    send,
    withdraw,
)
from curation.argilla.users import read_users
from curation.argilla.vectors import (
    ChunkVectors,
    VectorSource,
    embed_queries,
    nearest_other,
    places,
)
from curation.errors import StateError
from curation.progress import SILENT, Progress
from curation.records.decision import DatasetName
from curation.records.triplet import Triplet
from curation.settings import ArgillaSettings
from curation.shown.records import harmless_markdown, inert, linked, with_page
from curation.suggestions.choice import Guesses, guess
from curation.suggestions.features import Features, Place, chunk_features, query_features
from curation.suggestions.hints import look_at_chunk, look_at_queries
from curation.suggestions.priority import NOT_ASKED
from curation.suggestions.scorer import Scorers

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

    @property
    def changed(self) -> int:
        return self.added + self.updated + self.retired + self.removed


class PushReport(BaseModel):
    """What a push did. ``orphans`` are triplets whose chunk is not in the corpus; they are not pushed."""

    model_config = ConfigDict(frozen=True)

    datasets: tuple[DatasetPush, ...]
    orphans: int = 0

    @property
    def changed(self) -> int:
        return sum(dataset.changed for dataset in self.datasets)


@dataclass(frozen=True)
class PushOptions:
    """``scorers`` are those that were learned from earlier decisions, by question."""

    progress: Progress = SILENT
    scorers: Scorers = field(default_factory=dict)


AS_ALWAYS = PushOptions()


def push_to_argilla(
    client: rg.Argilla,
    settings: ArgillaSettings,
    corpus: Corpus,
    triplets: Sequence[Triplet],
    vectors: VectorSource,
    options: PushOptions = AS_ALWAYS,
) -> PushReport:
    """Create or update the three datasets (of that of conversations only the settings).

    Records are recognised by clayloop's content-hash ids. Only what is new or different is embedded and sent,
    so a second push of the same corpus sends nothing. Responses are never touched. Records that are no longer
    in the corpus are deleted if nobody answered them and otherwise marked ``current = no``; without any
    ``triplets``, whose file may be lost, those in Argilla stay. Similarities are
    those of the moment a record was pushed; more documents do not rewrite them. Suggestions are renewed where
    nobody has answered and another scorer counts by now.

    Raises ArgillaError (see ``ensure_dataset``) and StateError when the corpus is empty.
    """
    if not corpus.chunks:
        raise StateError(
            "The corpus is empty: there is nothing to push.", "Run `clayloop ingest SOURCE` first."
        )
    push = _Push(Api.of(client), settings, corpus, vectors, options)
    push.has_triplets = bool(triplets)
    kept = [triplet for triplet in triplets if triplet.chunk_id in corpus.by_id]
    chunks, (turns, unanswered) = push.chunks(), push.conversations()
    reports = [*chunks, *push.triplets([*kept, *unanswered]), *turns]
    return PushReport(datasets=tuple(reports), orphans=len(triplets) - len(kept))


class _Push:
    """One push. The vectors of the chunks are made once, for both datasets, and only if something changed."""

    def __init__(
        self, api: Api, settings: ArgillaSettings, corpus: Corpus, vectors: VectorSource, options: PushOptions
    ) -> None:
        self.api = api
        self.settings = settings
        self.corpus = corpus
        self.vectors = vectors
        self.model = vector_slug(vectors.name)
        self.progress = options.progress
        self.scorers = options.scorers
        self.suggests = api.shows_suggestions()
        if not self.suggests:
            self.progress.say("No answers are suggested: this Argilla's page would choose them for people.")
        self.chunk_vectors = ChunkVectors(corpus.chunks, vectors, self.progress)
        self.users = read_users(api, settings)
        self.shelves: dict[DatasetKind, list[Shelf]] = {}
        self.has_triplets = True

    def chunks(self) -> list[DatasetPush]:
        by = scorers_for(SPECS["chunks"].judged, self.scorers, self.model)
        outlines = [
            Outline(
                id=chunk.id,
                fields={
                    "filename": linked(chunk.path if chunk.url else chunk.place, chunk.url),
                    "chunk": chunk.text,
                    LOOK_AT: look_at_chunk(chunk.body, chunk.heading),
                },
                metadata={**chunk_metadata(chunk), AREA.name: self._area(chunk.path)},
                derived=frozenset({"duplicate"}),
                suggested_by=by,
            )
            for chunk in self.corpus.chunks
        ]

        def finish(ids: Sequence[str]) -> dict[str, Finished]:
            matrix = self.chunk_vectors.matrix
            rows = [self.chunk_vectors.rows[key] for key in ids]
            mean = matrix.mean(axis=0)
            mean /= max(float(np.linalg.norm(mean)), 1e-9)
            finished = {}
            for key, row, cosine, other in zip(ids, rows, *nearest_other(matrix, rows), strict=True):
                chunk = self.corpus.by_id[key]
                typical = float(matrix[row] @ mean)
                looked_at = chunk_features(
                    chunk.body, chunk.heading, float(cosine), 0 <= other < row, typical
                )
                guesses = self._guessed(key, {"good_chunk": looked_at})
                metadata: Metadata = {"duplicate": score(cosine), **remembered(guesses, by)}
                finished[key] = Finished(metadata, suggestions_of(guesses, self.model), matrix[row])
            return finished

        return self._update("chunks", outlines, finish)

    def triplets(self, triplets: Sequence[Triplet]) -> list[DatasetPush]:
        by = scorers_for(SPECS["triplets"].judged, self.scorers, self.model)
        by_id = {triplet.id: triplet for triplet in triplets}
        outlines = [self._triplet_outline(triplet, by) for triplet in by_id.values()]
        return self._update(
            "triplets", outlines, lambda ids: self._triplet_signals([by_id[key] for key in ids], by)
        )

    def conversations(self) -> tuple[list[DatasetPush], list[Triplet]]:
        """Only the settings, the queue, and other suggestions where nobody has answered. Returns also the
        questions that were answered wrongly, with passages that may be right."""
        shelves = self._open("conversations")
        reports = []
        outlines = {shelf.dataset.id: as_they_stand(shelf) for shelf in shelves}
        every = [one for own in outlines.values() for one in own]
        decisions = queue_outlines("conversations", shelves, every, self.users, self.settings.acceptance)
        for shelf in shelves:
            for outline in outlines[shelf.dataset.id]:
                cited = self.corpus.by_id.get(str(outline.metadata.get("chunk_id", "")))
                outline.metadata[AREA.name] = self._area(cited.path if cited else "")
            updated = requeue(self.api, shelf, outlines[shelf.dataset.id])
            updated += refresh_suggestions(self.api, shelf, self.scorers, self.model)
            reports.append(
                DatasetPush(
                    dataset="conversations",
                    name=shelf.dataset.name,
                    created=shelf.created,
                    updated=updated,
                )
            )
        mix_in_gold(self.api, shelves, decisions, self.settings.gold)
        return reports, triplets_of_turns(decisions, self.corpus)

    def _triplet_outline(self, triplet: Triplet, by: str) -> Outline:
        chunk = self.corpus.by_id[triplet.chunk_id]
        negative = {"negative_similarity"} if triplet.negative else set()
        return Outline(
            id=triplet.id,
            fields={
                "anchor": with_page(harmless_markdown(triplet.anchor, keep_lines=True), chunk.url),
                "positive": triplet.positive,
                "negative": triplet.negative,
                LOOK_AT: look_at_queries(chunk.text, triplet.positive, triplet.negative),
            },
            metadata={**triplet_metadata(triplet, chunk), AREA.name: self._area(chunk.path)},
            derived=frozenset({"similarity", "rank", *negative}),
            suggested_by=by,
        )

    def _triplet_signals(self, triplets: Sequence[Triplet], by: str) -> dict[str, Finished]:
        """Where a search for each positive and negative finds the anchor, and what that suggests."""
        matrix = self.chunk_vectors.matrix
        texts = [text for triplet in triplets for text in (triplet.positive, triplet.negative) if text]
        embedded = embed_queries(self.vectors, texts, self.progress)

        def found(which: Sequence[tuple[Triplet, str]]) -> dict[str, Place]:
            if not which:
                return {}
            queries = np.stack([embedded[query] for _, query in which])
            rows = [self.chunk_vectors.rows[triplet.chunk_id] for triplet, _ in which]
            return dict(zip((one.id for one, _ in which), places(queries, matrix, rows), strict=True))

        positives = found([(one, one.positive) for one in triplets])
        negatives = found([(one, one.negative) for one in triplets if one.negative])
        finished = {}
        for triplet in triplets:
            place = positives[triplet.id]
            metadata: Metadata = {"similarity": score(place.cosine), "rank": place.place}
            looked_at = {"is_positive_relevant": self._about(triplet, triplet.positive, place)}
            if other := negatives.get(triplet.id):
                metadata["negative_similarity"] = score(other.cosine)
                looked_at["is_negative_irrelevant"] = self._about(triplet, triplet.negative, other)
            guesses = self._guessed(triplet.id, looked_at, has_no_negative=not triplet.negative)
            metadata |= remembered(guesses, by)
            finished[triplet.id] = Finished(
                metadata, suggestions_of(guesses, self.model), embedded[triplet.positive]
            )
        return finished

    def _guessed(
        self, record_id: str, looked_at: dict[str, Features], has_no_negative: bool = False
    ) -> Guesses:
        guesses = {name: guess(name, record_id, found, self.scorers) for name, found in looked_at.items()}
        guesses = no_negative(guesses) if has_no_negative else guesses
        return guesses if self.suggests else hidden(guesses)

    def _about(self, triplet: Triplet, query: str, found: Place) -> Features:
        chunks = self.corpus.chunks
        own, *others = (
            (chunk.heading, chunk.text)
            for chunk in (self.corpus.by_id[triplet.chunk_id], *(chunks[row] for row in found.others))
        )
        return query_features(query, own, found, others)

    def _update(
        self,
        kind: DatasetName,
        outlines: Sequence[Outline],
        finish: Callable[[Sequence[str]], dict[str, Finished]],
    ) -> list[DatasetPush]:
        """Send what differs from what Argilla holds. ``finish`` takes record ids, says what a model adds."""
        shelves = self._open(kind)
        by_shelf: dict[str, list[Outline]] = {shelf.dataset.id: [] for shelf in shelves}
        for outline in outlines:
            shelf = self._shelf_of(outline.id, shelves)
            # a dataset of before has fewer fields; one that is empty is not shown
            outline.fields = {
                name: _shown(name, text, shelf.dataset)
                for name, text in outline.fields.items()
                if name in shelf.dataset.fields and (text or name != LOOK_AT)
            }
            by_shelf[shelf.dataset.id].append(outline)
        decisions = queue_outlines(kind, shelves, outlines, self.users, self.settings.acceptance)
        reports = [self._fill(shelf, by_shelf[shelf.dataset.id], finish) for shelf in shelves]
        mix_in_gold(self.api, shelves, decisions, self.settings.gold)
        return reports

    def _is_lost(self, shelf: Shelf, key: str) -> bool:
        """Whether a triplet is missing because all of them are. What conversations ask stands in no file."""
        metadata = shelf.records[key]["metadata"]
        return (
            shelf.dataset.spec.kind == "triplets"
            and not self.has_triplets
            and metadata.get("origin") != "conversation"
        )

    def _fill(
        self,
        shelf: Shelf,
        outlines: Sequence[Outline],
        finish: Callable[[Sequence[str]], dict[str, Finished]],
    ) -> DatasetPush:
        dataset, known = shelf.dataset, shelf.records
        changed = [outline for outline in outlines if not shelf.is_current(outline)]
        finished = finish([outline.id for outline in changed]) if changed else {}
        for outline in changed:
            if outline.metadata[QUEUE.name] != ASKED:
                finished[outline.id].metadata[PRIORITY.name] = NOT_ASKED
        if not known and shelf is self.shelves[dataset.spec.kind][0]:
            # Before anything is sent: a push that is stopped halfway does not come back here.
            for kind, found in examples(
                dataset.spec.kind, outlines, finished, self.corpus, self.scorers
            ).items():
                illustrate(self.api, [one.dataset for one in self.shelves[kind]], found)
        send(self.api, shelf, changed, finished, self.progress)
        before = [known[outline.id] for outline in changed if outline.id in known]
        withdraw(self.api, dataset, before, {key: one.suggestions.keys() for key, one in finished.items()})
        sent = {outline.id for outline in changed}
        others = [outline for outline in outlines if outline.id not in sent]
        requeued = requeue(self.api, shelf, others)
        gone = shelf.gone(outline.id for outline in outlines)
        retired, removed = retire(self.api, dataset, [key for key in gone if not self._is_lost(shelf, key)])
        added = sum(outline.id not in known for outline in changed)
        report = DatasetPush(
            dataset=dataset.spec.kind,
            name=dataset.name,
            created=shelf.created,
            added=added,
            updated=len(changed) - added + requeued,
            unchanged=len(others) - requeued,
            retired=retired,
            removed=removed,
        )
        self.progress.say(
            f"{report.name}: {report.added} new, {report.updated} updated, {report.unchanged} unchanged"
            + (f", {retired} no longer current" if retired else "")
            + (f", {removed} removed" if removed else "")
        )
        return report

    # which records are asked about, and where

    def _open(self, kind: DatasetName) -> list[Shelf]:
        """The common dataset, and that of records that two people are asked about, if there are to be any."""
        every = [self.settings]
        if self.settings.overlap or len(find_kind(self.api, self.settings, kind)) > 1:
            every.append(asked_twice(self.settings))
        shelves = []
        for one in every:
            dataset, vector, created = ensure_dataset(self.api, one, kind, self.vectors, self.progress)
            shelf = Shelf(dataset) if created else Shelf.read(self.api, dataset)
            shelves.append(replace(shelf, vector=vector, created=created, suggests=self.suggests))
        self.shelves[kind] = shelves
        return shelves

    def _shelf_of(self, record_id: str, shelves: Sequence[Shelf]) -> Shelf:
        """Where a record stays, if somebody has answered it, or else belongs."""
        for shelf in shelves:
            if is_answered(shelf.records.get(record_id, {})):
                return shelf
        return shelves[-1 if is_asked_twice(record_id, self.settings.overlap) else 0]

    def _area(self, path: str) -> str:
        return area_of(path, self.settings.experts)


def _shown(name: str, text: str, dataset: RemoteDataset) -> str:
    """A field as it goes to Argilla. A file's name and an anchor have a link of ours already."""
    if name in ("filename", "anchor"):
        return text
    return harmless_markdown(text, keep_lines=True) if dataset.is_markdown(name) else inert(text)
