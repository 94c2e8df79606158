"""Addresses of records in Argilla's page, with the filters that its address bar takes.

The page shows what is pending, or what its reader has answered, and nothing else. argilla_lite also finds
records by their ids, whatever became of them; Argilla with Elasticsearch does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict

from curation.argilla.adjudication import find_adjudication
from curation.argilla.api import Api
from curation.argilla.datasets import annotated_at, find_all
from curation.argilla.queue import is_asked_twice, pending_address
from curation.argilla.schemas import ASKED, DATASETS, QUEUE, dataset_name
from curation.settings import ArgillaSettings

if TYPE_CHECKING:
    import argilla as rg

MOST_NAMED = 50  # records in one address: browsers and proxies take some 2,000 characters


class RecordLinks(BaseModel):
    """``addresses``: where each dataset that is there is annotated, also that of the reviewers
    ("adjudication"), ``twice`` those of the records that two people are asked about, the share ``overlap`` of
    all. ``finds_ids``: records can be opened by their ids."""

    model_config = ConfigDict(frozen=True)

    addresses: Mapping[str, str] = {}
    twice: Mapping[str, str] = {}
    overlap: float = 0.0
    finds_ids: bool = False

    def pending(self, dataset: str, filters: Mapping[str, str] | None = None) -> str:
        """What waits in ``dataset`` and has all metadata of ``filters``, or without any what is asked about;
        what is worth asking first. "" where the dataset is not there. A value with a dot or a tilde cannot
        stand in an address: it is left out."""
        address = self.addresses.get(dataset, "")
        said = {name: value for name, value in (filters or {}).items() if not {".", "~"} & set(value)}
        is_ours = dataset != "adjudication"
        if is_ours and not filters:
            said = {QUEUE.name: ASKED}
        return pending_address(address, said, is_ours) if address else ""

    def records(self, dataset: str, ids: Iterable[str]) -> str:
        """The records with these ids, the first ``MOST_NAMED`` of them; "" where there are none or this
        Argilla does not find them. Of records in two datasets those in the one that has more of them."""
        by_place: dict[str, list[str]] = {}
        for key in ids:
            is_twice = dataset in self.twice and is_asked_twice(key, self.overlap)
            place = self.twice[dataset] if is_twice else self.addresses.get(dataset, "")
            by_place.setdefault(place, []).append(key)
        address, found = max(by_place.items(), key=lambda one: len(one[1]), default=("", []))
        named = "|".join(found[:MOST_NAMED])
        if not (address and named and self.finds_ids):
            return ""
        asked = {"page": "1", "status": "pending", "search": f"{named}~all"}
        return f"{address}?{urlencode(asked, quote_via=quote)}"


def read_links(client: rg.Argilla, settings: ArgillaSettings) -> RecordLinks:
    """Where records are in this Argilla. Raises ArgillaError."""
    api = Api.of(client)
    addresses: dict[str, str] = {}
    twice: dict[str, str] = {}
    common = {dataset_name(settings, kind) for kind in DATASETS}
    for kind, datasets in find_all(api, settings).items():
        for one in datasets:
            (addresses if one.name in common else twice)[kind] = annotated_at(api, one.id)
    if (reviewed := find_adjudication(api, settings)) is not None:
        addresses["adjudication"] = annotated_at(api, reviewed)
    return RecordLinks(addresses=addresses, twice=twice, overlap=settings.overlap, finds_ids=api.finds_ids())
