"""The ledger of a release (lineage.parquet): which chunks people rejected, which are indexed, and which
accepted questions lead to them.

training/ledger writes it, with a row for each decision. ``teaches`` is "chunk" where a chunk was judged,
"example" where a question was accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from curation import Chunk, StateError, normalise, write_table
from serving.retrieval.index import IndexedQuestion

if TYPE_CHECKING:
    from curation import Corpus
    from serving.releases.record import Asked

HEADING = "heading"  # the origin of a question that is a section's heading
CHUNK_REJECTED = "its chunk was rejected"  # the reason why an accepted question teaches nothing
GONE_FROM_DOCUMENTS = "no longer among the documents"  # the reason why a chunk that was judged is not indexed
_CARRIED = ["teaches", "record_id", "decided", "fate", "reason"]
_LEAD = ("train", "holdout", "waiting", "duplicate", "unused")  # fates of examples


def chunks_not_to_index(lineage: Path, chunks: Sequence[Chunk], include_unreviewed: bool) -> set[str]:
    """Ids of the ``chunks`` that annotators rejected or, without ``include_unreviewed``, did not accept.

    Without the file ``lineage`` nobody has judged any. Raises StateError for a damaged one.
    """
    judged = (pc.field("teaches") == "chunk") & (pc.field("fate") != "left-out")
    rows = ledger_rows(lineage, ["record_id", "verdict"], judged)
    verdicts = {row["record_id"]: row["verdict"] for row in rows}
    return {
        chunk.id
        for chunk in chunks
        if (verdict := verdicts.get(chunk.id)) == "rejected"
        or (not include_unreviewed and verdict != "accepted")
    }


def accepted_questions(
    lineage: Path, corpus: Corpus, here: Collection[str], asked: Asked = "all"
) -> list[IndexedQuestion]:
    """The accepted questions of the ledger ``lineage`` that lead to a chunk of the ids ``here``, each once:
    of ``all`` records, or of conversations, which ``people`` had with the bot.

    One whose chunk was edited leads to what took its place, unless it was rejected before. A heading is none
    of them: the text of its chunk has it. Raises StateError for a damaged file.
    """
    leads = (pc.field("teaches") == "example") & pc.field("fate").isin(_LEAD)
    leads &= (pc.field("origin") != HEADING) & (pc.field("reason") != CHUNK_REJECTED)
    if asked == "people":
        leads &= pc.field("dataset") == "conversations"
    found: dict[tuple[str, str], IndexedQuestion] = {}
    for row in ledger_rows(lineage, ["dataset", "record_id", "query", "chunk_id"], leads):
        chunk = corpus.today(row["chunk_id"])
        if chunk in here:
            one = IndexedQuestion(
                text=row["query"], chunk_id=chunk, dataset=row["dataset"], record_id=row["record_id"]
            )
            found.setdefault((normalise(one.text), chunk), one)
    return list(found.values())


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


def ledger_rows(path: Path, columns: Sequence[str], chosen: pc.Expression) -> list[dict[str, Any]]:
    """These columns of the rows of the ledger ``path`` that are ``chosen``; none without the file. Raises
    StateError for a damaged one."""
    rows: list[dict[str, Any]] = _read(path, columns, chosen).to_pylist() if path.exists() else []
    return rows


def _read(path: Path, columns: Sequence[str] = (), chosen: pc.Expression | None = None) -> pa.Table:
    """All columns, or these."""
    try:
        table = pq.read_table(path, columns=list(columns) or None, filters=chosen)
        table.select(columns or _CARRIED)  # fails where one is missing
        return table
    except (pa.ArrowException, OSError, KeyError) as error:
        raise StateError(
            f"{path} cannot be read as a table: {error}", "Promote another release, or restore this one."
        ) from error
