"""Fills an argilla_lite home with many records, straight into its database.

Logging 100,000 records over HTTP takes minutes; what is measured afterwards does not depend on how they came
in. The text is drawn from a Zipf-like vocabulary (seed 5): one word is in every record, one in half of them,
the others thin out; 384-d vectors are random; each record has a suggestion, three in ten have responses.
"""

from __future__ import annotations

import json
import random
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import argilla as rg
import numpy as np

DIMENSIONS = 384
TOPICS = [f"topic-{number}" for number in range(20)]
LABELS = ["yes", "no", "unclear"]
_WORDS = [f"w{number}" for number in range(20_000)]
_BATCH = 2000


@dataclass(frozen=True)
class Ids:
    """What the rows refer to, as 32 hexadecimal digits."""

    dataset: str
    label: str
    rating: str
    vectors: str
    users: list[str]


def make_dataset(url: str, api_key: str, workspace: str, name: str) -> rg.Dataset:
    """An empty published dataset with two text fields, three questions, three metadata properties and
    vectors."""
    dataset = rg.Dataset(
        name=name,
        workspace=workspace,
        client=rg.Argilla(api_url=url, api_key=api_key),
        settings=rg.Settings(
            fields=[rg.TextField(name="title"), rg.TextField(name="body")],
            questions=[
                rg.LabelQuestion(name="relevant", labels=LABELS),
                rg.RatingQuestion(name="quality", values=[1, 2, 3, 4, 5], required=False),
                rg.TextQuestion(name="comment", required=False),
            ],
            metadata=[
                rg.TermsMetadataProperty(name="topic"),
                rg.IntegerMetadataProperty(name="length"),
                rg.FloatMetadataProperty(name="ratio"),
            ],
            vectors=[rg.VectorField(name="position", dimensions=DIMENSIONS)],
        ),
    )
    dataset.create()
    return dataset


def body(rng: random.Random) -> str:
    """About thirty words."""
    words = [_WORDS[min(int(rng.paretovariate(0.7)), len(_WORDS)) - 1] for _ in range(30)]
    return " ".join([*words, "everywhere", *(["half"] if rng.random() < 0.5 else [])])


def vector(rng: np.random.Generator) -> list[float]:
    """Random, rounded as a model's would be sent."""
    return [round(one, 5) for one in rng.normal(size=DIMENSIONS).tolist()]


def fill(database: Path, dataset_id: str, user_ids: list[str], count: int) -> None:
    """Adds `count` records to a dataset whose server is stopped."""
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        dataset = dataset_id.replace("-", "")
        question_of = dict(
            connection.execute("SELECT name, id FROM questions WHERE dataset_id = ?", (dataset,))
        )
        (setting,) = connection.execute(
            "SELECT id FROM vectors_settings WHERE dataset_id = ?", (dataset,)
        ).fetchone()
        users = [one.replace("-", "") for one in user_ids]
        ids = Ids(dataset, question_of["relevant"], question_of["quality"], setting, users)
        rows = _rows(ids, count)
        while batch := [row for _, row in zip(range(_BATCH), rows, strict=False)]:
            with connection:
                for table in ("records", "suggestions", "responses", "vectors"):
                    _insert(connection, table, [one for row in batch for one in row.get(table, [])])


def _insert(connection: sqlite3.Connection, table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns = ", ".join(f'"{name}"' for name in rows[0])
        marks = ", ".join(f":{name}" for name in rows[0])
        statement = f"INSERT INTO {table} ({columns}) VALUES ({marks})"  # noqa: S608 - our own names
        connection.executemany(statement, rows)


def _rows(ids: Ids, count: int) -> Iterator[dict[str, list[dict[str, Any]]]]:
    rng, numbers = random.Random(5), np.random.default_rng(5)
    begun = datetime(2026, 1, 1)
    for number in range(count):
        moment = str(begun + timedelta(milliseconds=number, microseconds=1))
        record = uuid.UUID(int=rng.getrandbits(128), version=4).hex

        def stamped(moment: str = moment, **values: Any) -> dict[str, Any]:
            made = uuid.UUID(int=rng.getrandbits(128), version=4).hex
            return {"id": made, "inserted_at": moment, "updated_at": moment, **values}

        metadata = {
            "topic": rng.choice(TOPICS),
            "length": rng.randrange(5000),
            "ratio": round(rng.random(), 4),
        }
        fields = {"title": f"Record {number} {rng.choice(_WORDS)}", "body": body(rng)}
        answered = rng.random() < 0.3
        yield {
            "records": [
                stamped(
                    dataset_id=ids.dataset,
                    external_id=f"r{number}",
                    status="completed" if answered else "pending",
                    fields=json.dumps(fields),
                    metadata=json.dumps(metadata),
                )
                | {"id": record}
            ],
            "suggestions": [
                stamped(
                    record_id=record,
                    question_id=ids.label,
                    value=json.dumps(rng.choice(LABELS)),
                    score=json.dumps(round(rng.random(), 4)),
                    agent="bench",
                    type="model",
                )
            ],
            "responses": [
                stamped(
                    record_id=record,
                    user_id=rng.choice(ids.users),
                    status="submitted",
                    values=json.dumps(
                        {"relevant": {"value": rng.choice(LABELS)}, "quality": {"value": rng.randrange(1, 6)}}
                    ),
                )
            ]
            if answered
            else [],
            "vectors": [
                stamped(record_id=record, vector_settings_id=ids.vectors, value=json.dumps(vector(numbers)))
            ],
        }
