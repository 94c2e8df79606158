"""The ledger of a release (lineage.parquet): which chunks people rejected, which are indexed, and which
accepted questions lead to them.

training/ledger writes it, with a row for each decision. ``teaches`` is "chunk" where a chunk was judged,
"example" where a question was accepted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

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
_COLUMNS = ("teaches", "record_id", "verdict", "decided", "fate", "reason")
_OF_QUESTIONS = ("teaches", "dataset", "record_id", "query", "chunk_id", "origin", "fate", "reason")
_LEAD = ("train", "holdout", "waiting", "duplicate", "unused")  # fates of examples


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


def accepted_questions(
    lineage: Path, corpus: Corpus, here: Collection[str], asked: Asked = "all"
) -> list[IndexedQuestion]:
    """The accepted questions of the ledger ``lineage`` that lead to a chunk of the ids ``here``, each once:
    of ``all`` records, or of conversations, which ``people`` had with the bot.

    One whose chunk was edited leads to what took its place, unless it was rejected before. A heading is none
    of them: the text of its chunk has it. Raises StateError for a damaged file.
    """
    if not lineage.exists():
        return []
    table = _read(lineage, _OF_QUESTIONS)
    leads = pc.and_(pc.equal(table["teaches"], "example"), pc.is_in(table["fate"], pa.array(_LEAD)))
    told = pc.or_(pc.equal(table["origin"], HEADING), pc.equal(table["reason"], CHUNK_REJECTED))
    if asked == "people":
        leads = pc.and_(leads, pc.equal(table["dataset"], "conversations"))
    found: dict[tuple[str, str], IndexedQuestion] = {}
    for row in table.filter(pc.and_(leads, pc.invert(told))).to_pylist():
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


def _read(path: Path, columns: Sequence[str] = ()) -> pa.Table:
    """All columns, or these."""
    try:
        table = pq.read_table(path, columns=list(columns) or None)
    except (pa.ArrowException, OSError) as error:
        raise StateError(f"{path} cannot be read as a table: {error}", _HINT) from error
    missing = [name for name in columns or _COLUMNS if name not in table.column_names]
    if missing:
        raise StateError(f"{path} is no ledger: it lacks the columns {', '.join(missing)}.", _HINT)
    return table


_HINT = "Promote another release, or restore this one."
