"""A lineage that a release takes over from another one: what was learned stays, what is indexed is told anew."""

from __future__ import annotations

import shutil
from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from curation import StateError, write_table

NO_LONGER_THERE = "no longer among the documents"  # why a chunk that was judged is not indexed


def carry_lineage(source: Path, target: Path, indexed: Collection[str]) -> None:
    """Copy a lineage.parquet. Its rows about chunks say whether the chunk is among the ids ``indexed``; those of rejected
    chunks stay. Raises StateError for a damaged one, and on a full disk."""
    try:
        table = pq.read_table(source)
        columns = {
            name: table.column(name).to_pylist() for name in ("dataset", "record_id", "role", "reason")
        }
        said = table.column("decided" if "decided" in table.column_names else "reason").to_pylist()
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise StateError(
            f"{source} cannot be read as a table: {error}", "Promote another release, or restore this one."
        ) from error
    roles, reasons = columns["role"], columns["reason"]
    before = (list(roles), list(reasons))
    for row, (dataset, record_id) in enumerate(zip(columns["dataset"], columns["record_id"], strict=True)):
        if dataset != "chunks":
            continue
        if roles[row] == "indexed" and record_id not in indexed:
            roles[row], reasons[row] = "unused", NO_LONGER_THERE
        elif roles[row] == "unused" and reasons[row] == NO_LONGER_THERE and record_id in indexed:
            roles[row], reasons[row] = "indexed", "" if said[row] == NO_LONGER_THERE else said[row]
    if (roles, reasons) == before:
        shutil.copyfile(source, target)
        return
    for name, values in (("role", roles), ("reason", reasons)):
        place = table.schema.get_field_index(name)
        table = table.set_column(
            place, table.schema.field(place), pa.array(values, table.schema.types[place])
        )
    write_table(target, table)
