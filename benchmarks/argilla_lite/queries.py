"""Every kind of query over HTTP, at several numbers of records.

    python -m benchmarks.argilla_lite.queries [--records 10000,100000] [--rounds 15] [--settle 20] [--json
    FILE]

A fresh home is filled straight in its database (`large_home`), the server started over it. Each query is
asked `--rounds` times with other values each time, through `POST …/records/search?limit=50` and with
everything that the web page asks for beside it (suggestions, responses); the medians and the 95th percentiles
are of whole HTTP requests, one after the other, from 20 s after the start on (--settle), since the server
reads datasets ahead when it has started. Also shown: the start over that many records, `reindex`, the first
queries after a start, and memory.
"""

from __future__ import annotations

import argparse
import json
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import argilla as rg
import httpx
import numpy as np

from benchmarks.argilla_lite import large_home
from benchmarks.argilla_lite.memory import megabytes
from tests.argilla_lite.server import binary, running_argilla_lite

BARS_MS = {10_000: 40.0, 100_000: 120.0}
Body = dict[str, Any]


def terms(entity: str, values: list[Any], **scope: Any) -> Body:
    return {"type": "terms", "scope": {"entity": entity, **scope}, "values": values}


def ranged(entity: str, low: float, high: float, **scope: Any) -> Body:
    return {"type": "range", "scope": {"entity": entity, **scope}, "ge": low, "le": high}


def where(*filters: Body, **more: Any) -> Body:
    return {"filters": {"and": list(filters)}, **more}


def text(query: str, **more: Any) -> Body:
    return {"query": {"text": {"q": query}}, **more}


def by(entity: str, order: str, **scope: Any) -> Body:
    return {"sort": [{"scope": {"entity": entity, **scope}, "order": order}]}


def queries(
    rng: random.Random, numbers: np.random.Generator, record_ids: list[str]
) -> dict[str, Callable[[], Body]]:
    """Name → a query with fresh values."""

    def word() -> str:
        return f"w{rng.randrange(20, 3000)}"

    def topic() -> Body:
        return terms("metadata", [rng.choice(large_home.TOPICS)], metadata_property="topic")

    def vector(**more: Any) -> Body:
        return {"query": {"vector": {"name": "position", "value": large_home.vector(numbers), **more}}}

    label = {"question": "relevant"}
    return {
        "everything, in the user's order": dict,
        "a word": lambda: text(word()),
        "a word in half of the records": lambda: text("half"),
        "a word in all records": lambda: text("everywhere"),
        "words together": lambda: text(f"half w{rng.randrange(2, 30)}"),
        "either word, not a third": lambda: text(f"{word()} | {word()} -half"),
        "a phrase": lambda: text(f'"w1 w{rng.randrange(2, 9)}"'),
        "a prefix": lambda: text(f"w{rng.randrange(10, 99)}*"),
        "terms": lambda: where(topic()),
        "integer range": lambda: where(
            ranged("metadata", low := rng.randrange(4000), low + 900, metadata_property="length")
        ),
        "float range": lambda: where(ranged("metadata", 0.1, rng.uniform(0.2, 1), metadata_property="ratio")),
        "suggested value": lambda: where(
            terms("suggestion", [rng.choice(large_home.LABELS)], property="value", **label)
        ),
        "suggestion's score": lambda: where(
            ranged("suggestion", rng.random() / 2, 0.9, property="score", **label)
        ),
        "anybody's answer": lambda: where(terms("response", [rng.choice(large_home.LABELS)], **label)),
        "own status pending": lambda: where(terms("response", ["pending"], property="status")),
        "record status": lambda: where(terms("record", ["completed"], property="status")),
        "four filters": lambda: where(
            topic(),
            ranged("metadata", 100, 4900, metadata_property="length"),
            terms("suggestion", ["yes", "no"], property="value", **label),
            terms("record", ["pending"], property="status"),
        ),
        "sorted by a number": lambda: by("metadata", rng.choice(["asc", "desc"]), metadata_property="length"),
        "sorted by a term": lambda: by("metadata", rng.choice(["asc", "desc"]), metadata_property="topic"),
        "sorted by score": lambda: by("suggestion", "desc", property="score", **label),
        "sorted by answers' rating": lambda: by("response", "desc", question="quality"),
        "sorted by date": lambda: by("record", "desc", property="inserted_at"),
        "word, filter and sort": lambda: {
            **text("half"), **where(topic()), **by("metadata", "asc", metadata_property="ratio")
        },
        "similar to a vector": lambda: vector(),
        "least similar": lambda: vector(order="least_similar"),
        "similar to a record": lambda: {
            "query": {"vector": {"name": "position", "record_id": rng.choice(record_ids)}}
        },
        "similar, with word and filter": lambda: {
            "query": {**text("half")["query"], **vector()["query"]}, **where(topic())
        },
    }  # fmt: skip


def ask(client: httpx.Client, path: str, body: Body) -> float:
    """Milliseconds of one request."""
    started = time.perf_counter()
    client.post(path, json=body).raise_for_status()
    return (time.perf_counter() - started) * 1000


def measure(count: int, rounds: int, settle: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        home = Path(folder) / "argilla"
        users: list[str] = []
        with running_argilla_lite(home) as server:
            dataset = large_home.make_dataset(server.url, server.api_key, server.workspace, "large")
            client = rg.Argilla(api_url=server.url, api_key=server.api_key)
            workspace = client.workspaces(server.workspace)
            assert workspace is not None
            for name in ("anna", "ben", "cleo"):
                user = rg.User(username=name, password=secrets.token_urlsafe(), role="annotator").create()
                workspace.add_user(user)
                users.append(str(user.id))
        large_home.fill(home / "argilla.db", str(dataset.id), users, count)
        started = time.perf_counter()
        done = subprocess.run(
            [str(binary()), "reindex", "--home", str(home), "--json"],
            capture_output=True,
            text=True,
            check=True,
        )
        result: dict[str, Any] = {"records": count, "reindex_s": json.loads(done.stdout)["seconds"]}
        result["reindex_process_s"] = round(time.perf_counter() - started, 2)
        started = time.perf_counter()
        with running_argilla_lite(home) as server:
            result["start_s"] = round(time.perf_counter() - started, 2)
            time.sleep(settle)
            result["queries"] = _measure_queries(server.url, server.api_key, str(dataset.id), rounds)
            result["memory_mb"] = {name: round(size) for name, size in megabytes(server.process.pid).items()}
        return result


def _measure_queries(url: str, api_key: str, dataset_id: str, rounds: int) -> dict[str, dict[str, float]]:
    headers = {"X-Argilla-Api-Key": api_key}
    path = f"/api/v1/me/datasets/{dataset_id}/records/search?limit=50&include=suggestions&include=responses"
    with httpx.Client(base_url=url, headers=headers, timeout=120) as client:
        found = client.get(f"/api/v1/datasets/{dataset_id}/records?limit=200").raise_for_status().json()
        ids = [record["id"] for record in found["items"]]
        asked = queries(random.Random(1), np.random.default_rng(1), ids)
        figures = {}
        for name, make in asked.items():
            first = ask(client, path, make())
            times = sorted(ask(client, path, make()) for _ in range(rounds))
            figures[name] = {
                "first": round(first, 1),
                "p50": round(statistics.median(times), 1),
                "p95": round(times[int(len(times) * 0.95)], 1),
            }
        return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--records", default="10000,100000")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--settle", type=float, default=20.0, help="seconds to wait after the start")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    results = [measure(int(count), options.rounds, options.settle) for count in options.records.split(",")]
    for result in results:
        bar = BARS_MS.get(result["records"])
        print(f"\n{result['records']} records; HTTP request in ms (bar: {bar or 'none'})")
        print(f"{'query':36}{'first':>9}{'p50':>9}{'p95':>9}")
        for name, figures in result["queries"].items():
            late = "  over the bar" if bar and figures["p50"] > bar else ""
            print(f"{name:36}{figures['first']:9.1f}{figures['p50']:9.1f}{figures['p95']:9.1f}{late}")
        print(
            f"reindex {result['reindex_s']} s (the whole process "
            f"{result['reindex_process_s']} s); start {result['start_s']} s"
        )
        print(f"memory after the queries, PSS: {result['memory_mb']['all']} MB in all")
        for name, size in result["memory_mb"].items():
            print(f"    {size:6} MB  {name}")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.exit(0)


if __name__ == "__main__":
    main()
