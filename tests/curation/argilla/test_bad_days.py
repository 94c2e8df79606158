"""What may go wrong around a push: nothing is lost, nothing is there twice, and it is said clearly."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import argilla as rg
import httpx
import pytest

from curation.argilla.annotators import remove_annotator
from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla
from curation.argilla.datasets import find_all
from curation.argilla.decisions import read_decisions
from curation.argilla.push import push_to_argilla
from curation.documents.corpus import Corpus
from curation.errors import ArgillaError
from curation.home import Home
from curation.settings import ArgillaSettings
from serving import Embedder
from tests.curation.argilla.sample import (
    answer,
    hire,
    make_chunk,
    make_triplet,
    rows,
    small_corpus,
    small_triplets,
)

pytestmark = pytest.mark.argilla


def ids_of(api: Api, settings: ArgillaSettings) -> Counter[str]:
    return Counter(
        str(record["external_id"])
        for datasets in find_all(api, settings).values()
        for dataset in datasets
        for page in api.records(dataset.id)
        for record in page
    )


def test_two_clayloops_push_at_once(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder, home: Home
) -> None:
    settings = settings.model_copy(update={"overlap": 0.4})
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    clients = [client, connect_to_argilla(settings, home)]
    with ThreadPoolExecutor(2) as pool:
        runs = [pool.submit(push_to_argilla, one, settings, corpus, triplets, embedder) for one in clients]
        errors = [error for run in runs if (error := run.exception()) is not None]
    assert all(isinstance(error, ArgillaError) for error in errors), errors
    push_to_argilla(client, settings, corpus, triplets, embedder)
    wanted = {one.id for one in (*corpus.chunks, *triplets)}
    assert ids_of(api, settings) == Counter(wanted)
    assert push_to_argilla(client, settings, corpus, triplets, embedder).changed == 0


def test_argilla_goes_away_in_the_middle_of_a_push(
    client: rg.Argilla,
    api: Api,
    settings: ArgillaSettings,
    embedder: Embedder,
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = settings.model_copy(update={"overlap": 0.4, "gold": 3})
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    push_to_argilla(client, settings, corpus, triplets[:1], embedder)
    ada = hire(api, settings, f"ada-{settings.chunks}")
    bob = hire(api, settings, f"bob-{settings.chunks}")
    twice = find_all(api, settings)["chunks"][-1]
    record = next(api.records(twice.id))[0]
    for person in (ada, bob):
        answer(person, str(record["id"]), good_chunk="yes")
    before = read_decisions(client, settings)
    writes = 0
    for stop in count(1):
        sent, real = count(1), httpx.Client.request

        def away(self: httpx.Client, method: str, *more: object, **named: object) -> httpx.Response:
            if method != "GET" and "search" not in str(more) and next(sent) >= stop:  # noqa: B023
                raise httpx.ConnectError("it is gone")
            return real(self, method, *more, **named)  # type: ignore[arg-type]  # noqa: B023

        with monkeypatch.context() as patch:
            patch.setattr(httpx.Client, "request", away)
            try:
                push_to_argilla(client, settings, corpus, triplets, embedder)
                break
            except ArgillaError as error:
                assert "Cannot reach Argilla" in error.message
        writes = stop
        assert max(ids_of(api, settings).values()) == 1
        assert read_decisions(client, settings) == before
    assert writes >= 2, "it went away at several places"
    assert {one.id for one in (*corpus.chunks, *triplets)} <= ids_of(api, settings).keys()


def test_a_push_that_stops_before_its_first_record_costs_no_guidelines(
    client: rg.Argilla,
    api: Api,
    settings: ArgillaSettings,
    embedder: Embedder,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def away(*_: object) -> None:
        raise ArgillaError("Cannot reach Argilla.", "Start it.")

    corpus = small_corpus()
    with monkeypatch.context() as patch:
        patch.setattr(Api, "upsert", away)
        with pytest.raises(ArgillaError, match=r"0 of 8 records were sent") as caught:
            push_to_argilla(client, settings, corpus, small_triplets(corpus), embedder)
    assert "push again" in caught.value.hint
    push_to_argilla(client, settings, corpus, small_triplets(corpus), embedder)
    shown = {kind: datasets[0].guidelines for kind, datasets in find_all(api, settings).items()}
    assert all("Examples from this documentation" in shown[kind] for kind in ("chunks", "triplets")), shown


def test_what_people_change_by_hand_is_mended_or_kept(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    corpus = small_corpus()
    push_to_argilla(client, settings, corpus, [], embedder)
    dataset = find_all(api, settings)["chunks"][0]
    record, other, *_ = rows(api, settings, "chunks")
    # another title for a question, a filter taken away, a text and a mark written over, a record deleted
    question = dataset.questions["good_chunk"]
    api.request("PATCH", f"/api/v1/questions/{question}", "renaming", {"title": "Nice?"})
    path = f"/api/v1/me/datasets/{dataset.id}/metadata-properties"
    own = api.request("GET", path, "reading")["items"]
    queue = next(one for one in own if one["name"] == "queue")
    api.request("DELETE", f"/api/v1/metadata-properties/{queue['id']}", "taking a filter away")
    api.upsert(dataset.id, [{"external_id": record["external_id"], "metadata": {"mine": "kept"}}])
    api.delete(dataset.id, [str(other["id"])])
    push_to_argilla(client, settings, corpus, [], embedder)
    assert ids_of(api, settings) == Counter(one.id for one in corpus.chunks)
    found = {one["external_id"]: one for one in rows(api, settings, "chunks")}
    metadata = found[record["external_id"]]["metadata"]
    assert metadata["mine"] == "kept" and metadata["queue"] == "asked"
    assert "queue" in find_all(api, settings)["chunks"][0].filters


def test_an_annotator_goes_with_all_answers(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    text = "The timeout is set in seconds with the key request_timeout in the settings file of the program. "
    chunks = [make_chunk(path, "Timeouts", text * 3, row) for row, path in enumerate(("a.md", "b.md"))]
    corpus = Corpus([], chunks)
    push_to_argilla(client, settings, corpus, [], embedder)
    asked = next(one for one in rows(api, settings, "chunks") if one["metadata"]["queue"] == "asked")
    ada = hire(api, settings, f"ada-{settings.chunks}")
    answer(ada, str(asked["id"]), good_chunk="yes")
    push_to_argilla(client, settings, corpus, [], embedder)
    queues = {one["metadata"]["queue"] for one in rows(api, settings, "chunks")}
    assert queues == {"asked", "decided"}
    remove_annotator(client, settings, ada.name, with_answers=True)
    assert read_decisions(client, settings) == []
    push_to_argilla(client, settings, corpus, [], embedder)
    queues = {one["metadata"]["queue"] for one in rows(api, settings, "chunks")}
    assert queues == {"asked", "waits"}, "nothing is decided any more"


def test_what_comes_twice_is_pushed_once(
    client: rg.Argilla, api: Api, settings: ArgillaSettings, embedder: Embedder
) -> None:
    corpus = small_corpus()
    twice = Corpus([], [*corpus.chunks, corpus.chunks[0]])
    triplet = make_triplet(corpus.chunks[0], "How do I install it?")
    push_to_argilla(client, settings, twice, [triplet, triplet], embedder)
    assert ids_of(api, settings) == Counter([*(one.id for one in corpus.chunks), triplet.id])
