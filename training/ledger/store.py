"""The ledger on disk, and what the served release's ledger tells (``History``).

The file is lineage.parquet in a release and ledger.parquet in a run. Its metadata say which run made it and
what that run's selection left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from curation import StateError, Verdict, write_table
from serving import FITTED_FILE, LINEAGE_FILE, ReleaseStore
from training.ledger.rows import LedgerRow, RecordKey, by_decision, of, tally
from training.ledger.selection import Selection

_VOTE = pa.struct(
    [
        ("question", pa.string()),
        ("value", pa.string()),
        ("annotator", pa.string()),
        ("response_id", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("annotator_id", pa.string()),
        ("role", pa.string()),
    ]
)
_NOT_TEXT = {
    "agreement": pa.float64(),
    "votes": pa.list_(_VOTE),
    "certain": pa.bool_(),
    "similarity": pa.float64(),
}
LEDGER_SCHEMA = pa.schema([(name, _NOT_TEXT.get(name, pa.string())) for name in LedgerRow.model_fields])
_KEY = ("dataset", "record_id")
ANSWERS = ("fingerprint", "verdict", "fate", "teaches")  # of a ledger; what decides needs no more
_OF_HISTORY = ("fingerprint", "verdict", "chunk_id", "place", "fate")  # what History needs
_ROWS = TypeAdapter(list[LedgerRow])
_ORIGIN = b"clayloop"
_HINT = "It is damaged: restore it, or promote another release."


class LedgerOrigin(BaseModel):
    """Which run made a ledger, and what its selection left out. ``run`` is "" where no run did (a first
    release)."""

    model_config = ConfigDict(frozen=True)

    run: str = ""
    selection: Selection = Selection()


def write_ledger(path: Path, rows: Sequence[LedgerRow], origin: LedgerOrigin | None = None) -> None:
    """Write the table, whole or not at all. Raises StateError when the disk is full."""
    table = pa.Table.from_pylist([row.model_dump() for row in rows], schema=LEDGER_SCHEMA)
    metadata = {_ORIGIN: (origin or LedgerOrigin()).model_dump_json().encode()}
    write_table(path, table.replace_schema_metadata(metadata))


def read_ledger(
    path: Path, columns: Sequence[str] = (), chosen: pc.Expression | None = None
) -> list[LedgerRow]:
    """The rows, or those that are ``chosen``; none when there is no such file (a first release learned from
    nothing).

    With ``columns`` only these and the record's key are read; all else has its default. That makes counting
    100,000 rows quick. Raises StateError for a damaged file.
    """
    if not path.exists():
        return []
    names = list(dict.fromkeys((*_KEY, *columns))) if columns else LEDGER_SCHEMA.names
    schema = pa.schema([LEDGER_SCHEMA.field(name) for name in names])
    try:
        table = pq.read_table(path, columns=names, filters=chosen).select(names).cast(schema)
        return _ROWS.validate_python(table.to_pylist())
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        first = (str(error).splitlines() or [""])[0]
        raise StateError(f"{path} cannot be read as a table: {first}", _HINT) from error


def lineage_of(store: ReleaseStore, release_id: str) -> Path:
    """Where a release's ledger is, if it has one. Raises StateError when it had one that is gone."""
    path = store.folder(release_id) / LINEAGE_FILE
    if not path.exists() and LINEAGE_FILE in store.get(release_id).files:
        raise StateError(f"{path} is missing.", _HINT)
    return path


def fitted_of(store: ReleaseStore, release_id: str) -> Path:
    """Where the ledger is that a release's model was trained from. A release whose index alone is new has a
    copy of it beside its own."""
    copy = store.folder(release_id) / FITTED_FILE
    return copy if FITTED_FILE in store.get(release_id).files else lineage_of(store, release_id)


def ledger_of(store: ReleaseStore, release_id: str, columns: Sequence[str] = ()) -> list[LedgerRow]:
    """The ledger of a release; empty when it learned from nothing."""
    return read_ledger(lineage_of(store, release_id), columns)


def taught_triplets(store: ReleaseStore, release_id: str) -> frozenset[str]:
    """Ids of the accepted triplets that a release's model has learned from, or waits to: nothing is judged by
    them."""
    rows = of(ledger_of(store, release_id, ("teaches", "fate")), "example", "train", "waiting")
    return frozenset(row.record_id for row in rows if row.dataset == "triplets")


def read_origin(path: Path) -> LedgerOrigin:
    """What the file says about its making. Raises StateError for a damaged file."""
    if not path.exists():
        return LedgerOrigin()
    try:
        return LedgerOrigin.model_validate_json((pq.read_schema(path).metadata or {})[_ORIGIN])
    except (pa.ArrowException, OSError, KeyError, ValidationError) as error:
        raise StateError(f"{path} cannot be read as a table: {error}", _HINT) from error


def find_rows(path: Path, record_id: str, only_begins: bool = False) -> list[LedgerRow]:
    """The rows of the record ``record_id``, or of all whose ids begin so. Raises StateError for a damaged
    file."""
    name = pc.field("record_id")
    return read_ledger(path, chosen=pc.starts_with(name, record_id) if only_begins else name == record_id)


def count_fates(path: Path) -> Counter[str]:
    """How many decisions have which fate. Raises StateError for a damaged file."""
    return Counter(tally(read_ledger(path, ["fate"])).fates)


@dataclass(frozen=True)
class History:
    """What the ledger tells that the served model was trained from.

    ``fingerprints`` are of all answers that it was made from. ``asked`` are the records of its holdout,
    ``trained`` the examples that it was trained on, ``learned`` these and its negatives, and
    ``trained_about`` the ids and the sections of the examples' chunks.
    ``chunk_verdicts`` are pairs of a judged chunk's id and its verdict.
    """

    fingerprints: frozenset[str] = frozenset()
    asked: frozenset[RecordKey] = frozenset()
    trained: frozenset[RecordKey] = frozenset()
    learned: frozenset[RecordKey] = frozenset()
    trained_about: frozenset[str] = frozenset()
    chunk_verdicts: tuple[tuple[str, Verdict], ...] = ()

    @classmethod
    def of(cls, rows: Sequence[LedgerRow]) -> History:
        """From a release's ledger. Rows that its selection left out count as if they were not there."""
        known = [row for row in rows if row.fate != "left-out"]
        trained = [row for row in known if row.fate == "train"]
        return cls(
            fingerprints=frozenset(row.fingerprint for row in known),
            asked=frozenset(row.key for row in known if row.fate == "holdout"),
            trained=frozenset(row.key for row in trained),
            learned=frozenset(row.key for row in by_decision(known) if row.fate in ("train", "negative")),
            trained_about=frozenset(name for row in trained for name in (row.chunk_id, row.place) if name),
            chunk_verdicts=tuple((row.record_id, row.verdict) for row in known if row.dataset == "chunks"),
        )


def history_of(store: ReleaseStore, release_id: str) -> History:
    """Of the model of a release. Raises StateError for a damaged ledger."""
    return History.of(read_ledger(fitted_of(store, release_id), _OF_HISTORY))
