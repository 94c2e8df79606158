"""Telling annotators which corrections need another look: a filter on conversations.

An answer that is served is *stale* when the documentation that it comes from has changed. Its record gets
``answer_state = stale``; whoever submits it again, changed or not, confirms it.
"""

from __future__ import annotations

from collections.abc import Collection

import argilla as rg

from curation.argilla.api import Api
from curation.argilla.datasets import RemoteDataset, find_kind
from curation.argilla.filters import has_metadata, with_metadata
from curation.argilla.schemas import ANSWER_STATE
from curation.settings import ArgillaSettings

STALE, CONFIRMED = "stale", "confirmed"


def mark_stale_answers(client: rg.Argilla, settings: ArgillaSettings, stale: Collection[str]) -> int:
    """Mark the conversations ``stale`` (our record ids), and those marked before that are not any more as
    confirmed. Returns how many records were changed.

    Records and datasets that are not there are passed over. Raises ArgillaError.
    """
    api = Api.of(client)
    return sum(_mark(api, dataset, stale) for dataset in find_kind(api, settings, "conversations"))


def _mark(api: Api, dataset: RemoteDataset, stale: Collection[str]) -> int:
    if ANSWER_STATE.name not in dataset.filters:
        if not stale:
            return 0
        path = f"/api/v1/datasets/{dataset.id}/metadata-properties"
        api.request("POST", path, f"adding a filter to {dataset.name!r}", ANSWER_STATE.payload())
    is_marked = has_metadata(ANSWER_STATE.name, STALE)
    marked = {str(one["external_id"]): one for one in api.search_all(dataset.id, [is_marked])}
    changed = [
        with_metadata(one, {ANSWER_STATE.name: CONFIRMED}) for key, one in marked.items() if key not in stale
    ]
    new = api.by_ids(dataset.id, sorted(set(stale) - marked.keys()), kind="external_id")
    changed += [with_metadata(one, {ANSWER_STATE.name: STALE}) for one in new]
    api.upsert(dataset.id, changed)
    return len(changed)
