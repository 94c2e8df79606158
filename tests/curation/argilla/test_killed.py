"""Argilla's server killed in the middle of a push, as the kernel does when memory is short."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla
from curation.argilla.decisions import read_decisions
from curation.argilla.progress import read_progress
from curation.argilla.push import PushOptions, push_to_argilla
from curation.documents.corpus import Corpus
from curation.errors import ArgillaError
from curation.home import Home
from curation.progress import Advance, Silent
from curation.records.chunk import Chunk
from curation.records.decision import DatasetName
from curation.records.triplet import Triplet
from curation.settings import ArgillaSettings
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite
from tests.curation.argilla.sample import answer, hire, make_chunk, make_triplet, rows
from tests.curation.making import FakeVectors

pytestmark = [pytest.mark.argilla, pytest.mark.slow]

CHUNKS = 1000


class Kills(Silent):
    """Kills the server while the second batch of triplets is on its way."""

    def __init__(self, server: ArgillaLite) -> None:
        self._server = server

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        def advance(done: int) -> None:
            if description == "Pushing triplets":
                threading.Timer(0.2, self._server.process.kill).start()

        yield advance


def settings_of(server: ArgillaLite) -> ArgillaSettings:
    return ArgillaSettings(url=server.url, api_key=SecretStr(server.api_key))


def corpus_of(count: int) -> tuple[list[Chunk], list[Triplet]]:
    topics = [f"Part {number} of the pump" for number in range(count)]
    chunks = [
        make_chunk(f"{row % 50}.md", topic, f"Number {row} is cleaned every {row} days with a brush.", row)
        for row, topic in enumerate(topics)
    ]
    return chunks, [make_triplet(chunk, f"How is {chunk.heading} cleaned?") for chunk in chunks]


def ids_in(api: Api, settings: ArgillaSettings) -> Counter[str]:
    kinds: tuple[DatasetName, ...] = ("chunks", "triplets")
    return Counter(str(row["external_id"]) for kind in kinds for row in rows(api, settings, kind, ()))


def test_a_server_that_is_killed_in_a_push_loses_and_doubles_nothing(tmp_path: Path) -> None:
    home, argilla = Home(tmp_path / "state"), tmp_path / "argilla"
    chunks, triplets = corpus_of(CHUNKS)
    few, every = Corpus([], chunks[:3]), Corpus([], chunks)
    with running_argilla_lite(argilla) as server:
        settings = settings_of(server)
        client = connect_to_argilla(settings, home)
        api = Api.of(client)
        push_to_argilla(client, settings, few, triplets[:3], FakeVectors())
        record = rows(api, settings, "chunks")[0]
        answer(hire(api, settings, "ada"), str(record["id"]), good_chunk="no")
        before = read_decisions(client, settings)
        options = PushOptions(progress=Kills(server))
        with pytest.raises(ArgillaError, match="Cannot reach Argilla") as caught:
            push_to_argilla(client, settings, every, triplets, FakeVectors(), options)
        assert "push again" in caught.value.hint
    port = urlsplit(server.url).port
    assert port is not None
    with running_argilla_lite(argilla, port) as server:
        settings = settings_of(server)
        client = connect_to_argilla(settings, home)
        api = Api.of(client)
        wanted = Counter(one.id for one in (*chunks, *triplets))
        half = ids_in(api, settings)
        assert half <= wanted
        assert CHUNKS < half.total() < wanted.total()
        report = push_to_argilla(client, settings, every, triplets, FakeVectors())
        assert sum(part.added for part in report.datasets) == (wanted - half).total()
        assert ids_in(api, settings) == wanted
        assert [part.total for part in read_progress(client, settings)][:2] == [CHUNKS, CHUNKS], "its search"
        assert read_decisions(client, settings) == before
        assert push_to_argilla(client, settings, every, triplets, FakeVectors()).changed == 0
