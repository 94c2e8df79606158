"""The ledger of a release (lineage.parquet): which chunks people rejected, and which are indexed.

training/ledger writes it, with a row for each decision. ``teaches`` is "chunk" where a chunk was judged.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import Chunk, StateError, write_table

GONE_FROM_DOCUMENTS = "no longer among the documents"  # the reason why a chunk that was judged is not indexed
_COLUMNS = ("teaches", "record_id", "verdict", "decided", "fate", "reason")


def chunks_not_to_index(lineage: Path, chunks: Sequence[Chunk], include_unreviewed: bool) -> set[str]:
    """Ids of the ``chunks`` that annotators rejected or, without ``include_unreviewed``, did not accept.

    Without the file ``lineage`` nobody has judged any. Raises StateError for a damaged one.
    """
    verdicts: dict[str, str] = {}
    if lineage.exists():
        table = _read(lineage)
        judged = pc.and_(pc.equal(table["teaches"], "chunk"), pc.not_equal(table["fate"], "left-out"))
        table = table.filter(judged)
        verdicts = dict(zip(table["record_id"].to_pylist(), table["verdict"].to_pylist(), strict=True))
    return {
        chunk.id
        for chunk in chunks
        if (verdict := verdicts.get(chunk.id)) == "rejected"
        or (not include_unreviewed and verdict != "accepted")
    }


def carry_lineage(source: Path, target: Path, indexed: Collection[str]) -> None:
    """Copy a lineage.parquet for a release that indexes the chunk ids ``indexed``.

    The rows about chunks that were not rejected say whether these are indexed. Raises StateError for a
    damaged file and on a full disk.
    """
    table = _read(source)
    is_chunk = pc.equal(table["teaches"], "chunk")
    is_there = pc.is_in(table["record_id"], value_set=pa.array(sorted(indexed), pa.string()))
    fate, reason = table["fate"], table["reason"]
    was_gone = pc.and_(pc.equal(fate, "unused"), pc.equal(reason, GONE_FROM_DOCUMENTS))
    goes = pc.and_(is_chunk, pc.and_(pc.equal(fate, "indexed"), pc.invert(is_there)))
    comes_back = pc.and_(is_chunk, pc.and_(was_gone, is_there))
    new = {
        "fate": pc.if_else(goes, "unused", pc.if_else(comes_back, "indexed", fate)),
        "reason": pc.if_else(goes, GONE_FROM_DOCUMENTS, pc.if_else(comes_back, table["decided"], reason)),
    }
    for name, values in new.items():
        place = table.schema.get_field_index(name)
        table = table.set_column(place, table.schema.field(place), values)
    write_table(target, table)


def _read(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path)
    except (pa.ArrowException, OSError) as error:
        raise StateError(f"{path} cannot be read as a table: {error}", _HINT) from error
    missing = [name for name in _COLUMNS if name not in table.column_names]
    if missing:
        raise StateError(f"{path} is no ledger: it lacks the columns {', '.join(missing)}.", _HINT)
    return table


_HINT = "Promote another release, or restore this one."
