"""Who is asked about what: which records wait for an answer, which do not and why, and whose they are.

Every record's metadata say so: ``queue`` is ``asked`` or the reason why it is not, ``decided_by`` the record
that speaks for it, ``area`` the beginning of a path that somebody is an expert of. Every push works them out
anew, so a record is asked about again once what spoke for it is gone or open.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from pydantic import BaseModel, ConfigDict

from curation.argilla.api import Api
from curation.argilla.datasets import RemoteDataset, annotated_at, find_all
from curation.argilla.filters import Metadata
from curation.argilla.schemas import AREA, ASKED, DECIDED_BY, PRIORITY, QUEUE
from curation.records.decision import DatasetName
from curation.records.gold import is_gold
from curation.records.identity import content_id
from curation.settings import ArgillaSettings, DedupSettings
from curation.similarity import find_duplicates

if TYPE_CHECKING:
    import argilla as rg

SMALL_TALK = "small-talk"
REASONS = {
    "decided": "a near duplicate is decided",
    "waits": "a near duplicate is asked about",
    SMALL_TALK: "a greeting, thanks, or nothing to judge",
}
EVERYBODY = "other"  # the area of what nobody is an expert of
_SAME = DedupSettings(threshold=0.9, semantic=False)


@dataclass(frozen=True)
class Candidate:
    """A record that may be asked about. ``key`` must be the same for two to be compared. ``verdict`` is the
    decision on it, "" for none; ``is_answered`` says whether somebody has begun to answer it.
    ``corrected_by`` is the record of the same question whose correction is its answer."""

    id: str
    key: str
    text: str
    verdict: str = ""
    is_answered: bool = False
    is_small_talk: bool = False
    corrected_by: str = ""


def queue_of(candidates: Iterable[Candidate], speak: Collection[str]) -> dict[str, Metadata]:
    """What the metadata of each say about the queue.

    A decided record speaks for its near duplicates if its verdict is one of ``speak``, unless two that are
    near duplicates were decided differently. One that is open speaks for those after it, until it is decided.
    What somebody has begun to answer stays asked.
    """
    ordered = sorted(candidates, key=_first)
    kept: dict[int, int] = {
        match.index: match.kept
        for match in find_duplicates(
            [bare_words(one.text) for one in ordered], _SAME, [one.key for one in ordered]
        )
    }
    disputed = {
        kept[row]
        for row in kept
        if ordered[row].verdict and ordered[row].verdict != ordered[kept[row]].verdict
    }
    found: dict[str, Metadata] = {}
    for row, one in enumerate(ordered):
        other = ordered[kept[row]] if row in kept and kept[row] not in disputed else None
        said: Metadata = {QUEUE.name: ASKED}
        if one.is_answered:
            pass
        elif one.is_small_talk:
            said = {QUEUE.name: SMALL_TALK}
        elif one.corrected_by:
            said = {QUEUE.name: "decided", DECIDED_BY: one.corrected_by}
        elif other is not None and (other.verdict in speak or not other.verdict):
            said = {QUEUE.name: "decided" if other.verdict else "waits", DECIDED_BY: other.id}
        found[one.id] = said
    return found


def bare_words(text: str) -> str:
    """Without punctuation: a question mark makes no other question."""
    return " ".join(re.findall(r"\w+", text))


def _first(one: Candidate) -> tuple[bool, bool, str]:
    """Decided ones speak for open ones, and what somebody has begun for what nobody has."""
    return not one.verdict, not one.is_answered, one.id


def speaking(kind: DatasetName) -> Collection[str]:
    """Verdicts that hold for near duplicates. A rejected chunk is taken out of the index, and its near
    duplicate is not: so that is asked about."""
    return ("accepted",) if kind == "chunks" else ("accepted", "rejected")


def is_asked_twice(record_id: str, share: float) -> bool:
    """Whether two people are to be asked about a record: always the same of the same share."""
    return int(content_id("overlap", record_id)[:8], 16) < share * 2**32


def area_of(path: str, experts: Mapping[str, Sequence[str]]) -> str:
    """The longest beginning of ``path`` that somebody is an expert of, as a term."""
    known = {beginning for own in experts.values() for beginning in own if path.startswith(beginning)}
    return as_area(max(known, key=len)) if known else EVERYBODY


def as_area(beginning: str) -> str:
    """A beginning of paths as a term: the addresses of Argilla's page take no dots and slashes in one."""
    return re.sub(r"[^a-z0-9]+", "-", beginning.lower()).strip("-") or EVERYBODY


def queue_address(api: Api, dataset: RemoteDataset, own: Sequence[str] = ()) -> str:
    """Where ``dataset`` is annotated in the browser: only what is asked, of the areas of the beginnings
    ``own`` if there are any, what is most worth asking first."""
    filters = {QUEUE.name: ASKED} if QUEUE.name in dataset.filters else {}
    if own and AREA.name in dataset.filters:
        filters[AREA.name] = ".".join(dict.fromkeys(map(as_area, own)))
    return pending_address(annotated_at(api, dataset.id), filters, PRIORITY.name in dataset.filters)


def pending_address(address: str, filters: Mapping[str, str], by_worth: bool = True) -> str:
    """What waits in the dataset that is annotated at ``address`` and has all metadata of ``filters``;
    ``by_worth``: what is most worth asking first."""
    asked = {"page": "1", "status": "pending"}
    if filters:
        asked["metadata"] = "~".join(f"{name}.{value}" for name, value in filters.items())
    if by_worth:
        asked["sort"] = f"metadata.{PRIORITY.name}.desc"
    return f"{address}?{urlencode(asked, quote_via=quote)}"


class NotAsked(BaseModel):
    """A record that is not asked about: of which dataset, what it is about, why, and what speaks for it."""

    model_config = ConfigDict(frozen=True)

    dataset: DatasetName
    record_id: str
    about: str
    why: str
    decided_by: str = ""


class Queue(BaseModel):
    """How many records of each dataset wait to be asked about, and those that do not."""

    model_config = ConfigDict(frozen=True)

    waiting: dict[str, int]
    not_asked: tuple[NotAsked, ...]


def read_queue(client: rg.Argilla, settings: ArgillaSettings) -> Queue:
    """As the last push left it. Raises ArgillaError."""
    api = Api.of(client)
    waiting: dict[str, int] = {}
    not_asked: list[NotAsked] = []
    for kind, datasets in find_all(api, settings).items():
        shown = {"chunks": "chunk", "triplets": "positive", "conversations": "instruction"}[kind]
        for dataset in datasets:
            waiting[dataset.name] = 0
            for record in (one for page in api.records(dataset.id) for one in page):
                metadata = record.get("metadata") or {}
                key = str(record.get("external_id") or record["id"])
                why = metadata.get(QUEUE.name, ASKED)
                if record["status"] == "completed" or is_gold(key):
                    continue
                if why == ASKED:
                    waiting[dataset.name] += 1
                    continue
                not_asked.append(
                    NotAsked(
                        dataset=kind,
                        record_id=key,
                        about=str(metadata.get("question") or record["fields"].get(shown, "")),
                        why=REASONS.get(why, str(why)),
                        decided_by=str(metadata.get(DECIDED_BY, "")),
                    )
                )
    return Queue(waiting=waiting, not_asked=tuple(not_asked))
