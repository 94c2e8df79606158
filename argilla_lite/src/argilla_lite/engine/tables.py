"""The tables of all datasets, the least recently asked one given up when there are too many records in
memory."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from argilla_lite.engine.similarity import Vectors
from argilla_lite.engine.source import Snapshot, Source
from argilla_lite.engine.table import Table
from argilla_lite.engine.text_search import Documents, TextReader

_MOST_BYTES = 1_500_000_000
_AHEAD = 2000  # vectors read before others get their turn
_BYTES_A_RECORD = 600  # about what a row takes with a few properties, without its vectors


@dataclass
class Dataset:
    """What is in memory of one dataset. Used by one thread at a time."""

    table: Table
    documents: Documents = field(default_factory=Documents)
    vectors: dict[str, Vectors] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def vectors_of(self, setting_id: str, dimensions: int, snapshot: Snapshot) -> Vectors:
        """A setting's vectors as they are in the snapshot that the table was taken from."""
        for gone in self.vectors.keys() - snapshot.vector_settings(self.table.dataset_id).keys():
            del self.vectors[gone]
        vectors = self.vectors.setdefault(setting_id, Vectors(setting_id, dimensions))
        vectors.follow(snapshot, self.table)
        return vectors

    @property
    def bytes(self) -> int:
        return self.table.count * _BYTES_A_RECORD + sum(one.bytes for one in self.vectors.values())


class Tables:
    """Thread-safe."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._datasets: OrderedDict[str, Dataset] = OrderedDict()
        self._lock = threading.Lock()

    @contextmanager
    def current(self, dataset_id: str) -> Iterator[tuple[Dataset, Snapshot]]:
        """A dataset as Argilla's database has it now, for this thread alone, and the snapshot it was taken
        from."""
        with self._lock:
            dataset = self._datasets.setdefault(dataset_id, Dataset(Table(dataset_id)))
            self._datasets.move_to_end(dataset_id)
            self._give_up_some()
        with dataset.lock, self._source.snapshot() as snapshot:
            try:
                dataset.table.follow(snapshot)
            except BaseException:
                dataset.table = Table(dataset_id)  # half-way is nowhere
                dataset.vectors.clear()
                raise
            yield dataset, snapshot

    def fill(self, reader: TextReader) -> None:
        """Reads what is there, vectors too, as far as memory allows: the first queries then need not wait for
        it."""
        with self._source.snapshot() as snapshot:
            dataset_ids = snapshot.datasets()
        for dataset_id in dataset_ids:
            with reader.snapshot() as text, self.current(dataset_id) as (dataset, _):
                dataset.documents.follow(text, dataset.table)
            if self._is_half_full():
                return
        for dataset_id in dataset_ids:
            with self.current(dataset_id) as (_, snapshot):
                settings = snapshot.vector_settings(dataset_id)
            for setting_id, dimensions in settings.items():
                self._read_vectors_ahead(dataset_id, setting_id, dimensions)
            if self._is_half_full():
                return

    def _read_vectors_ahead(self, dataset_id: str, setting_id: str, dimensions: int) -> None:
        start, more = 0, True
        while more:
            with self.current(dataset_id) as (dataset, snapshot):
                vectors = dataset.vectors.setdefault(setting_id, Vectors(setting_id, dimensions))
                more = vectors.read_ahead(snapshot, dataset.table, start, _AHEAD)
            start += _AHEAD

    def _is_half_full(self) -> bool:
        with self._lock:
            return sum(one.bytes for one in self._datasets.values()) > _MOST_BYTES / 2

    def forget(self, dataset_id: str) -> None:
        """Frees what is kept of a dataset that is gone."""
        with self._lock:
            self._datasets.pop(dataset_id, None)

    def _give_up_some(self) -> None:
        while len(self._datasets) > 1 and sum(one.bytes for one in self._datasets.values()) > _MOST_BYTES:
            self._datasets.popitem(last=False)
