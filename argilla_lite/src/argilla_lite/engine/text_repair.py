"""Compares the text index with Argilla's records, and makes it agree with them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass

from argilla_lite.engine.source import BATCH, Snapshot
from argilla_lite.engine.text_index import TextIndex, digest, drop, transaction


@dataclass(frozen=True)
class Differences:
    """How the index differs from Argilla's records: how many records per kind."""

    missing: int = 0
    outdated: int = 0
    superfluous: int = 0

    def __bool__(self) -> bool:
        return bool(self.missing or self.outdated or self.superfluous)

    def __add__(self, other: Differences) -> Differences:
        return Differences(
            self.missing + other.missing, self.outdated + other.outdated, self.superfluous + other.superfluous
        )


@dataclass(frozen=True)
class _Work:
    """What of one dataset is to be done: record ids, and (stamp, record id) whose text is unchanged."""

    missing: list[str]
    outdated: list[str]
    superfluous: list[str]
    to_touch: list[tuple[str, str]]
    from_scratch: bool  # its fields are other ones than those that were indexed

    @property
    def differences(self) -> Differences:
        return Differences(len(self.missing), len(self.outdated), len(self.superfluous))


def differences(index: TextIndex) -> Differences:
    """Compares and changes nothing."""
    total = Differences()
    with closing(index.connect(read_only=True)) as reader, index.source.snapshot() as snapshot:
        wanted = snapshot.datasets()
        for dataset_id in wanted:
            total += _compare(snapshot, reader, dataset_id).differences
        for gone in _known(reader) - set(wanted):
            total += Differences(superfluous=max(1, len(_indexed(reader, gone))))
    return total


def repair(index: TextIndex) -> Differences:
    """Makes the index agree with Argilla's records. Returns what was found to differ."""
    total = Differences()
    with index.source.snapshot() as snapshot:
        wanted = snapshot.datasets()
    with closing(index.connect()) as writer:
        for gone in _known(writer) - set(wanted):
            total += Differences(superfluous=len(_indexed(writer, gone)))
            with transaction(writer):
                drop(writer, gone)
    for dataset_id in wanted:
        total += _repair_dataset(index, dataset_id)
    return total


def rebuild(index: TextIndex) -> Differences:
    """Forgets everything and indexes it anew."""
    with closing(index.connect()) as writer:
        for dataset_id in _known(writer):
            with transaction(writer):
                drop(writer, dataset_id)
    return repair(index)


def _repair_dataset(index: TextIndex, dataset_id: str) -> Differences:
    with closing(index.connect()) as writer:
        with index.source.snapshot() as snapshot:
            work = _compare(snapshot, writer, dataset_id)
        with transaction(writer):
            if work.from_scratch:
                drop(writer, dataset_id)
            writer.executemany("UPDATE documents SET stamp = ? WHERE record_id = ?", work.to_touch)
    changed = [*work.missing, *work.outdated, *work.superfluous]
    # A transaction per batch, so that a server that is running gets its turn.
    for start in range(0, max(len(changed), 1), BATCH):
        index.write(dataset_id, changed[start : start + BATCH])
    return work.differences


def _compare(snapshot: Snapshot, reader: sqlite3.Connection, dataset_id: str) -> _Work:
    known = reader.execute("SELECT columns FROM datasets WHERE dataset_id = ?", (dataset_id,)).fetchone()
    fields = [name for name, _ in snapshot.fields(dataset_id)]
    from_scratch = known is not None and json.loads(known[0]) != fields
    indexed = {} if from_scratch else _indexed(reader, dataset_id)
    missing: list[str] = []
    doubtful: list[str] = []
    present = set()
    for record_id, stamp in snapshot.stamps(dataset_id):
        present.add(record_id)
        if record_id not in indexed:
            missing.append(record_id)
        elif indexed[record_id][0] != stamp:
            doubtful.append(record_id)
    # A response touches its record: the stamp tells that something changed, the digest whether it was the
    # text.
    outdated: list[str] = []
    to_touch: list[tuple[str, str]] = []
    for record_id, raw, stamp in snapshot.texts(dataset_id, doubtful):
        if digest(raw) == indexed[record_id][1]:
            to_touch.append((stamp, record_id))
        else:
            outdated.append(record_id)
    superfluous = [record_id for record_id in indexed if record_id not in present]
    return _Work(missing, outdated, superfluous, to_touch, from_scratch)


def _known(reader: sqlite3.Connection) -> set[str]:
    return {row[0] for row in reader.execute("SELECT dataset_id FROM datasets")}


def _indexed(reader: sqlite3.Connection, dataset_id: str) -> dict[str, tuple[str, bytes]]:
    """Record id → stamp and digest of what was indexed."""
    rows = reader.execute(
        "SELECT record_id, stamp, digest FROM documents WHERE dataset_id = ?", (dataset_id,)
    )
    return {record_id: (stamp, digest) for record_id, stamp, digest in rows}
