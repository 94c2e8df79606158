"""The *simulated annotator*: a program that answers in Argilla under a user name of its own, for
demonstrations (curation.argilla.simulated_user). How it judges is written in ``curation.argilla.rules``.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import argilla as rg
import numpy as np
from pydantic import BaseModel, ConfigDict

from curation.argilla import rules
from curation.argilla.api import RESPONSE_BATCH, Api, JsonObject
from curation.argilla.datasets import RemoteDataset, find_all
from curation.argilla.decisions import acceptance_verdict
from curation.argilla.schemas import CURRENT, DATASETS, NO, YES
from curation.argilla.simulated_user import SIMULATED_ANNOTATOR, signed_in, simulated_user
from curation.argilla.vectors import ChunkVectors, VectorSource, embed_queries, places
from curation.progress import SILENT, Progress
from curation.records.decision import DatasetName
from curation.records.gold import is_gold
from curation.records.identity import normalise
from curation.settings import ArgillaSettings
from curation.shown.records import readable
from curation.suggestions.signals import inverse_document_frequency

if TYPE_CHECKING:
    from curation.documents.corpus import Corpus

Answers = dict[str, str]
Judge = Callable[[Sequence[JsonObject]], list[Answers]]


class SimulatedDataset(BaseModel):
    """What the simulated annotator submitted in one dataset, in records, and how many of them its answers
    alone would accept or reject."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    submitted: int = 0
    accepted: int = 0
    rejected: int = 0


class SimulatedReport(BaseModel):
    """What the simulated annotator did."""

    model_config = ConfigDict(frozen=True)

    annotator: str = SIMULATED_ANNOTATOR
    datasets: tuple[SimulatedDataset, ...]

    @property
    def submitted(self) -> int:
        return sum(dataset.submitted for dataset in self.datasets)


def annotate_as_simulated(
    client: rg.Argilla,
    settings: ArgillaSettings,
    corpus: Corpus,
    vectors: VectorSource,
    limits: Mapping[DatasetName, int],
    progress: Progress = SILENT,
) -> SimulatedReport:
    """Submit answers to at most ``limits[dataset]`` records a dataset (none where it isn't mentioned).

    Takes records that are incomplete, still in the corpus and not yet answered by it, in the order of their
    ids (hashes, so the same spread-out sample every time). Needs an owner's key: only owners can make the
    user. Raises ArgillaError.
    """
    judges = _Bench(Api.of(client), settings, corpus, vectors, progress).judges
    chosen = {kind: (judges[kind], limits[kind]) for kind in DATASETS if limits.get(kind, 0) > 0}
    return _annotate(client, settings, chosen, progress)


def annotate_by_pages(
    client: rg.Argilla,
    settings: ArgillaSettings,
    corpus: Corpus,
    right_pages: Mapping[str, Collection[str]],
    progress: Progress = SILENT,
) -> SimulatedReport:
    """Submit answers to the conversations about the questions of ``right_pages``, which maps each to the
    paths of the pages that answer it.

    An answer is right if its first source is of such a page. Else the first right passage is named, or the
    path of a right page where no passage is of one. Otherwise as ``annotate_as_simulated``.
    """
    known = {normalise(question): pages for question, pages in right_pages.items()}

    def judge(records: Sequence[JsonObject]) -> list[Answers]:
        answers = []
        for record in records:
            metadata = record["metadata"] or {}
            ids = (metadata.get("chunk_id", "-"), *str(metadata.get("offered", "")).split())
            first, *offered = (chunk.path if (chunk := corpus.by_id.get(key)) else "" for key in ids)
            pages = known.get(normalise(str(metadata.get("question", ""))))
            answers.append(rules.judge_by_pages(first, offered, pages) if pages else {})
        return answers

    return _annotate(client, settings, {"conversations": (judge, None)}, progress)


def _annotate(
    client: rg.Argilla,
    settings: ArgillaSettings,
    judges: Mapping[DatasetName, tuple[Judge, int | None]],
    progress: Progress,
) -> SimulatedReport:
    """Answer each dataset's queue, up to a limit, as its judge says; not where it says nothing."""
    api = Api.of(client)
    user_id, key = simulated_user(api, settings)
    reports = []
    with signed_in(client, key) as own:
        for kind, datasets in find_all(api, settings, tuple(judges)).items():
            judge, limit = judges[kind]
            records = _queue(api, datasets, user_id)[:limit]
            answered = [pair for pair in zip(records, judge(records), strict=True) if pair[1]]
            answers = [answer for _, answer in answered]
            _submit(own, [record for record, _ in answered], answers, kind, progress)
            reports.append(_report(kind, answers))
    return SimulatedReport(datasets=tuple(reports))


class _Bench:
    """What the rules need to know about the corpus, computed once."""

    def __init__(
        self, api: Api, settings: ArgillaSettings, corpus: Corpus, vectors: VectorSource, progress: Progress
    ) -> None:
        self._by_id = corpus.by_id
        self._rarity = inverse_document_frequency(chunk.text for chunk in corpus.chunks)
        self._vectors = vectors
        self._progress = progress
        self._chunks = ChunkVectors(corpus.chunks, vectors, progress)
        self.judges: dict[DatasetName, Judge] = {
            "chunks": self._judge_chunks,
            "triplets": self._judge_triplets,
            "conversations": self._judge_conversations,
        }

    def _judge_chunks(self, records: Sequence[JsonObject]) -> list[Answers]:
        answers = []
        for record in records:
            chunk = self._by_id.get(str(record["external_id"]))
            answers.append({"good_chunk": rules.judge_chunk(chunk) if chunk else NO})
        return answers

    def _judge_triplets(self, records: Sequence[JsonObject]) -> list[Answers]:
        if not records:
            return []
        positive = self._places(records, "positive")
        negative = self._places(records, "negative")
        count = len(self._chunks.chunks)
        answers = []
        for row, record in enumerate(records):
            query, other, anchor = (_text(record, name) for name in ("positive", "negative", "anchor"))
            fits = rules.judge_positive(query, anchor, positive[row], count, self._rarity)
            irrelevant = rules.judge_negative(other, anchor, negative[row], self._rarity)
            relevant = NO if self._rejects_chunk(record) else fits
            answers.append({"is_positive_relevant": relevant, "is_negative_irrelevant": irrelevant})
        return answers

    def _rejects_chunk(self, record: JsonObject) -> bool:
        """Whoever calls a chunk useless accepts no query for it."""
        chunk = self._by_id.get(str((record["metadata"] or {}).get("chunk_id", "")))
        return chunk is not None and rules.judge_chunk(chunk) == NO

    def _places(self, records: Sequence[JsonObject], field: str) -> list[int]:
        """Each anchor's place in a search for the record's ``field``; the last place without a query."""
        found = [len(self._chunks.chunks)] * len(records)
        asked = [
            (index, _text(record, field), self._chunks.rows[record["metadata"]["chunk_id"]])
            for index, record in enumerate(records)
            if _text(record, field) and (record["metadata"] or {}).get("chunk_id") in self._chunks.rows
        ]
        if asked:
            embedded = embed_queries(self._vectors, [text for _, text, _ in asked], self._progress)
            queries = np.stack([embedded[text] for _, text, _ in asked])
            ranked = places(queries, self._chunks.matrix, [row for _, _, row in asked])
            for (index, _, _), place in zip(asked, ranked, strict=True):
                found[index] = place.place
        return found

    def _judge_conversations(self, records: Sequence[JsonObject]) -> list[Answers]:
        answers = []
        for record in records:
            metadata = record["metadata"] or {}
            chunk = self._by_id.get(str(metadata.get("chunk_id", "")))
            correct, strange = rules.judge_response(
                str(metadata.get("question", record["fields"]["instruction"])),
                record["fields"]["response"],
                metadata.get("refused") == YES,
                float(metadata.get("score", 0.0)),
                chunk.text if chunk else "",
                self._rarity,
            )
            answers.append({"is_response_correct": correct, "out_of_guardrails": strange})
        return answers


def _text(record: JsonObject, field: str) -> str:
    return readable(record["fields"].get(field) or "")


def _queue(api: Api, datasets: Sequence[RemoteDataset], user_id: str) -> list[JsonObject]:
    """What the user could still answer, in the order of external ids."""
    waiting = [
        record
        for dataset in datasets
        for page in api.records(dataset.id, include=["responses"])
        for record in page
        if record["status"] != "completed"
        and (record.get("metadata") or {}).get(CURRENT.name) != NO
        and not is_gold(str(record.get("external_id")))
        and all(str(response["user_id"]) != user_id for response in record["responses"])
    ]
    return sorted(waiting, key=lambda record: str(record.get("external_id") or record["id"]))


def _submit(
    own: Api, records: Sequence[JsonObject], answers: Sequence[Answers], kind: DatasetName, progress: Progress
) -> None:
    responses = [
        {
            "record_id": record["id"],
            "status": "submitted",
            "values": {question: {"value": value} for question, value in answer.items()},
        }
        for record, answer in zip(records, answers, strict=True)
    ]
    if not responses:
        return
    with progress.task(f"Simulated annotator: {kind}", total=len(responses), unit="records") as advance:
        for start in range(0, len(responses), RESPONSE_BATCH):
            batch = responses[start : start + RESPONSE_BATCH]
            own.respond(batch)
            advance(len(batch))


def _report(kind: DatasetName, answers: Sequence[Answers]) -> SimulatedDataset:
    verdicts = [acceptance_verdict(kind, answer, {})[0] for answer in answers]
    return SimulatedDataset(
        dataset=kind,
        submitted=len(answers),
        accepted=verdicts.count("accepted"),
        rejected=verdicts.count("rejected"),
    )
