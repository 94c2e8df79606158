"""Addresses of records in Argilla's page, with the filters that its address bar takes.

The page shows what is pending, or what its reader has answered, and nothing else. argilla_lite also finds
records by their ids, whatever became of them; Argilla with Elasticsearch does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import quote, urlencode

import argilla as rg
from pydantic import BaseModel, ConfigDict

from curation.argilla.adjudication import find_adjudication
from curation.argilla.api import Api
from curation.argilla.datasets import find_dataset
from curation.argilla.schemas import DATASETS
from curation.settings import ArgillaSettings

MOST_NAMED = 50  # records in one address: browsers and proxies take some 2,000 characters


class RecordLinks(BaseModel):
    """``addresses``: where each dataset that is there is annotated, also that of the reviewers
    ("adjudication"). ``finds_ids``: records can be opened by their ids."""

    model_config = ConfigDict(frozen=True)

    addresses: Mapping[str, str] = {}
    finds_ids: bool = False

    def pending(self, dataset: str, filters: Mapping[str, str] | None = None) -> str:
        """What waits in ``dataset`` and has all metadata of ``filters``, what is worth asking first; "" where
        the dataset is not there. A value with a dot or a tilde cannot stand in an address: it is left out."""
        address = self.addresses.get(dataset, "")
        said = {name: value for name, value in (filters or {}).items() if not {".", "~"} & set(value)}
        asked = {"page": "1", "status": "pending", "sort": "metadata.priority.desc"}
        if dataset == "adjudication":
            del asked["sort"]
        if said:
            asked["metadata"] = "~".join(f"{name}.{value}" for name, value in said.items())
        return f"{address}?{urlencode(asked, quote_via=quote)}" if address else ""

    def records(self, dataset: str, ids: Iterable[str]) -> str:
        """The records with these ids, the first ``MOST_NAMED`` of them; "" where there are none or this
        Argilla does not find them."""
        named = "|".join([key for _, key in zip(range(MOST_NAMED), ids, strict=False)])
        address = self.addresses.get(dataset, "")
        if not (address and named and self.finds_ids):
            return ""
        asked = {"page": "1", "status": "pending", "search": f"{named}~all"}
        return f"{address}?{urlencode(asked, quote_via=quote)}"


def read_links(client: rg.Argilla, settings: ArgillaSettings) -> RecordLinks:
    """Where records are in this Argilla. Raises ArgillaError."""
    api = Api.of(client)
    status = api.request("GET", "/api/v1/status", "asking which Argilla this is")
    found = {kind: find_dataset(api, settings, kind) for kind in DATASETS}
    ids = {str(kind): one.id for kind, one in found.items() if one is not None}
    if (reviewed := find_adjudication(api, settings)) is not None:
        ids["adjudication"] = reviewed
    addresses = {kind: f"{api.url}/dataset/{key}/annotation-mode" for kind, key in ids.items()}
    finds = (status.get("search_engine") or {}).get("ids") == "found"
    return RecordLinks(addresses=addresses, finds_ids=finds)
