"""The way round, in numbers: chunks, triplets, decisions, examples, the release, what visitors asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from curation import Decision, Home
from dashboards.data.annotation import TITLES, DatasetRow
from dashboards.data.releases import read_releases
from dashboards.data.standing import Standing
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


def flow_of(
    home: Home, standings: Sequence[Standing] | None, progress: Sequence[DatasetRow] | None
) -> list[Station]:
    """The stations in their order. What Argilla would tell is unknown while it does not answer."""
    standing = standings[0] if standings else None
    served = read_releases(home).served
    decisions = standing.decided.every if standing else ()
    accepted = [one for one in decisions if one.verdict == "accepted"]
    links = standing.links if standing else None
    triplets = [row for row in progress or () if row.title == "Triplets"]
    turns = [row for row in progress or () if row.title == "Conversations"]

    def pending(dataset: str) -> str:
        return links.pending(dataset) if links else ""

    def parts(found: Sequence[Decision]) -> list[tuple[str, str]]:
        counts = Counter[str](one.dataset for one in found)
        return [
            (plural(counts[name], name[:-1]), standing.opened(found, name))
            for name in TITLES
            if standing and counts[name]
        ]

    return [
        Station("chunks", _rows(home), "of the documentation", pending("chunks")),
        Station(
            "triplets",
            sum(row.total for row in triplets) if triplets else None,
            _waiting(triplets),
            pending("triplets"),
        ),
        Station(
            "decided", len(decisions) if standing else None, "records with an answer", parts=parts(decisions)
        ),
        Station("accepted", len(accepted) if standing else None, "of them", parts=parts(accepted)),
        Station("examples", served.examples if served else None, "that the model was trained on"),
        Station("release", 1 if served else 0, served.id if served else "none is served"),
        Station(
            "turns",
            sum(row.total for row in turns) if turns else None,
            _waiting(turns),
            pending("conversations"),
        ),
    ]


def _waiting(rows: Sequence[DatasetRow]) -> str:
    return f"{sum(row.pending for row in rows):,} wait for people" if rows else ""


def _rows(home: Home) -> int | None:
    """Chunks of the corpus; None where there is none that can be read."""
    try:
        return int(pq.read_metadata(home.chunks).num_rows)
    except (OSError, pa.ArrowException):
        return None
