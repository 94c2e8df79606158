"""Redis dies again and again: people go on annotating, and no webhook event is lost."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.argilla_lite.battered import Battered
from tests.argilla_lite.commands import wait_for
from tests.argilla_lite.listener import Listener, listening
from tests.argilla_lite.sample import Argilla, Sample, make_sample

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def data(battered: Battered) -> Sample:
    lite = battered.lite
    return make_sample(Argilla(lite.url, lite.api_key, lite.workspace), count=100)


@pytest.fixture
def listener(data: Sample) -> Iterator[Listener]:
    """Told of responses."""
    with listening() as listener:
        body = {"url": listener.url, "events": ["response.created"], "description": "test"}
        webhook = data.owner.send("POST", "/webhooks", body)
        yield listener
        data.owner.send("DELETE", f"/webhooks/{webhook['id']}")


def submit(data: Sample, count: int) -> list[str]:
    """Submits so many responses, one request after the other, and returns their ids."""
    made = []
    for row in data.rows:
        for name, api in data.annotators.items():
            if name not in row.responses and len(made) < count:
                body = {"values": {"verdict": {"value": "yes"}}, "status": "submitted"}
                made.append(api.send("POST", f"/records/{row.id}/responses", body)["id"])
                row.responses[name] = {"status": "submitted", "values": {"verdict": "yes"}}
    assert len(made) == count
    return made


@pytest.mark.parametrize(("name", "kills"), [("redis", 3), ("worker", 2)])
def test_no_event_is_lost(
    battered: Battered, data: Sample, listener: Listener, name: str, kills: int
) -> None:
    submitted: list[str] = []
    with battered.dying(name) as killed:
        while len(killed) < kills or len(submitted) < 10:
            submitted += submit(data, 1)
            time.sleep(0.1)  # as a fast annotator
    wanted = set(submitted)
    wait_for(lambda: wanted <= {delivery.data["id"] for delivery in listener.deliveries}, 120)
    # What came twice came under the same id: one id per event.
    ids = Counter(response for response, _ in {(one.data["id"], one.id) for one in listener.deliveries})
    assert ids == dict.fromkeys(wanted, 1)


def test_datasets_can_be_changed_without_redis(battered: Battered, data: Sample) -> None:
    workspace = data.owner.get(f"/datasets/{data.dataset_id}")["workspace_id"]
    with battered.dying("redis") as killed:
        wait_for(lambda: killed)
        for wanted in (1, 2, 3):
            dataset = data.owner.send(
                "POST", "/datasets", {"name": f"new-{wanted}", "workspace_id": workspace}
            )
            body = {"distribution": {"strategy": "overlap", "min_submitted": wanted}}
            data.owner.send("PATCH", f"/datasets/{dataset['id']}", body)
        wait_for(lambda: len(killed) > 1)
        assert data.owner.get(f"/datasets/{dataset['id']}")["distribution"]["min_submitted"] == wanted


def test_a_repeated_delivery_keeps_its_id(data: Sample, listener: Listener) -> None:
    """rq repeats a failed delivery after ten seconds, with what its scheduler is there for."""
    listener.failing = 1
    submit(data, 1)
    wait_for(lambda: len(listener.deliveries) == 2, 60)
    first, second = listener.deliveries
    assert first == second
