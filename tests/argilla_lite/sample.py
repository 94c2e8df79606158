"""A dataset with every kind of field, question, metadata and vector, and what its records are known to be.

Everything goes through the SDK or the HTTP API, so that the same checks can run against any Argilla.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import argilla as rg
import httpx

WORDS = [
    "clay",
    "loop",
    "kiln",
    "glaze",
    "wheel",
    "potter",
    "slip",
    "bisque",
    "porcelain",
    "stoneware",
    "terracotta",
    "fire",
    "ash",
]
LANGUAGES = ["en", "de", "fr", "pt-br"]
LABELS = ["yes", "no", "maybe"]
TOPICS = ["shape", "colour", "heat"]
AGENTS = ["model-a", "model-b"]
DIMENSIONS = 8


@dataclass
class Row:
    """One record as it was sent; `id` as the server gave it."""

    external_id: str
    title: str
    body: str
    metadata: dict[str, Any]
    suggestions: dict[str, dict[str, Any]]  # question → value, score, agent
    vector: list[float] | None
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)  # user name → status, values
    id: str = ""
    status: str = "pending"

    def payload(self, questions: dict[str, str], users: dict[str, str]) -> dict[str, Any]:
        """The record as the bulk endpoint takes it."""
        return {
            "external_id": self.external_id,
            "fields": {
                "title": self.title,
                "body": self.body,
                "messages": [{"role": "user", "content": f"message of {self.external_id}"}],
                "extra": {"source": f"file{self.external_id[-1]}", "pages": [1, 2]},
            },
            "metadata": self.metadata,
            "vectors": {"position": self.vector} if self.vector else {},
            "suggestions": [
                {"question_id": questions[name], "type": "model", **suggestion}
                for name, suggestion in self.suggestions.items()
            ],
            "responses": [
                {"user_id": users[name], "status": response["status"],
                 "values": {question: {"value": value} for question, value in response["values"].items()}}
                for name, response in self.responses.items()
            ],
        }  # fmt: skip


class Api:
    """The HTTP API as one user.

    Args:
        url: The server.
        api_key: The user's.
        settle: Seconds after a write until searches are sure to see it.
    """

    def __init__(self, url: str, api_key: str, settle: float = 0.0) -> None:
        self.settle = settle
        self.client = httpx.Client(base_url=url, headers={"X-Argilla-Api-Key": api_key}, timeout=60)

    def get(self, path: str, **parameters: Any) -> Any:
        return self.client.get(f"/api/v1{path}", params=parameters).raise_for_status().json()

    def send(self, method: str, path: str, body: Any = None) -> Any:
        response = self.client.request(method, f"/api/v1{path}", json=body)
        if response.is_error:
            raise httpx.HTTPStatusError(response.text, request=response.request, response=response)
        if not path.partition("?")[0].endswith("/search"):
            time.sleep(self.settle)
        return response.json() if response.content else None


@dataclass(frozen=True)
class Argilla:
    """A server under test.

    Args:
        orders_by_itself: What is not sorted comes in the order in which it was added.
        settle: Seconds after a write until searches are sure to see it (Elasticsearch: one).
    """

    url: str
    api_key: str
    workspace: str
    orders_by_itself: bool = True
    settle: float = 0.0

    def api(self, api_key: str | None = None) -> Api:
        """The HTTP API as the owner, or as whose key it is."""
        return Api(self.url, api_key or self.api_key, self.settle)


@dataclass
class Sample:
    """A published dataset and its rows."""

    owner: Api
    annotators: dict[str, Api]
    dataset_id: str
    rows: list[Row]
    questions: dict[str, str]
    users: dict[str, str]
    client: rg.Argilla
    dataset: rg.Dataset
    orders_by_itself: bool = True

    def search(
        self,
        text: str | None = None,
        field: str | None = None,
        filters: list[dict[str, Any]] | None = None,
        sort: list[dict[str, Any]] | None = None,
        vector: dict[str, Any] | None = None,
        user: str | None = None,
        mine: bool = False,
        limit: int = 1000,
        offset: int = 0,
    ) -> tuple[list[str], int]:
        """External ids of what is found, in order, and the total."""
        body: dict[str, Any] = {}
        if text is not None:
            body["query"] = {"text": {"q": text, **({"field": field} if field else {})}}
        if vector is not None:
            body.setdefault("query", {})["vector"] = vector
        if filters:
            body["filters"] = {"and": filters}
        if not sort and not self.orders_by_itself and text is None and vector is None and user is None:
            sort = [by("record", property="inserted_at")]
        if sort:
            body["sort"] = sort
        api = self.annotators[user] if user else self.owner
        path = f"/{'me/' if mine or user else ''}datasets/{self.dataset_id}/records/search"
        found = api.send("POST", f"{path}?limit={limit}&offset={offset}", body)
        return [item["record"]["external_id"] for item in found["items"]], found["total"]

    def all_ids(self) -> list[str]:
        return [row.external_id for row in self.rows]

    def row(self, external_id: str) -> Row:
        return next(row for row in self.rows if row.external_id == external_id)

    def filtered(self, keep: Any) -> list[str]:
        """External ids of the rows that a plain Python condition keeps, in the order they were added."""
        return [row.external_id for row in self.rows if keep(row)]


def terms(entity: str, values: list[Any], **scope: Any) -> dict[str, Any]:
    return {"type": "terms", "scope": {"entity": entity, **scope}, "values": values}


def between(entity: str, ge: Any = None, le: Any = None, **scope: Any) -> dict[str, Any]:
    bounds = {name: bound for name, bound in (("ge", ge), ("le", le)) if bound is not None}
    return {"type": "range", "scope": {"entity": entity, **scope}, **bounds}


def by(entity: str, order: str = "asc", **scope: Any) -> dict[str, Any]:
    return {"scope": {"entity": entity, **scope}, "order": order}


EVERYTHING = terms("record", ["pending", "completed"], property="status")


def make_rows(count: int, users: list[str], seed: int = 7) -> list[Row]:
    """Random but repeatable rows; some of everything is missing somewhere."""
    rng = random.Random(seed)
    rows = []
    for number in range(count):
        metadata: dict[str, Any] = {}
        if rng.random() < 0.9:
            metadata["language"] = rng.choice(LANGUAGES) if rng.random() < 0.8 else rng.sample(LANGUAGES, 2)
        if rng.random() < 0.9:
            metadata["length"] = rng.randrange(0, 40)
        if rng.random() < 0.9:
            metadata["ratio"] = round(rng.uniform(-1, 1), 3)
        suggestions: dict[str, dict[str, Any]] = {}
        if rng.random() < 0.8:
            suggestions["verdict"] = {
                "value": rng.choice(LABELS), "agent": rng.choice(AGENTS), "score": round(rng.random(), 3),
            }  # fmt: skip
        if rng.random() < 0.6:
            suggestions["stars"] = {"value": rng.randrange(1, 6), "agent": rng.choice(AGENTS)}
        if rng.random() < 0.6:
            chosen = rng.sample(TOPICS, rng.randrange(1, 4))
            suggestions["topics"] = {"value": chosen, "score": [round(rng.random(), 3) for _ in chosen]}
        responses: dict[str, dict[str, Any]] = {}
        for user in users:
            status = rng.choice(["submitted", "draft", "discarded", None, None])
            if status:
                responses[user] = {
                    "status": status,
                    "values": {"verdict": rng.choice(LABELS), "stars": rng.randrange(1, 6),
                               "topics": rng.sample(TOPICS, 2)},
                }  # fmt: skip
        submitted = sum(response["status"] == "submitted" for response in responses.values())
        rows.append(
            Row(
                external_id=f"row-{number}",
                title=" ".join(rng.sample(WORDS, 2)),
                body=" ".join(rng.choices(WORDS, k=rng.randrange(3, 12))),
                metadata=metadata,
                suggestions=suggestions,
                vector=[round(rng.gauss(0, 1), 4) for _ in range(DIMENSIONS)] if rng.random() < 0.9 else None,
                responses=responses,
                status="completed" if submitted >= 2 else "pending",
            )
        )
    return rows


def make_sample(argilla: Argilla, count: int = 60) -> Sample:
    """Creates two annotators, the dataset and its records, and waits until these can be found."""
    client = rg.Argilla(api_url=argilla.url, api_key=argilla.api_key)
    owner = argilla.api()
    tag = uuid4().hex[:8]
    users: dict[str, str] = {}
    annotators: dict[str, Api] = {}
    found = client.workspaces(argilla.workspace)
    assert found is not None
    for name in ("anna", "ben"):
        user = rg.User(username=f"{name}-{tag}", password="a long password", role="annotator").create()
        found.add_user(user)
        users[name] = str(user.id)
        annotators[name] = argilla.api(owner.get(f"/users/{user.id}")["api_key"])
    dataset = rg.Dataset(
        name=f"sample-{tag}",
        workspace=argilla.workspace,
        client=client,
        settings=rg.Settings(
            fields=[
                rg.TextField(name="title"),
                rg.TextField(name="body"),
                rg.ChatField(name="messages"),
                rg.CustomField(name="extra", template="<p>{{record.fields.extra}}</p>"),
            ],
            questions=[
                rg.LabelQuestion(name="verdict", labels=LABELS),
                rg.RatingQuestion(name="stars", values=[1, 2, 3, 4, 5], required=False),
                rg.MultiLabelQuestion(name="topics", labels=TOPICS, required=False),
                rg.TextQuestion(name="comment", required=False),
                rg.RankingQuestion(name="order", values=["first", "second"], required=False),
                rg.SpanQuestion(name="spans", field="body", labels=["part"], required=False),
            ],
            metadata=[
                rg.TermsMetadataProperty(name="language"),
                rg.IntegerMetadataProperty(name="length"),
                rg.FloatMetadataProperty(name="ratio"),
            ],
            vectors=[rg.VectorField(name="position", dimensions=DIMENSIONS)],
            distribution=rg.TaskDistribution(min_submitted=2),
        ),
    )
    dataset.create()
    dataset_id = str(dataset.id)
    questions = {item["name"]: item["id"] for item in owner.get(f"/datasets/{dataset_id}/questions")["items"]}
    rows = make_rows(count, list(users))
    body = {"items": [row.payload(questions, users) for row in rows]}
    stored = owner.send("POST", f"/datasets/{dataset_id}/records/bulk", body)["items"]
    for row, record in zip(rows, stored, strict=True):
        row.id = record["id"]
    sample = Sample(
        owner, annotators, dataset_id, rows, questions, users, client, dataset, argilla.orders_by_itself
    )
    # Elasticsearch may take a second until what was written can be found.
    eventually(lambda: sample.search(limit=1, filters=[EVERYTHING])[1] == count)
    return sample


def eventually(holds: Callable[[], bool], seconds: float = 10.0) -> None:
    """Waits until something is so. Raises AssertionError when it does not come about."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.05)
