"""Telling annotators which corrections need another look: a filter on conversations.

An answer that is served is *stale* when the documentation that it comes from has changed. Its record gets
``answer_state = stale``; whoever submits it again, changed or not, confirms it.
"""

from __future__ import annotations

from collections.abc import Collection

import argilla as rg

from curation.argilla.api import UPSERT_BATCH, Api, JsonObject
from curation.argilla.datasets import RemoteDataset, find_all
from curation.argilla.schemas import ANSWER_STATE
from curation.settings import ArgillaSettings

STALE, CONFIRMED = "stale", "confirmed"
_LOOKUP = 200  # external ids in one filter; Argilla takes 250


def mark_stale_answers(client: rg.Argilla, settings: ArgillaSettings, stale: Collection[str]) -> int:
    """Mark the conversations ``stale`` (our record ids), and those marked before that are not any more as
    confirmed. Returns how many records were changed.

    Records and datasets that are not there are passed over. Raises ArgillaError.
    """
    api = Api.of(client)
    datasets = find_all(api, settings, ("conversations",)).get("conversations", [])
    return sum(_mark(api, dataset, stale) for dataset in datasets)


def _mark(api: Api, dataset: RemoteDataset, stale: Collection[str]) -> int:
    if ANSWER_STATE.name not in dataset.filters:
        if not stale:
            return 0
        path = f"/api/v1/datasets/{dataset.id}/metadata-properties"
        api.request("POST", path, f"adding a filter to {dataset.name!r}", ANSWER_STATE.payload())
    marked = {str(one["external_id"]): one for one in _found(api, dataset.id, _marked())}
    changed = [_with_state(one, CONFIRMED) for key, one in marked.items() if key not in stale]
    new = sorted(set(stale) - marked.keys())
    for start in range(0, len(new), _LOOKUP):
        scope = {"entity": "record", "property": "external_id"}
        among: JsonObject = {"type": "terms", "scope": scope, "values": new[start : start + _LOOKUP]}
        changed += [_with_state(one, STALE) for one in _found(api, dataset.id, among)]
    for start in range(0, len(changed), UPSERT_BATCH):
        api.upsert(dataset.id, changed[start : start + UPSERT_BATCH])
    return len(changed)


def _marked() -> JsonObject:
    scope = {"entity": "metadata", "metadata_property": ANSWER_STATE.name}
    return {"type": "terms", "scope": scope, "values": [STALE]}


def _found(api: Api, dataset_id: str, among: JsonObject) -> list[JsonObject]:
    found: list[JsonObject] = []
    while True:
        records, total = api.search(dataset_id, [among], offset=len(found))
        found += records
        if not records or len(found) >= total:
            return found


def _with_state(record: JsonObject, state: str) -> JsonObject:
    """What is to be stored of a record: all of its metadata, because Argilla replaces them as a whole."""
    metadata = {**(record.get("metadata") or {}), ANSWER_STATE.name: state}
    return {"external_id": record["external_id"], "metadata": metadata}
