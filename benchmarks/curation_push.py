"""How long pushing and reading back takes: ours against Argilla's own logging of the same records.

    python -m benchmarks curation_push [--records 10000] [--json FILE]

A fresh argilla_lite, chunks of drawn words (seed 15), vectors drawn and texts looked at before. Ours is
``push_to_argilla`` with all that it does: suggestions, priority, queue, guidelines. The other side is the
SDK's ``records.log`` of the same fields, metadata, suggestions and vectors into a dataset with the same
settings, by the same client. Then every record is decided (the answers are written as the SDK writes them,
not one by one), and ``read_decisions`` reads all of them.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import argilla as rg
import numpy as np
import numpy.typing as npt
from pydantic import SecretStr

from benchmarks.rows import Row, at_most, figure
from curation import (
    Api,
    ArgillaSettings,
    Corpus,
    Home,
    chunk_features,
    connect_to_argilla,
    find_dataset,
    push_to_argilla,
    read_decisions,
)
from tests.argilla_lite.server import running_argilla_lite
from tests.curation.argilla.sample import Person, hire, make_chunk

DIMENSION, SEED, ANSWERS = 384, 15, 256
_WORDS = [f"word{number}" for number in range(5000)]


class Drawn:
    """Vectors that cost nothing: one for each text, drawn before."""

    name, dimension = "drawn", DIMENSION

    def __init__(self, texts: Sequence[str]) -> None:
        made = np.random.default_rng(SEED).normal(size=(len(texts), DIMENSION)).astype(np.float32)
        made /= np.linalg.norm(made, axis=1, keepdims=True)
        self._known = dict(zip(texts, made, strict=True))

    def documents(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        return np.stack([self._known[text] for text in texts])

    queries = documents


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks curation_push", description=__doc__)
    parser.add_argument("--records", type=int, default=10_000)
    count = parser.parse_args(arguments).records
    chance = random.Random(SEED)
    chunks = [
        make_chunk(f"guide/page{row // 10}.md", f"Part {row}", " ".join(chance.choices(_WORDS, k=120)), row)
        for row in range(count)
    ]
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        return measure(Path(folder), Corpus([], chunks))


def measure(folder: Path, corpus: Corpus) -> list[Row]:
    """Push, log the same, decide, read back."""
    vectors, count = Drawn([chunk.text for chunk in corpus.chunks]), len(corpus.chunks)
    with running_argilla_lite(folder / "argilla") as server:
        settings = ArgillaSettings(
            url=server.url, api_key=SecretStr(server.api_key), workspace=server.workspace, timeout=600
        )
        client = connect_to_argilla(settings, Home(folder))
        api = Api.of(client)
        started = time.perf_counter()
        for chunk in corpus.chunks:  # the push finds it done
            chunk_features(chunk.body, chunk.heading, 0.0, False, 0.0)
        looked_at = time.perf_counter() - started
        started = time.perf_counter()
        push_to_argilla(client, settings, corpus, [], vectors)
        ours = time.perf_counter() - started
        theirs = _log_the_same(client, settings)
        print(f"pushed in {ours:.0f} s, Argilla's own logging {theirs:.0f} s, now deciding", flush=True)
        _decide(api, settings, hire(api, settings, "ann"))
        started = time.perf_counter()
        read = len(read_decisions(client, settings))
        back = time.perf_counter() - started
    if read != count:
        raise AssertionError(f"{read} of {count} decisions were read")
    return [
        figure(f"what {count:,} texts are suggested by, computed before, seconds", looked_at),
        at_most(f"push {count:,} records, seconds (Argilla's own logging)", ours, 1.3, theirs),
        at_most(f"read back {count:,} decided records, seconds", back, 30.0),
    ]


def _log_the_same(client: rg.Argilla, settings: ArgillaSettings) -> float:
    """Seconds that ``records.log`` takes for what was pushed."""
    pushed = client.datasets(settings.chunks, workspace=settings.workspace)
    assert pushed is not None
    records = [_copy(record) for record in pushed.records(with_vectors=True, with_suggestions=True)]
    again = rg.Dataset(
        name=f"{settings.chunks}-logged",
        workspace=settings.workspace,
        settings=pushed.settings,
        client=client,
    )
    again.create()
    started = time.perf_counter()
    again.records.log(records)
    return time.perf_counter() - started


def _copy(record: Any) -> rg.Record:
    return rg.Record(
        id=record.id,
        fields=record.fields.to_dict(),
        metadata=dict(record.metadata),
        vectors=record.vectors.to_dict(),
        suggestions=[
            rg.Suggestion(one.question_name, one.value, score=one.score, agent=one.agent)
            for one in record.suggestions
        ],
    )


def _decide(api: Api, settings: ArgillaSettings, person: Person) -> None:
    dataset = find_dataset(api, settings, "chunks")
    assert dataset is not None
    said = {"user_id": person.id, "status": "submitted", "values": {"good_chunk": {"value": "yes"}}}
    answered = [
        {"id": record["id"], "responses": [said]} for page in api.records(dataset.id) for record in page
    ]
    for start in range(0, len(answered), ANSWERS):
        api.upsert(dataset.id, answered[start : start + ANSWERS])
