"""What may go wrong around a push: nothing is lost, nothing is there twice, and it is said clearly."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import count

import httpx
import pytest

from curation.argilla.annotators import remove_annotator
from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla
from curation.argilla.datasets import find_all
from curation.argilla.push import push_to_argilla
from curation.documents.corpus import Corpus
from curation.errors import ArgillaError
from curation.home import Home
from tests.curation.argilla.sample import (
    Workspace,
    answer,
    make_chunk,
    make_triplet,
    small_corpus,
    small_triplets,
)

pytestmark = pytest.mark.argilla


def ids_of(workspace: Workspace) -> Counter[str]:
    return Counter(
        str(record["external_id"])
        for datasets in find_all(workspace.api, workspace.settings).values()
        for dataset in datasets
        for page in workspace.api.records(dataset.id)
        for record in page
    )


def test_two_clayloops_push_at_once(workspace: Workspace, home: Home) -> None:
    workspace = workspace.with_(overlap=0.4)
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    clients = [workspace.client, connect_to_argilla(workspace.settings, home)]
    with ThreadPoolExecutor(2) as pool:
        runs = [
            pool.submit(push_to_argilla, one, workspace.settings, corpus, triplets, workspace.embedder)
            for one in clients
        ]
        errors = [error for run in runs if (error := run.exception()) is not None]
    assert all(isinstance(error, ArgillaError) for error in errors), errors
    workspace.push(corpus, triplets)
    wanted = {one.id for one in (*corpus.chunks, *triplets)}
    assert ids_of(workspace) == Counter(wanted)
    assert workspace.push(corpus, triplets).changed == 0


def test_argilla_goes_away_in_the_middle_of_a_push(
    workspace: Workspace, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = workspace.with_(overlap=0.4, gold=3)
    corpus = small_corpus()
    triplets = small_triplets(corpus)
    workspace.push(corpus, triplets[:1])
    ada = workspace.hire("ada")
    bob = workspace.hire("bob")
    twice = find_all(workspace.api, workspace.settings)["chunks"][-1]
    record = next(workspace.api.records(twice.id))[0]
    for person in (ada, bob):
        answer(person, str(record["id"]), good_chunk="yes")
    before = workspace.decisions()
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
                workspace.push(corpus, triplets)
                break
            except ArgillaError as error:
                assert "Cannot reach Argilla" in error.message
        writes = stop
        assert max(ids_of(workspace).values()) == 1
        assert workspace.decisions() == before
    assert writes >= 2, "it went away at several places"
    assert {one.id for one in (*corpus.chunks, *triplets)} <= ids_of(workspace).keys()


def test_a_push_that_stops_before_its_first_record_costs_no_guidelines(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> None:
        raise ArgillaError("Cannot reach Argilla.", "Start it.")

    corpus = small_corpus()
    with monkeypatch.context() as patch:
        patch.setattr(Api, "upsert", away)
        with pytest.raises(ArgillaError, match=r"0 of 8 records were sent") as caught:
            workspace.push(corpus, small_triplets(corpus))
    assert "push again" in caught.value.hint
    workspace.push(corpus, small_triplets(corpus))
    shown = {
        kind: datasets[0].guidelines for kind, datasets in find_all(workspace.api, workspace.settings).items()
    }
    assert all("Examples from this documentation" in shown[kind] for kind in ("chunks", "triplets")), shown


def test_what_people_change_by_hand_is_mended_or_kept(workspace: Workspace) -> None:
    corpus = small_corpus()
    workspace.push(corpus)
    dataset = find_all(workspace.api, workspace.settings)["chunks"][0]
    record, other, *_ = workspace.rows("chunks")
    # another title for a question, a filter taken away, a text and a mark written over, a record deleted
    question = dataset.questions["good_chunk"]
    workspace.api.request("PATCH", f"/api/v1/questions/{question}", "renaming", {"title": "Nice?"})
    path = f"/api/v1/me/datasets/{dataset.id}/metadata-properties"
    own = workspace.api.request("GET", path, "reading")["items"]
    queue = next(one for one in own if one["name"] == "queue")
    workspace.api.request("DELETE", f"/api/v1/metadata-properties/{queue['id']}", "taking a filter away")
    workspace.api.upsert(dataset.id, [{"external_id": record["external_id"], "metadata": {"mine": "kept"}}])
    workspace.api.delete(dataset.id, [str(other["id"])])
    workspace.push(corpus)
    assert ids_of(workspace) == Counter(one.id for one in corpus.chunks)
    found = {one["external_id"]: one for one in workspace.rows("chunks")}
    metadata = found[record["external_id"]]["metadata"]
    assert metadata["mine"] == "kept" and metadata["queue"] == "asked"
    assert "queue" in find_all(workspace.api, workspace.settings)["chunks"][0].filters


def test_an_annotator_goes_with_all_answers(workspace: Workspace) -> None:
    text = "The timeout is set in seconds with the key request_timeout in the settings file of the program. "
    chunks = [make_chunk(path, "Timeouts", text * 3, row) for row, path in enumerate(("a.md", "b.md"))]
    corpus = Corpus([], chunks)
    workspace.push(corpus)
    asked = next(one for one in workspace.rows("chunks") if one["metadata"]["queue"] == "asked")
    ada = workspace.hire("ada")
    answer(ada, str(asked["id"]), good_chunk="yes")
    workspace.push(corpus)
    queues = {one["metadata"]["queue"] for one in workspace.rows("chunks")}
    assert queues == {"asked", "decided"}
    remove_annotator(workspace.client, workspace.settings, ada.name, with_answers=True)
    assert workspace.decisions() == []
    workspace.push(corpus)
    queues = {one["metadata"]["queue"] for one in workspace.rows("chunks")}
    assert queues == {"asked", "waits"}, "nothing is decided any more"


def test_what_comes_twice_is_pushed_once(workspace: Workspace) -> None:
    corpus = small_corpus()
    twice = Corpus([], [*corpus.chunks, corpus.chunks[0]])
    triplet = make_triplet(corpus.chunks[0], "How do I install it?")
    workspace.push(twice, [triplet, triplet])
    assert ids_of(workspace) == Counter([*(one.id for one in corpus.chunks), triplet.id])
