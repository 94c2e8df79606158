"""The way round, in numbers: chunks, triplets, decisions, examples, the release, what visitors asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from curation import DATASETS, DatasetProgress, Decision, Home
from dashboards.data.releases import read_releases
from dashboards.data.standing import Standing, links_of
from dashboards.wording import plural


@dataclass(frozen=True)
class Station:
    """One place on the way. ``count`` is None where nobody knows it now; ``address``: where it can be
    opened. ``parts``: the count by dataset, each with its own address, since a link opens one dataset."""

    name: str
    count: int | None
    told: str = ""
    address: str = ""
    parts: Sequence[tuple[str, str]] = ()


def flow_of(home: Home, standing: Standing | None, progress: Sequence[DatasetProgress]) -> list[Station]:
    """The stations in their order. What Argilla would tell is unknown while it does not answer."""
    served, links = read_releases(home).served, links_of(standing)
    decisions = standing.decided.every if standing else ()
    accepted = [one for one in decisions if one.verdict == "accepted"]

    def records(name: str, dataset: str) -> Station:
        rows = [row for row in progress if row.dataset == dataset]
        told = f"{sum(row.pending for row in rows):,} wait for people" if rows else ""
        count = sum(row.total for row in rows) if rows else None
        return Station(name, count, told, links.pending(dataset))

    def decided(name: str, found: Sequence[Decision], told: str) -> Station:
        if standing is None:
            return Station(name, None, told)
        counts = Counter[str](one.dataset for one in found)
        parts = [
            (plural(counts[one], one[:-1]), standing.opened(found, one)) for one in DATASETS if counts[one]
        ]
        return Station(name, len(found), told, parts=parts)

    return [
        Station("chunks", _rows(home), "of the documentation", links.pending("chunks")),
        records("triplets", "triplets"),
        decided("decided", decisions, "records with an answer"),
        decided("accepted", accepted, "of them"),
        Station("examples", served.examples if served else None, "that the model was trained on"),
        Station("release", 1 if served else 0, served.id if served else "none is served"),
        records("turns", "conversations"),
    ]


def _rows(home: Home) -> int | None:
    """Chunks of the corpus; None where there is none that can be read."""
    try:
        return int(pq.read_metadata(home.chunks).num_rows)
    except (OSError, pa.ArrowException):
        return None
