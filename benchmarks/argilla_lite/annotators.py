"""Logging records, annotating meanwhile, and twenty annotators at once with a webhook.

    python -m benchmarks.argilla_lite.annotators [--records 10000] [--patches-off] [--json FILE]

1. The SDK logs records with metadata, a suggestion and a 384-d vector (`records.log`, batches of 256):
   seconds.
2. The same again, while one annotator submits a response five times a second: milliseconds of each
   submission.
3. Twenty annotators submit 100 responses each as fast as they can, while 2,000 more records are logged and a
   webhook listens to responses: errors, and responses and events lost or doubled, counted by asking for them
   afterwards.

Times of HTTP requests from this machine. With --patches-off argilla_server runs as released, for comparison.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import secrets
import statistics
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import Queue
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

import argilla as rg
import httpx
import numpy as np

from benchmarks.argilla_lite import large_home
from benchmarks.argilla_lite.memory import megabytes
from tests.argilla_lite.listener import listening
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

ANNOTATORS, RESPONSES_EACH = 20, 100


def make_records(count: int, first: int) -> list[dict[str, Any]]:
    rng, numbers = random.Random(first), np.random.default_rng(first)
    return [
        {
            "id": f"n{number}",
            "title": f"Record {number}",
            "body": large_home.body(rng),
            "topic": rng.choice(large_home.TOPICS),
            "length": rng.randrange(5000),
            "ratio": round(rng.random(), 4),
            "relevant": rng.choice(large_home.LABELS),
            "position": large_home.vector(numbers),
        }
        for number in range(first, first + count)
    ]


def log(dataset: rg.Dataset, records: list[dict[str, Any]]) -> float:
    """Seconds."""
    started = time.perf_counter()
    dataset.records.log(records, batch_size=256)
    return time.perf_counter() - started


def submit(client: httpx.Client, record_id: str) -> float:
    """Milliseconds."""
    started = time.perf_counter()
    body = {"values": {"relevant": {"value": "yes"}}, "status": "submitted"}
    client.post(f"/api/v1/records/{record_id}/responses", json=body).raise_for_status()
    return (time.perf_counter() - started) * 1000


def clients(server: ArgillaLite, dataset: rg.Dataset, count: int) -> list[httpx.Client]:
    """One per annotator, whom it makes."""
    owner = rg.Argilla(api_url=server.url, api_key=server.api_key)
    workspace = owner.workspaces(server.workspace)
    assert workspace is not None
    made = []
    for number in range(count):
        name, password = f"{dataset.name}-{number}", secrets.token_urlsafe()
        user = rg.User(username=name, password=password, role="annotator").create()
        workspace.add_user(user)
        found = httpx.get(
            f"{server.url}/api/v1/users/{user.id}", headers={"X-Argilla-Api-Key": server.api_key}
        ).json()
        headers = {"X-Argilla-Api-Key": found["api_key"]}
        made.append(httpx.Client(base_url=server.url, headers=headers, timeout=60))
    return made


def record_ids(server: ArgillaLite, dataset: rg.Dataset, count: int) -> list[str]:
    with httpx.Client(base_url=server.url, headers={"X-Argilla-Api-Key": server.api_key}) as client:
        ids: list[str] = []
        while len(ids) < count:
            path = f"/api/v1/datasets/{dataset.id}/records?limit=500&offset={len(ids)}"
            ids += [record["id"] for record in client.get(path).raise_for_status().json()["items"]]
        return ids[:count]


def _annotate(url: str, headers: dict[str, str], ids: list[str], done: Event, found: Queue[Any]) -> None:
    times: list[float] = []
    with httpx.Client(base_url=url, headers=headers, timeout=60) as client:
        for record_id in ids:
            times.append(submit(client, record_id))
            if len(times) == 1:
                found.put("begun")
            time.sleep(0.2)
            if done.is_set():
                break
    found.put(times)


def annotate_while_logging(server: ArgillaLite, count: int) -> dict[str, float]:
    dataset = large_home.make_dataset(server.url, server.api_key, server.workspace, "beside")
    log(dataset, make_records(1000, 0))
    ids = record_ids(server, dataset, 1000)
    (client,) = clients(server, dataset, 1)
    # In a process of its own: in this one it would also wait for the SDK, which puts batches together.
    spawn = multiprocessing.get_context("spawn")
    done, found = spawn.Event(), spawn.Queue()
    annotator = spawn.Process(target=_annotate, args=(server.url, dict(client.headers), ids, done, found))
    annotator.start()
    found.get()  # it has begun
    seconds = log(dataset, make_records(count, 1000))
    done.set()
    times = sorted(found.get())
    annotator.join()
    return {
        "log_s": round(seconds, 1),
        "responses": len(times),
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(times[min(len(times) - 1, int(len(times) * 0.99))], 1),
    }


def many_annotators(server: ArgillaLite) -> dict[str, Any]:
    dataset = large_home.make_dataset(server.url, server.api_key, server.workspace, "many")
    log(dataset, make_records(1000, 0))
    ids = record_ids(server, dataset, 1000)
    annotators = clients(server, dataset, ANNOTATORS)
    headers = {"X-Argilla-Api-Key": server.api_key}
    with listening() as listener, httpx.Client(base_url=server.url, headers=headers, timeout=60) as owner:
        hook = {"url": listener.url, "events": ["response.created"]}
        webhook = owner.post("/api/v1/webhooks", json=hook).raise_for_status().json()
        errors: Counter[str] = Counter()
        times: list[float] = []

        def work(number: int) -> None:
            for record_id in random.Random(number).sample(ids, RESPONSES_EACH):
                try:
                    times.append(submit(annotators[number], record_id))
                except httpx.HTTPError as error:
                    errors[type(error).__name__] += 1

        started = time.perf_counter()
        with ThreadPoolExecutor(ANNOTATORS + 1) as pool:
            logging = pool.submit(log, dataset, make_records(2000, 1000))
            list(pool.map(work, range(ANNOTATORS)))
            logging.result()
        seconds = time.perf_counter() - started
        wanted = ANNOTATORS * RESPONSES_EACH
        deadline = time.monotonic() + 300
        while len(listener.deliveries) < wanted and time.monotonic() < deadline:
            time.sleep(0.5)
        time.sleep(2)  # for what should not come
        delivered = Counter(delivery.data["id"] for delivery in listener.deliveries)
        stored = _stored_responses(owner, dataset)
        owner.delete(f"/api/v1/webhooks/{webhook['id']}").raise_for_status()
    times.sort()
    return {
        "seconds": round(seconds, 1),
        "errors": dict(errors),
        "responses wanted": wanted,
        "responses stored": len(stored),
        "responses doubled": len(stored) - len(set(stored)),
        "events": len(listener.deliveries),
        "events lost": len(set(stored) - set(delivered)),
        "events doubled": sum(number - 1 for number in delivered.values()),
        "p50_ms": round(statistics.median(times), 1),
        "p99_ms": round(times[int(len(times) * 0.99)], 1),
    }


def _stored_responses(owner: httpx.Client, dataset: rg.Dataset) -> list[str]:
    found: list[str] = []
    offset = 0
    while True:
        path = f"/api/v1/datasets/{dataset.id}/records?limit=500&offset={offset}&include=responses"
        records = owner.get(path).raise_for_status().json()["items"]
        if not records:
            return found
        found += [response["id"] for record in records for response in record["responses"]]
        offset += len(records)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--records", type=int, default=10_000)
    parser.add_argument("--patches-off", action="store_true")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    arguments = ["--no-patches"] if options.patches_off else []
    with (
        tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder,
        running_argilla_lite(Path(folder) / "argilla", arguments=arguments) as server,
    ):
        idle = megabytes(server.process.pid)["all"]
        dataset = large_home.make_dataset(server.url, server.api_key, server.workspace, "alone")
        records = make_records(options.records, 0)
        results: dict[str, Any] = {
            "idle_mb": round(idle),
            "records": options.records,
            "log_alone_s": round(log(dataset, records), 1),
            "annotating_beside": annotate_while_logging(server, options.records),
            "many_annotators": many_annotators(server),
            "memory_mb": round(megabytes(server.process.pid)["all"]),
        }
    print(f"memory, all processes (PSS): {results['idle_mb']} MB idle, {results['memory_mb']} MB at the end")
    print(f"logging {options.records} records: {results['log_alone_s']} s (bar: 45 s)")
    beside = results["annotating_beside"]
    print(
        f"submitting a response meanwhile: p50 {beside['p50_ms']} ms, p99 {beside['p99_ms']} ms over "
        f"{beside['responses']} (bars: 60, 400 ms); the log took {beside['log_s']} s"
    )
    print(f"{ANNOTATORS} annotators at once, logging, webhooks:")
    for name, value in results["many_annotators"].items():
        print(f"    {name:18} {value}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
