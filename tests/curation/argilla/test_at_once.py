"""Several clayloops that make and fill the same datasets at the same time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla, workspace_id
from curation.argilla.conversations import log_turns
from curation.argilla.datasets import dataset_rows, find_dataset
from curation.argilla.push import push_to_argilla
from curation.home import Home
from curation.settings import ArgillaSettings
from tests.curation.argilla.sample import make_turn, rows, small_corpus, small_triplets
from tests.curation.making import FakeVectors

pytestmark = pytest.mark.argilla

ROUNDS = 6


def renamed(settings: ArgillaSettings, number: int) -> ArgillaSettings:
    kinds = ("chunks", "triplets", "conversations")
    return settings.model_copy(update={kind: f"{getattr(settings, kind)}-{number}" for kind in kinds})


@pytest.mark.parametrize("is_draft_left", [False, True], ids=["none", "draft"])
def test_two_that_make_the_same_dataset_keep_the_records_of_both(
    settings: ArgillaSettings, home: Home, is_draft_left: bool
) -> None:
    clients = [connect_to_argilla(settings, home) for _ in range(2)]
    api, start = Api.of(clients[0]), Barrier(2)

    def send(who: int, one: ArgillaSettings) -> None:
        turns = [make_turn(f"Question {number}?", "Answer.", f"by-{who}", number) for number in range(3)]
        start.wait()
        log_turns(clients[who], one, turns, FakeVectors())

    for number in range(ROUNDS):
        one = renamed(settings, number)
        if is_draft_left:
            body = {"name": one.conversations, "workspace_id": workspace_id(api, one.workspace)}
            api.request("POST", "/api/v1/datasets", "making", body)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(send, range(2), [one, one]))
        made = [row for row in dataset_rows(api, one) if row["name"] == one.conversations]
        assert [row["status"] for row in made] == ["ready"]
        dataset = find_dataset(api, one, "conversations")
        assert dataset is not None
        assert set(dataset.filters) == {wanted.name for wanted in dataset.spec.filters}
        assert len(rows(api, one, "conversations", ("vectors",))) == 6
        assert all(row["vectors"] for row in rows(api, one, "conversations", ("vectors",)))


def test_two_first_pushes_at_once(settings: ArgillaSettings, home: Home) -> None:
    clients = [connect_to_argilla(settings, home) for _ in range(2)]
    corpus, start = small_corpus(), Barrier(2)

    def push(who: int, one: ArgillaSettings) -> None:
        start.wait()
        push_to_argilla(clients[who], one, corpus, small_triplets(corpus), FakeVectors())

    for number in range(ROUNDS):
        one = renamed(settings, number)
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(push, range(2), [one, one]))
        held = {kind: len(rows(Api.of(clients[0]), one, kind)) for kind in ("chunks", "triplets")}
        assert held == {"chunks": 8, "triplets": 4}
        assert find_dataset(Api.of(clients[0]), one, "conversations") is not None
