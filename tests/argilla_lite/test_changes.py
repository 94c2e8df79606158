"""Whatever is written, in whatever order: every answer is that of plain Python over what the database holds
afterwards."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from tests.argilla_lite.sample import (
    AGENTS,
    DIMENSIONS,
    LABELS,
    LANGUAGES,
    TOPICS,
    WORDS,
    Argilla,
    Row,
    Sample,
    make_rows,
    make_sample,
)
from tests.argilla_lite.test_filters import CASES, SORTS, Case, status_case

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def changing(argilla: Argilla) -> Sample:
    return make_sample(argilla, count=40)


def stored_rows(sample: Sample) -> list[Row]:
    """The records as Argilla lists them without a query, which reads its database and asks no search
    engine."""
    name_of_question = {identity: name for name, identity in sample.questions.items()}
    name_of_user = {identity: name for name, identity in sample.users.items()}
    listed = sample.owner.get(
        f"/datasets/{sample.dataset_id}/records", limit=1000, include=["responses", "suggestions", "vectors"]
    )
    return [
        Row(
            external_id=record["external_id"],
            title=record["fields"]["title"],
            body=record["fields"]["body"],
            metadata=record["metadata"] or {},
            suggestions={name_of_question[one["question_id"]]: one for one in record["suggestions"]},
            vector=(record["vectors"] or {}).get("position"),
            responses={
                name_of_user[one["user_id"]]: {
                    "status": one["status"],
                    "values": {name: value["value"] for name, value in (one["values"] or {}).items()},
                    "id": one["id"],
                }
                for one in record["responses"]
            },
            id=record["id"],
            status=record["status"],
        )
        for record in listed["items"]
    ]


class Writer:
    """Writes at random, through the API, as annotators and pipelines do."""

    def __init__(self, sample: Sample, seed: int) -> None:
        self.sample = sample
        self.seed = seed
        self.rng = random.Random(seed)
        self.added = 0

    def write(self) -> None:
        action = self.rng.choice(
            [self.log, self.change, self.suggest, self.answer, self.answer, self.withdraw, self.delete]
        )
        action(stored_rows(self.sample))

    def log(self, rows: list[Row]) -> None:
        count = self.rng.randrange(1, 4)
        new = make_rows(count, list(self.sample.users), seed=self.rng.randrange(10**6))
        for row in new:
            self.added += 1
            row.external_id = f"row-{1000 * self.seed + self.added}"
        self._bulk("POST", new)

    def change(self, rows: list[Row]) -> None:
        """Other metadata, text, vector and suggestions for some, as logging a second time gives them."""
        chosen = self.rng.sample(rows, self.rng.randrange(1, 4))
        other = make_rows(len(chosen), [], seed=self.rng.randrange(10**6))
        for row, new in zip(chosen, other, strict=True):
            new.external_id = row.external_id
            new.body += f" {self.rng.choice(WORDS)}"
        self._bulk("PUT", other)

    def suggest(self, rows: list[Row]) -> None:
        row = self.rng.choice(rows)
        if row.suggestions and self.rng.random() < 0.4:
            gone = self.rng.choice(list(row.suggestions.values()))
            self.sample.owner.send("DELETE", f"/records/{row.id}/suggestions?ids={gone['id']}")
            return
        new = {
            "question_id": self.sample.questions["verdict"],
            "value": self.rng.choice(LABELS),
            "score": round(self.rng.random(), 3),
            "agent": self.rng.choice(AGENTS),
            "type": "model",
        }
        self.sample.owner.send("PUT", f"/records/{row.id}/suggestions", new)

    def answer(self, rows: list[Row]) -> None:
        row, user = self.rng.choice(rows), self.rng.choice(list(self.sample.users))
        values = {"verdict": {"value": self.rng.choice(LABELS)}, "stars": {"value": self.rng.randrange(1, 6)},
                  "topics": {"value": self.rng.sample(TOPICS, 2)}}  # fmt: skip
        body = {"values": values, "status": self.rng.choice(["submitted", "draft", "discarded"])}
        given = row.responses.get(user)
        api = self.sample.annotators[user]
        if given:
            api.send("PUT", f"/responses/{given['id']}", body)
        else:
            api.send("POST", f"/records/{row.id}/responses", body)

    def withdraw(self, rows: list[Row]) -> None:
        given = [(user, one["id"]) for row in rows for user, one in row.responses.items()]
        if given:
            user, response = self.rng.choice(given)
            self.sample.annotators[user].send("DELETE", f"/responses/{response}")

    def delete(self, rows: list[Row]) -> None:
        if len(rows) > 25:
            ids = ",".join(row.id for row in self.rng.sample(rows, 2))
            self.sample.owner.send("DELETE", f"/datasets/{self.sample.dataset_id}/records?ids={ids}")

    def _bulk(self, method: str, rows: list[Row]) -> None:
        items = [row.payload(self.sample.questions, self.sample.users) for row in rows]
        for item, row in zip(items, rows, strict=True):
            if not row.vector:
                del item["vectors"]
        self.sample.owner.send(method, f"/datasets/{self.sample.dataset_id}/records/bulk", {"items": items})


def check(sample: Sample, rng: random.Random) -> None:
    """Some filters, sorts, words, vectors and the progress, against the rows."""
    sample.rows = stored_rows(sample)
    for name in rng.sample(sorted(CASES), 4):
        query, keep = CASES[name]
        expected = sample.filtered(keep)
        assert sample.search(filters=[query]) == (expected, len(expected)), name
    query, keep = status_case(["pending", "draft"], "ben")
    assert sorted(sample.search(filters=[query], user="ben")[0]) == sorted(sample.filtered(keep))
    for name in rng.sample(sorted(set(SORTS) - {"added"}), 2):
        scope, key = SORTS[name]
        descending = rng.random() < 0.5
        present = [row for row in sample.rows if key(row, descending) is not None]
        absent = [row.external_id for row in sample.rows if key(row, descending) is None]
        ordered = sorted(present, key=lambda row: key(row, descending), reverse=descending)
        found, _ = sample.search(sort=[{"scope": scope, "order": "desc" if descending else "asc"}])
        assert found == [row.external_id for row in ordered] + absent, name
    word = rng.choice(WORDS)
    having = sample.filtered(lambda row: word in f"{row.title} {row.body}".split())
    assert sorted(sample.search(word)[0]) == sorted(having), word
    check_similarity(sample, rng, CASES[rng.choice(["terms", "completed", "score"])])
    done = sample.owner.get(f"/datasets/{sample.dataset_id}/progress")
    completed = sum(row.status == "completed" for row in sample.rows)
    assert (done["total"], done["completed"]) == (len(sample.rows), completed)


def check_similarity(sample: Sample, rng: random.Random, case: Case) -> None:
    query, keep = case
    value = [rng.gauss(0, 1) for _ in range(DIMENSIONS)]

    def cosine(row: Row) -> float:
        one, two = np.array(row.vector), np.array(value)
        return float(one @ two / np.linalg.norm(one) / np.linalg.norm(two))

    expected = sorted((row for row in sample.rows if row.vector and keep(row)), key=cosine, reverse=True)
    found, _ = sample.search(vector={"name": "position", "value": value}, filters=[query])
    assert found == [row.external_id for row in expected]


def test_after_any_writes_every_answer_is_right(changing: Sample) -> None:
    writer = Writer(changing, 11)
    for _ in range(12):
        for _ in range(writer.rng.randrange(1, 5)):
            writer.write()
        check(changing, writer.rng)


def test_menus_follow(changing: Sample) -> None:
    properties: dict[str, Any] = {
        one["name"]: one["id"]
        for one in changing.owner.get(f"/me/datasets/{changing.dataset_id}/metadata-properties")["items"]
    }
    Writer(changing, 13).write()
    rows = stored_rows(changing)
    lengths = [row.metadata["length"] for row in rows if "length" in row.metadata]
    numbers = changing.owner.get(f"/metadata-properties/{properties['length']}/metrics")
    assert (numbers["min"], numbers["max"]) == (min(lengths), max(lengths))
    languages = changing.owner.get(f"/metadata-properties/{properties['language']}/metrics")
    counted = {one["term"]: one["count"] for one in languages["values"]}
    having = {
        language: sum(language in _listed(row.metadata.get("language")) for row in rows)
        for language in LANGUAGES
    }
    assert counted == {language: count for language, count in having.items() if count}


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
