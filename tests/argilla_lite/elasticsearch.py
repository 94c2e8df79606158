"""Asks a genuine Elasticsearch what `searches.py` asks, with Argilla 2.8's mapping and query.

python -m tests.argilla_lite.elasticsearch http://127.0.0.1:9200 [--record]
"""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.argilla_lite.searches import CASES, DATES, Case

RECORDED = Path(__file__).with_suffix(".json")
# As argilla_server.search_engine.commons has them (es_mapping_for_field, es_simple_query_string).
_MAPPING = {
    "dynamic": "strict",
    "properties": {
        "fields": {
            "properties": {
                "a": {"type": "text"},
                "b": {"type": "text"},
                "chat": {"properties": {"content": {"type": "text"}, "role": {"type": "keyword"}}},
            }
        },
        "at": {"type": "date"},
    },
}
_QUERY = {
    "fields": ["fields.*"],
    "default_operator": "AND",
    "analyze_wildcard": False,
    "auto_generate_synonyms_phrase_query": False,
    "fuzzy_max_expansions": 10,
    "fuzzy_transpositions": False,
}


def answers(url: str) -> dict[str, Any]:
    """Its version; case → query → ids found; date → milliseconds as lower and as upper bound."""
    with httpx.Client(base_url=url, timeout=60) as client:
        version = client.get("/").raise_for_status().json()["version"]["number"]
        found = {name: _found(client, case) for name, case in CASES.items()}
        return {"version": version, "found": found, "dates": _dates(client)}


def _index(client: httpx.Client) -> str:
    name = f"/clayloop-{uuid4().hex}"
    client.put(name, json={"mappings": _MAPPING}).raise_for_status()
    return name


def _found(client: httpx.Client, case: Case) -> dict[str, list[str]]:
    index = _index(client)
    try:
        for record in case.records:
            body = {"fields": case.fields(record)}
            client.put(f"{index}/_doc/{record}?refresh=true", json=body).raise_for_status()
        found = {}
        for query in case.queries:
            body = {"query": {"simple_query_string": {"query": query, **_QUERY}}, "size": 100}
            hits = client.post(f"{index}/_search", json=body).raise_for_status().json()["hits"]["hits"]
            found[query] = sorted(hit["_id"] for hit in hits)
        return found
    finally:
        client.delete(index)


def _dates(client: httpx.Client) -> dict[str, list[int]]:
    index = _index(client)
    try:
        for year in ("1000", "3000"):  # without a record in its range a query explains nothing
            client.put(f"{index}/_doc/{year}?refresh=true", json={"at": year}).raise_for_status()
        return {date: [_bound(client, index, date, bound) for bound in ("gte", "lte")] for date in DATES}
    finally:
        client.delete(index)


def _bound(client: httpx.Client, index: str, date: str, bound: str) -> int:
    body = {"query": {"range": {"at": {bound: date}}}}
    path = f"{index}/_validate/query?rewrite=true&explain=true"
    explained = client.post(path, json=body).raise_for_status().json()["explanations"][0]["explanation"]
    found = re.search(r"at:\[(-?\d+) TO (-?\d+)\]", explained)
    if found is None:
        raise ValueError(explained)
    return int(found[1 if bound == "gte" else 2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("url")
    parser.add_argument("--record", action="store_true", help=f"write them to {RECORDED.name}")
    options = parser.parse_args()
    text = json.dumps(answers(options.url), ensure_ascii=False, indent=1) + "\n"
    if options.record:
        RECORDED.write_text(text, encoding="utf-8")
    else:
        print(text, end="")


if __name__ == "__main__":
    main()
