"""Redis dies again and again: people go on annotating, and no webhook event is lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.argilla_lite.commands import status, wait_for
from tests.argilla_lite.listener import Listener, listening
from tests.argilla_lite.sample import Argilla, Sample, make_sample
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

pytestmark = pytest.mark.argilla


@pytest.fixture(scope="module")
def lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArgillaLite]:
    with running_argilla_lite(tmp_path_factory.mktemp("lite")) as server:
        yield server


@pytest.fixture(scope="module")
def data(lite: ArgillaLite) -> Sample:
    return make_sample(Argilla(lite.url, lite.api_key, lite.workspace), count=100)


@pytest.fixture
def listener(data: Sample) -> Iterator[Listener]:
    """Told of responses."""
    with listening() as listener:
        body = {"url": listener.url, "events": ["response.created"], "description": "test"}
        webhook = data.owner.send("POST", "/webhooks", body)
        yield listener
        data.owner.send("DELETE", f"/webhooks/{webhook['id']}")


@contextlib.contextmanager
def dying(home: Path, name: str) -> Iterator[list[int]]:
    """Kills a service whenever it has come back; yields the processes that were killed."""
    stop, killed = threading.Event(), []

    def kill() -> None:
        while not stop.wait(0.3):
            pid = status(home).get("processes", {}).get(name)
            if pid and pid not in killed:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                    killed.append(pid)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield killed
    finally:
        stop.set()
        thread.join()


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


@pytest.mark.parametrize("name", ["redis", "worker"])
def test_no_event_is_lost(lite: ArgillaLite, data: Sample, listener: Listener, name: str) -> None:
    submitted: list[str] = []
    with dying(lite.home, name) as killed:
        while len(killed) < 3 or len(submitted) < 10:
            submitted += submit(data, 1)
            time.sleep(0.1)  # as a fast annotator
    wanted = set(submitted)
    wait_for(lambda: wanted <= {delivery.data["id"] for delivery in listener.deliveries}, 60)
    # What came twice came under the same id: one id per event.
    ids = Counter(response for response, _ in {(one.data["id"], one.id) for one in listener.deliveries})
    assert ids == dict.fromkeys(wanted, 1)


def test_datasets_can_be_changed_without_redis(lite: ArgillaLite, data: Sample) -> None:
    workspace = data.owner.get(f"/datasets/{data.dataset_id}")["workspace_id"]
    with dying(lite.home, "redis") as killed:
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
    wait_for(lambda: len(listener.deliveries) == 2, 40)
    first, second = listener.deliveries
    assert first == second
