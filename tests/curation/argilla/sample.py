"""A small corpus, people who annotate it, and what the tests share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone

import argilla as rg
import httpx

from curation.argilla.api import Api, JsonObject
from curation.argilla.connection import workspace_id
from curation.argilla.conversations import log_turns
from curation.argilla.datasets import RemoteDataset, find_all, find_dataset
from curation.argilla.decisions import read_decisions
from curation.argilla.push import AS_ALWAYS, PushOptions, PushReport, push_to_argilla
from curation.argilla.schemas import DatasetKind
from curation.argilla.vectors import VectorSource
from curation.documents.corpus import Corpus
from curation.records.chunk import Chunk
from curation.records.decision import DatasetName, Decision
from curation.records.triplet import Triplet
from curation.records.turn import Message, Turn
from curation.settings import ArgillaSettings
from tests.curation.making import chunk_of

EVERYTHING = ("suggestions", "responses", "vectors")
TEXTS = {
    ("guide/install.md", "Installing"): "Install the package with pip. You need Python 3.10 or newer. "
    "A virtual environment keeps its dependencies apart from those of other projects.",
    (
        "guide/install.md",
        "Upgrading",
    ): "Upgrade by running pip with the option --upgrade. Read the migration notes "
    "before you move to a new major version, since settings may have been renamed.",
    (
        "guide/settings.md",
        "Timeouts",
    ): "The timeout is set in seconds with the key request_timeout. Requests that take "
    "longer are cancelled and raise a TimeoutError, which you can catch.",
    (
        "guide/settings.md",
        "Logging",
    ): "Logging goes to the standard error stream. Set the level to debug to see every "
    "request, or give a file name to write the log there instead.",
    (
        "guide/deploy.md",
        "Docker",
    ): "An image is published for each release. Mount a volume for the database, or "
    "everything is lost when the container is removed.",
    (
        "guide/deploy.md",
        "Backups",
    ): "Stop writing before you copy the database file, or use the backup command, which "
    "takes a consistent snapshot while the server runs.",
    (
        "reference/index.md",
        "Contents",
    ): "- [Installing](install.md)\n- [Settings](settings.md)\n- [Deploy](deploy.md)",
    (
        "reference/license.md",
        "License",
    ): "Copyright the authors. All rights reserved. Licensed under the terms below.",
}


def make_chunk(path: str, heading: str, body: str, position: int = 0) -> Chunk:
    text = f"{heading}\n\n{body}"
    more = {"source": "pypi:sample", "tokens": len(text.split()) + 2, "position": position}
    return chunk_of(path, (heading,), text, **more)


def small_corpus() -> Corpus:
    return Corpus([], [make_chunk(path, heading, body) for (path, heading), body in TEXTS.items()])


def titled(corpus: Corpus, heading: str) -> Chunk:
    return next(chunk for chunk in corpus.chunks if chunk.heading == heading)


def make_triplet(chunk: Chunk, positive: str, negative: str = "") -> Triplet:
    return Triplet(
        id=Triplet.make_id(chunk.id, positive, negative),
        chunk_id=chunk.id,
        anchor=chunk.text,
        positive=positive,
        negative=negative,
        origin="sentence-pair" if negative else "heading",
        model="tiny" if negative else "",
        path=chunk.path,
        section=chunk.heading,
    )


def small_triplets(corpus: Corpus) -> list[Triplet]:
    queries = [
        ("Installing", "How do I install the package with pip?", "How do I bake bread?"),
        ("Timeouts", "How is the request timeout set in seconds?", "Which timeout raises TimeoutError?"),
        ("Docker", "Docker image", ""),
        ("Backups", "What is the capital of France?", "How do I take a backup snapshot of the database?"),
    ]
    return [make_triplet(titled(corpus, heading), *texts) for heading, *texts in queries]


def make_turn(
    question: str, answer: str, conversation: str = "conversation", turn: int = 0, **more: object
) -> Turn:
    values: dict[str, object] = {
        "conversation_id": conversation,
        "turn": turn,
        "question": question,
        "answer": answer,
        "release_id": "r0001-ab12cd34",
        "created_at": datetime(2026, 11, 20, 8, 0, tzinfo=timezone.utc),
        "score": 0.6,
    } | more
    return Turn.model_validate(values)


def history(*texts: str) -> tuple[Message, ...]:
    return tuple(
        Message(role="user" if index % 2 == 0 else "assistant", content=text)
        for index, text in enumerate(texts)
    )


def dataset_of(api: Api, settings: ArgillaSettings, kind: DatasetKind) -> RemoteDataset:
    """The dataset, which must be there."""
    dataset = find_dataset(api, settings, kind)
    assert dataset is not None
    return dataset


def rows(
    api: Api, settings: ArgillaSettings, kind: DatasetKind, include: Sequence[str] = EVERYTHING
) -> list[JsonObject]:
    """The records of a dataset as Argilla has them."""
    found = dataset_of(api, settings, kind)
    return [row for page in api.records(found.id, include) for row in page]


@dataclass
class Person:
    """An annotator with a key of their own."""

    name: str
    id: str
    api: Api


def hire(owner: Api, settings: ArgillaSettings, name: str) -> Person:
    """Make an annotator in the workspace."""
    body = {"username": name, "first_name": name, "role": "annotator", "password": "correct horse battery"}
    user = owner.request("POST", "/api/v1/users", "hiring", body)
    workspace = workspace_id(owner, settings.workspace)
    owner.request("POST", f"/api/v1/workspaces/{workspace}/users", "hiring", {"user_id": user["id"]})
    http = httpx.Client(base_url=owner.url, headers={"X-Argilla-Api-Key": user["api_key"]}, timeout=60)
    return Person(name, user["id"], Api(http))


def answer(person: Person, record: str, status: str = "submitted", **values: str) -> None:
    """Answer a record (by Argilla's id) as ``person``."""
    said = {question: {"value": value} for question, value in values.items()}
    person.api.respond([{"record_id": record, "status": status, "values": said}])


@dataclass(frozen=True)
class Workspace:
    """Datasets of one test's own, what is done to them, and what then lies in them."""

    client: rg.Argilla
    settings: ArgillaSettings
    embedder: VectorSource

    @property
    def api(self) -> Api:
        return Api.of(self.client)

    def with_(self, **settings: object) -> Workspace:
        return replace(self, settings=self.settings.model_copy(update=settings))

    def push(
        self,
        corpus: Corpus,
        triplets: Sequence[Triplet] = (),
        options: PushOptions = AS_ALWAYS,
        model: VectorSource | None = None,
    ) -> PushReport:
        return push_to_argilla(self.client, self.settings, corpus, triplets, model or self.embedder, options)

    def log(
        self, turns: Sequence[Turn], corpus: Callable[[], Corpus] | None = None, vectors: bool = True
    ) -> None:
        log_turns(self.client, self.settings, turns, self.embedder if vectors else None, corpus)

    def decisions(self) -> list[Decision]:
        return read_decisions(self.client, self.settings)

    def dataset(self, kind: DatasetKind) -> RemoteDataset:
        return dataset_of(self.api, self.settings, kind)

    def rows(self, kind: DatasetKind, include: Sequence[str] = EVERYTHING) -> list[JsonObject]:
        return rows(self.api, self.settings, kind, include)

    def records(self, kind: DatasetName) -> dict[str, JsonObject]:
        """By our id, of all the datasets of a kind (the last one's where two have it); with its name."""
        return {
            str(record["external_id"]): {**record, "dataset": dataset.name}
            for dataset in find_all(self.api, self.settings)[kind]
            for page in self.api.records(dataset.id, EVERYTHING)
            for record in page
        }

    def hire(self, name: str) -> Person:
        """An annotator, by a name that no other test uses."""
        return hire(self.api, self.settings, f"{name}-{self.settings.chunks}")
