"""Reading a lineage by columns: counting 100,000 decisions needs no object for each of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import StateError
from training.ledger.lineage_record import FIRST_COLUMNS, LINEAGE_SCHEMA, LineageRow

_EXAMPLE = LINEAGE_SCHEMA.field("examples").type.value_type


def lineage_table(
    path: Path, columns: Collection[str] = LINEAGE_SCHEMA.names, chosen: pc.Expression | None = None
) -> pa.Table:
    """``columns`` of a lineage.parquet, of its ``chosen`` rows or of all; without rows when there is no such file. Columns that
    a lineage of an earlier version lacks are missing. Raises StateError for a damaged one."""
    fields = [one for one in LINEAGE_SCHEMA if one.name in columns]
    if not path.exists():
        return pa.schema(fields).empty_table()
    try:
        there = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError) as error:
        raise StateError(
            f"{path} cannot be read as a table: {error}", "Promote another release, or restore this one."
        ) from error
    always = {*LINEAGE_SCHEMA.names[:FIRST_COLUMNS], *there}
    schema = pa.schema([one for one in fields if one.name in always])
    try:
        return pq.read_table(path, columns=schema.names, filters=chosen).select(schema.names).cast(schema)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise StateError(
            f"{path} cannot be read as a table: {error}",
            "It may come from another version or be damaged: restore it, or promote another release.",
        ) from error


def lineage_outline(path: Path, columns: Sequence[str]) -> list[LineageRow]:
    """The rows with nothing but ``columns`` in them, as they were written. Raises StateError for a damaged lineage."""
    table = lineage_table(path, ["role", *columns])
    values = zip(*(column.to_pylist() for column in table.columns), strict=True)
    return [LineageRow.model_construct(**dict(zip(table.column_names, row, strict=True))) for row in values]


def find_rows(path: Path, record_id: str, only_begins: bool = False) -> list[LineageRow]:
    """The rows of the record ``record_id``, or of all whose ids begin so. Raises StateError for a damaged lineage."""
    name = pc.field("record_id")
    chosen = pc.starts_with(name, record_id) if only_begins else name == record_id
    return [LineageRow.model_validate(row) for row in lineage_table(path, chosen=chosen).to_pylist()]


def count_roles(path: Path) -> Counter[str]:
    """How many rows have which role. Raises StateError for a damaged lineage."""
    counts = lineage_table(path, ["role"]).column("role").value_counts()
    return Counter({one["values"]: one["counts"] for one in counts.to_pylist()})


def lineage_examples(path: Path) -> pa.Table:
    """Everything that decisions became, in the order of the rows, with the columns query, chunk_id, place and side. Raises
    StateError for a damaged lineage."""
    table = lineage_table(path, ["examples"])
    empty = pa.schema(list(_EXAMPLE)).empty_table()
    if not table.num_columns:
        return empty
    parts = [chunk.flatten() for chunk in table.column("examples").chunks]
    return pa.concat_tables([empty, *(pa.Table.from_struct_array(part) for part in parts)])
