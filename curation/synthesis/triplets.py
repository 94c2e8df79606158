"""The triplets of the current corpus, as one table."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from curation.files import read_table, write_table
from curation.home import Home
from curation.records.triplet import TRIPLET_SCHEMA, Triplet


def load_triplets(home: Home) -> list[Triplet]:
    """All triplets in their stored order; empty when none were made yet. Raises StateError when damaged."""
    if not home.triplets.exists():
        return []
    return [Triplet(**row) for row in read_table(home.triplets, TRIPLET_SCHEMA).to_pylist()]


def save_triplets(home: Home, triplets: Iterable[Triplet]) -> None:
    """Replace the stored triplets, atomically; an id that comes twice is kept once, in the order given.

    Raises StateError when the disk is full or the folder cannot be written.
    """
    unique = {triplet.id: triplet for triplet in triplets}
    rows = [triplet.model_dump() for triplet in unique.values()]
    write_table(home.triplets, pa.Table.from_pylist(rows, schema=TRIPLET_SCHEMA))
