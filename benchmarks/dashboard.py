"""How long a maintainer waits for the dashboard of a large project, in the browser.

    python -m benchmarks dashboard [--records 100000] [--turns 100000] [--releases 50] [--json FILE]

The project is synthetic: triplets and turns are written straight into the database of an argilla_lite (three
in ten triplets and one in twenty turns are answered), and releases have an evaluation on 300 questions each,
but no model. First paint is from going to the address until the first row has its numbers, after the page's
process has read the decisions once; how long that took is shown beside it. A refresh is from the click on
another page and back. The click is an answer submitted as Argilla's page does, until the number of new
decisions on the open page has changed. Seconds are of the wall clock: the load is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sqlite3
import statistics
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil

from benchmarks.rows import Row, at_most, figure
from curation import Api, ArgillaSettings, Corpus, Home, connect_to_argilla, find_dataset, push_to_argilla
from dashboards import DashboardSettings, Handover, LoopSettings, prepare
from serving import bootstrap
from tests.argilla_lite.server import ArgillaLite, binary, running_argilla_lite
from tests.browser import chromium_page
from tests.curation.argilla.sample import Person, answer, hire
from tests.dashboards.annotated import CHUNKS, FakeVectors, triplets
from tests.dashboards.state import add_release, metrics_around
from tests.ports import free_port
from tests.training.material import serving, settings

if TYPE_CHECKING:
    from playwright.sync_api import Page

PAINT, REFRESH, CLICK, MEMORY = 2.0, 1.0, 15.0, 500.0
_QUESTIONS = 300
_ROUNDS = 5
_PATIENCE = 900.0
_BATCH = 2_000


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks dashboard", description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--turns", type=int, default=100_000)
    parser.add_argument("--releases", type=int, default=50)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        home = Home(Path(folder) / "home")
        argilla, name = make(home, options.records, options.turns, options.releases)
        with running_argilla_lite(home.argilla) as server:
            return measure(home, argilla, server, name)


def make(home: Home, records: int, turns: int, releases: int) -> tuple[ArgillaSettings, str]:
    """The project. Returns also the annotator's name."""
    corpus, argilla = Corpus(documents=[], chunks=CHUNKS), ArgillaSettings()
    bootstrap(home, corpus, serving())
    corpus.save(home)
    for number in range(releases - 1):
        add_release(home, metrics=metrics_around(0.6 + number / 500), evaluation=evaluation(number))
    with running_argilla_lite(home.argilla) as server:
        client = connect_to_argilla(argilla, home)
        push_to_argilla(client, argilla, corpus, triplets()[:5], FakeVectors())
        person = hire(Api.of(client), argilla, "clicker")
        ids = {
            kind: str(found.id)
            for kind in ("triplets", "conversations")
            if (found := find_dataset(Api.of(client), argilla, kind))
        }  # type: ignore[arg-type]
        del server
    fill(home.argilla / "argilla.db", ids["triplets"], person.id, triplet_rows(records), 0.3)
    fill(home.argilla / "argilla.db", ids["conversations"], person.id, turn_rows(turns), 0.05)
    subprocess.run([str(binary()), "reindex", "--home", str(home.argilla)], check=True)
    return argilla, person.name


def evaluation(number: int) -> dict[str, Any]:
    """The size of a real one; its values are made up (seed ``number``)."""
    rng = random.Random(number)
    names = ("ndcg@10", "mrr@10", "recall@10")

    def side() -> dict[str, Any]:
        values = {name: [round(rng.random(), 4) for _ in range(_QUESTIONS)] for name in names}
        means = {name: statistics.fmean(found) for name, found in values.items()}
        return {str(size): {"metrics": means, "values": values} for size in (384, 256, 128, 64)}

    asked = [{"id": f"{one:032x}", "text": f"What is {one}?", "right": ["c"]} for one in range(_QUESTIONS)]
    return {"holdout": asked, "base": side(), "served": side(), "candidate": side()}


def triplet_rows(count: int) -> Iterator[dict[str, Any]]:
    for number in range(count):
        chunk = CHUNKS[number % len(CHUNKS)]
        yield {
            "fields": {"anchor": chunk.text, "positive": f"Question {number}?", "negative": "Another?"},
            "metadata": {"chunk_id": chunk.id, "origin": "sentence-pair", "priority": 0.5},
            "values": {
                "is_positive_relevant": "yes" if number % 4 else "no",
                "is_negative_irrelevant": "yes",
            },
        }


def turn_rows(count: int) -> Iterator[dict[str, Any]]:
    today = datetime.now(timezone.utc).date()
    for number in range(count):
        chunk = CHUNKS[number % len(CHUNKS)]
        day = (today - timedelta(days=number % 30)).isoformat()
        yield {
            "fields": {"instruction": f"Question {number}?", "response": chunk.text},
            "metadata": {
                "conv_id": f"c{number}",
                "turn": 0,
                "release": "r0001-00000000",
                "day": day,
                "refused": "no" if number % 7 else "yes",
                "chunk_id": chunk.id,
                "sources": 1,
                "seconds": 0.3,
                "score": 0.5,
                "question": f"Question {number}?",
                "priority": 0.5,
            },
            "values": {"is_response_correct": "yes" if number % 6 else "no", "out_of_guardrails": "no"},
        }


def fill(database: Path, dataset: str, user: str, rows: Iterator[dict[str, Any]], answered: float) -> None:
    """Add records to a dataset whose server is stopped; the first ``answered`` of ten of each ten have an
    answer of ``user``."""
    rng, begun = random.Random(dataset), datetime(2026, 1, 1)
    with closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        records: list[tuple[Any, ...]] = []
        responses: list[tuple[Any, ...]] = []
        for number, row in enumerate(rows):
            moment, key = str(begun + timedelta(milliseconds=number, microseconds=1)), _key(rng)
            is_done = number % 20 < 20 * answered
            records.append(
                (
                    key,
                    dataset.replace("-", ""),
                    _key(rng),
                    "completed" if is_done else "pending",
                    json.dumps(row["fields"]),
                    json.dumps(row["metadata"]),
                    moment,
                    moment,
                )
            )
            if is_done:
                values = {name: {"value": value} for name, value in row["values"].items()}
                responses.append(
                    (_key(rng), key, user.replace("-", ""), "submitted", json.dumps(values), moment, moment)
                )
            if len(records) == _BATCH:
                _write(connection, records, responses)
        _write(connection, records, responses)


def _write(
    connection: sqlite3.Connection, records: list[tuple[Any, ...]], responses: list[tuple[Any, ...]]
) -> None:
    with connection:
        connection.executemany(
            "INSERT INTO records (id, dataset_id, external_id, status, fields, metadata, inserted_at,"
            " updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            records,
        )
        connection.executemany(
            'INSERT INTO responses (id, record_id, user_id, status, "values", inserted_at, updated_at)'
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            responses,
        )
    records.clear()
    responses.clear()


def _key(rng: random.Random) -> str:
    return uuid.UUID(int=rng.getrandbits(128), version=4).hex


def measure(home: Home, argilla: ArgillaSettings, server: ArgillaLite, name: str) -> list[Row]:
    client = connect_to_argilla(argilla, home)
    owner = Api.of(client)
    user = next(one for one in owner.request("GET", "/api/v1/users", "x")["items"] if one["username"] == name)
    person = Person(name, user["id"], owner)
    loop = LoopSettings(training=settings(), serving=serving())
    with (
        dashboard(
            Handover(
                root=home.root, dashboard=DashboardSettings(port=free_port()), argilla=argilla, loop=loop
            )
        ) as (
            process,
            url,
        ),
        chromium_page() as page,
    ):
        page.set_default_timeout(_PATIENCE * 1_000)
        cold = seconds(lambda: page.goto(url), lambda: numbers_are_there(page))
        paints = [seconds(lambda: page.goto(url), lambda: numbers_are_there(page)) for _ in range(_ROUNDS)]
        refreshes = []
        for _ in range(_ROUNDS):
            page.get_by_role("link", name="Data").first.click()
            page.get_by_text("From documents to examples").wait_for()
            back = page.get_by_role("link", name="Overview").first
            refreshes.append(seconds(back.click, lambda: numbers_are_there(page)))
        clicks = [click(page, owner, person, argilla) for _ in range(3)]
        memory = psutil.Process(process).memory_info().rss / 1e6
    del server
    return [
        at_most("dashboard, first paint with all numbers, s", statistics.median(paints), PAINT),
        at_most("dashboard, back from another page, s", statistics.median(refreshes), REFRESH),
        at_most("dashboard, from a click in Argilla until its number changes, s", max(clicks), CLICK),
        at_most("dashboard, memory of its process, MB", memory, MEMORY),
        figure("  reading all decisions once, s", cold),
        figure("  load of the machine (15 minutes)", os.getloadavg()[2]),
    ]


def numbers_are_there(page: Page) -> None:
    page.get_by_test_id("stMetricLabel").filter(has_text="New decisions").first.wait_for()


def click(page: Page, owner: Api, person: Person, argilla: ArgillaSettings) -> float:
    """Answer a pending triplet, and wait until the page counts it."""
    dataset = find_dataset(owner, argilla, "triplets")
    assert dataset is not None
    pending = {"type": "terms", "scope": {"entity": "record", "property": "status"}, "values": ["pending"]}
    record = owner.search(dataset.id, [pending], limit=1)[0][0]
    number = page.get_by_test_id("stMetricValue").first
    before = number.inner_text()

    def act() -> None:
        answer(person, str(record["id"]), is_positive_relevant="yes", is_negative_irrelevant="yes")

    def changed() -> None:
        page.wait_for_function(
            "before => document.querySelector('[data-testid=stMetricValue]').innerText !== before", arg=before
        )

    return seconds(act, changed)


def seconds(act: Callable[[], object], seen: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    seen()
    return time.perf_counter() - started


@contextmanager
def dashboard(given: Handover) -> Iterator[tuple[int, str]]:
    """Its own process, from an unrelated folder. Yields its number and address."""
    launch = prepare(given)
    process = subprocess.Popen(
        launch.command, env={**os.environ, **launch.environment}, cwd="/", stdout=subprocess.DEVNULL
    )
    try:
        while True:
            with suppress(httpx.HTTPError):
                httpx.get(launch.health, timeout=2)
                break
            time.sleep(0.2)
        yield process.pid, launch.url
    finally:
        process.terminate()
        process.wait(30)
