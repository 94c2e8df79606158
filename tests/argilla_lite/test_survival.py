"""What is acknowledged is kept and found: after a kill in the middle of a bulk, with a full disk, with a
wrong clock."""

from __future__ import annotations

import contextlib
import sqlite3
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.argilla_lite.battered import Battered, WithClock, running_with_clock
from tests.argilla_lite.commands import run, wait_for
from tests.argilla_lite.sample import Argilla, Sample, make_sample
from tests.argilla_lite.server import running_argilla_lite

pytestmark = pytest.mark.argilla


@pytest.fixture
def data(battered: Battered) -> Sample:
    lite = battered.lite
    return make_sample(Argilla(lite.url, lite.api_key, lite.workspace), count=4)


def log(data: Sample, batch: str, size: int = 50, body: str = "") -> httpx.Response:
    """Sends one batch, whose records all hold a word of their own."""
    items = [
        {
            "external_id": f"{batch}-{number}",
            "fields": {
                "title": f"word{batch}",
                "body": f"text {body}",
                "messages": [{"role": "user", "content": "x"}],
                "extra": {"number": number},
            },
            "metadata": {"length": number},
        }
        for number in range(size)
    ]
    return data.owner.client.post(f"/api/v1/datasets/{data.dataset_id}/records/bulk", json={"items": items})


def stored(data: Sample) -> list[str]:
    """External ids of all records, page by page, as the database lists them."""
    found: list[str] = []
    while True:
        page = data.owner.get(f"/datasets/{data.dataset_id}/records", offset=len(found), limit=100)["items"]
        if not page:
            return found
        found += [record["external_id"] for record in page]


def check_nothing_half(data: Sample, acknowledged: set[str], size: int = 50) -> None:
    """Batches are there as a whole, those that were acknowledged certainly, and text and filters find the
    same."""
    records = stored(data)
    assert len(records) == len(set(records))
    batches = {record.rsplit("-", 1)[0] for record in records if not record.startswith("row-")}
    assert acknowledged <= batches
    for batch in batches:
        assert sum(record.rsplit("-", 1)[0] == batch for record in records) == size, batch
        assert data.search(f"word{batch}")[1] == size, batch
    assert data.search("*")[1] == len(records)
    assert sorted(data.search(filters=[_length_at_least(0)], limit=1000)[0]) == sorted(
        record for record in records if not record.startswith("row-") or "length" in data.row(record).metadata
    )


def _length_at_least(least: int) -> dict[str, Any]:
    return {"type": "range", "scope": {"entity": "metadata", "metadata_property": "length"}, "ge": least}


def serves(battered: Battered) -> bool:
    return httpx.get(f"{battered.lite.url}/api/v1/status", timeout=5).status_code == 200


def test_killed_while_records_are_logged(battered: Battered, data: Sample) -> None:
    acknowledged: set[str] = set()
    enough = threading.Event()

    def work() -> None:
        number = 0
        while not enough.is_set():
            number += 1
            try:
                if log(data, f"b{number}").status_code == 201:
                    acknowledged.add(f"b{number}")
            except httpx.TransportError:
                time.sleep(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        wait_for(lambda: len(acknowledged) >= 3, 120)
        battered.kill("server")
        wait_for(lambda: serves(battered), 120)
    finally:
        enough.set()
        thread.join()
    check_nothing_half(data, acknowledged)
    assert run("check", "--home", battered.lite.home).returncode == 0


def test_killed_before_the_text_was_indexed(battered: Battered, data: Sample) -> None:
    """As between Argilla's commit and ours: the server that comes back indexes what is missing before it
    answers."""
    assert log(data, "late").status_code == 201
    index = battered.lite.home / "text.db"
    with contextlib.closing(sqlite3.connect(index, timeout=30)) as connection, connection:
        rows = connection.execute(
            "SELECT rowid FROM documents WHERE dataset_id = ?", (data.dataset_id.replace("-", ""),)
        ).fetchall()
        table = f"text_{data.dataset_id.replace('-', '')}"
        connection.executemany(f"DELETE FROM {table} WHERE rowid = ?", rows)  # noqa: S608
        connection.executemany("DELETE FROM documents WHERE rowid = ?", rows)
    assert data.search("wordlate")[1] == 0
    battered.kill("server")
    wait_for(lambda: serves(battered), 120)
    assert data.search("wordlate")[1] == 50


def test_full_disk(battered: Battered, data: Sample) -> None:
    assert log(data, "before").status_code == 201
    acknowledged = {"before"}
    with battered.full_disk():
        answers = {}
        for number in range(12):
            answers[f"f{number}"] = log(data, f"f{number}", body="much " * 2000)
        acknowledged |= {batch for batch, answer in answers.items() if answer.status_code == 201}
        refused = [answer for answer in answers.values() if answer.status_code != 201]
        assert refused, "the disk was not full"
        for answer in refused:
            assert answer.status_code == 507
            assert "disk is full" in answer.json()["detail"]
        # Reading goes on.
        assert data.search("wordbefore")[1] == 50
    # Nobody has to do anything but make room.
    wait_for(lambda: log(data, "after").status_code == 201, 120)
    check_nothing_half(data, {*acknowledged, "after"})
    assert run("check", "--home", battered.lite.home).returncode == 0


def test_clock_turned_back(tmp_path: Path) -> None:
    with running_argilla_lite(tmp_path / "home") as lite:
        data = make_sample(Argilla(lite.url, lite.api_key, lite.workspace), count=4)
    with running_with_clock(lite.home, int(lite.url.rsplit(":", 1)[1])) as server:
        check_clock_turned_back(server, data)


def check_clock_turned_back(server: WithClock, data: Sample) -> None:
    lite = server.lite
    form = {"username": lite.username, "password": lite.password}
    answer = httpx.post(f"{lite.url}/api/v1/token", data=form, timeout=30).raise_for_status()
    headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
    assert log(data, "before").status_code == 201
    first = data.owner.get(f"/datasets/{data.dataset_id}")["updated_at"]
    with server.turned_back():
        wait_for(lambda: log(data, f"t{time.monotonic_ns()}", size=1) and _oldest(data) < first)
        # Nobody is logged out, pages neither repeat nor lose a record, changes are found.
        assert httpx.get(f"{lite.url}/api/v1/me", headers=headers, timeout=30).status_code == 200
        records = stored(data)
        assert len(records) == len(set(records)) == data.search("*")[1]
        change = {
            "id": data.rows[0].id,
            "fields": {"title": "turned", "body": "back", "messages": [], "extra": {}},
        }
        data.owner.send("PUT", f"/datasets/{data.dataset_id}/records/bulk", {"items": [change]})
        assert data.search("turned")[0] == [data.rows[0].external_id]
        data.owner.send("DELETE", f"/records/{data.rows[1].id}")
        assert data.rows[1].external_id not in stored(data)
    assert sorted(data.search("*", limit=1000)[0]) == sorted(stored(data))
    assert run("check", "--home", lite.home).returncode == 0


def _oldest(data: Sample) -> str:
    """When the record that says it is the oldest was made."""
    records = data.owner.get(f"/datasets/{data.dataset_id}/records", limit=1000)["items"]
    return min(str(record["inserted_at"]) for record in records)
