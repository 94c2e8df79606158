"""The plug-in: argilla_server's SearchEngine interface over Argilla's own database and the text index."""

from __future__ import annotations

import asyncio
import functools
import logging
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from argilla_server.enums import SimilarityOrder
from argilla_server.errors.future import UnprocessableEntityError
from argilla_server.models import Dataset, MetadataProperty, Record, User, VectorSettings
from argilla_server.search_engine.base import (
    Filter,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponses,
    TextQuery,
)
from argilla_server.settings import settings

from argilla_lite import __version__, patches
from argilla_lite.engine import ENGINE_NAME, metrics, search
from argilla_lite.engine.source import Snapshot
from argilla_lite.engine.sources import open_source
from argilla_lite.engine.table import Table
from argilla_lite.engine.tables import Dataset as Loaded, Tables
from argilla_lite.engine.text_index import TextIndex
from argilla_lite.engine.text_search import TextHits, TextReader
from argilla_lite.home import Home

_LOGGER = logging.getLogger("argilla_lite")
_THREADS = 4
_T = TypeVar("_T")


class _Shared:
    """What all engine objects of a process share: argilla_server makes a new one for each request."""

    def __init__(self) -> None:
        home = Home(Path(str(settings.home_path)))
        source = open_source(home)
        self.index = TextIndex(home.text_index, source)
        self.index.create()
        self.reader = TextReader(self.index)
        self.tables = Tables(source)
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")

    def drop(self, dataset_id: str) -> None:
        self.index.drop(dataset_id)
        self.tables.forget(dataset_id)


@functools.lru_cache(maxsize=1)
def _shared_in(_process: int) -> _Shared:
    return _Shared()


def warm_up() -> None:
    """Reads the datasets into memory. For a thread of the server, once it serves."""
    shared = _shared_in(os.getpid())
    try:
        shared.tables.fill(shared.reader)
    except Exception:
        _LOGGER.exception("The datasets could not be read ahead; each is read when it is asked for.")


@SearchEngine.register(engine_name=ENGINE_NAME)
class EmbeddedSearchEngine(SearchEngine):
    """Searches in `tables`. Only three calls write anything: those that add, change or remove text."""

    def __init__(self) -> None:
        # By process, because a forked rq job must not use its parent's threads and connections.
        self._shared = _shared_in(os.getpid())

    @classmethod
    async def new_instance(cls) -> EmbeddedSearchEngine:
        return cls()

    async def ping(self) -> bool:
        def look() -> bool:
            with self._shared.reader.snapshot():
                return True

        return await self._run(look)

    async def info(self) -> dict[str, str]:
        """Shown to anybody by GET /status: no paths, no counts. ``suggestions`` is "shown" where the web page
        leaves the choice to people, "chosen" where it chooses a suggested answer in advance. ``ids``: a
        search for records' external ids finds these records."""
        return {
            "name": ENGINE_NAME,
            "version": __version__,
            "sqlite": sqlite3.sqlite_version,
            "suggestions": "shown" if patches.wanted() else "chosen",
            "ids": "found",
        }

    async def create_index(self, dataset: Dataset) -> None:
        dataset_id = dataset.id.hex
        await self._run(lambda: self._shared.index.refresh(dataset_id, []))

    async def delete_index(self, dataset: Dataset) -> None:
        dataset_id = dataset.id.hex
        await self._run(lambda: self._shared.drop(dataset_id))

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        """Indexes what the database has by now; what it no longer has is forgotten."""
        dataset_id, ids = dataset.id.hex, [record.id.hex for record in records]
        await self._run(lambda: self._shared.index.refresh(dataset_id, ids))

    delete_records = index_records

    async def _nothing(self, *_: object, **__: object) -> None:
        """Nothing to do: metadata, vectors, statuses, responses and suggestions are read from Argilla's own
        tables, and connections are the process's."""

    configure_metadata_property = configure_index_vectors = partial_record_update = _nothing
    update_record_response = delete_record_response = _nothing
    update_record_suggestion = delete_record_suggestion = close = _nothing

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        return {} if dataset.is_draft else await self._of_table(dataset.id, metrics.progress)

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        if dataset.is_draft:
            return {}
        user_id = user.id.hex
        return await self._of_table(dataset.id, lambda table: metrics.user_progress(table, user_id))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        dataset_id, name = metadata_property.dataset_id, metadata_property.name
        return await self._of_table(dataset_id, lambda table: metrics.for_property(table, name))

    async def search(
        self,
        dataset: Dataset,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        sort: list[Order] | None = None,
        offset: int = 0,
        limit: int = 100,
        user_id: UUID | str | None = None,
    ) -> SearchResponses:
        dataset_id = dataset.id.hex

        def answer() -> SearchResponses:
            with self._asked(dataset_id, query, ranked=not sort) as (loaded, _, hits):
                named = search.named_records(loaded, query)
                if named is not None:  # whatever their status
                    return search.search(loaded, None, named, sort, offset, limit, user_id)
                return search.search(loaded, hits, filter, sort, offset, limit, user_id)

        return await self._run(answer)

    async def similarity_search(
        self,
        dataset: Dataset,
        vector_settings: VectorSettings,
        value: list[float] | None = None,
        record: Record | None = None,
        query: TextQuery | str | None = None,
        filter: Filter | None = None,
        max_results: int = 100,
        order: SimilarityOrder = SimilarityOrder.most_similar,
        threshold: float | None = None,
    ) -> SearchResponses:
        if bool(value) == bool(record):
            raise ValueError("Must provide either vector value or record to compute the similarity search")
        if not value and record is not None:
            value = record.vector_value_by_vector_settings(vector_settings)
        if not value:
            raise UnprocessableEntityError("There is no vector to compare with")
        sign = -1.0 if order == SimilarityOrder.least_similar else 1.0
        vector = [sign * number for number in value]
        dataset_id, setting_id = dataset.id.hex, vector_settings.id.hex
        dimensions = vector_settings.dimensions
        excluded = record.id.hex if record is not None else None

        def answer() -> SearchResponses:
            with self._asked(dataset_id, query, ranked=False) as (loaded, snapshot, hits):
                allowed = search.mask(loaded, hits, filter)
                vectors = loaded.vectors_of(setting_id, dimensions, snapshot)
                return vectors.most_similar(loaded.table, vector, allowed, excluded, max_results, threshold)

        return await self._run(answer)

    @contextmanager
    def _asked(
        self, dataset_id: str, query: TextQuery | str | None, ranked: bool
    ) -> Iterator[tuple[Loaded, Snapshot, TextHits | None]]:
        """A dataset, the database's state that it has, and what a text query found in it."""
        shared = self._shared
        if query is None:
            with shared.tables.current(dataset_id) as (loaded, snapshot):
                yield loaded, snapshot, None
            return
        shared.index.retry(dataset_id)
        # The text's state is fixed before the records': whatever it knows they know, or they have seen it go.
        with shared.reader.snapshot() as reader, shared.tables.current(dataset_id) as (loaded, snapshot):
            loaded.documents.follow(reader, loaded.table)
            yield loaded, snapshot, shared.reader.find(reader, dataset_id, query, ranked, loaded.table.count)

    async def _of_table(self, dataset_id: UUID, ask: Callable[[Table], _T]) -> _T:
        def answer() -> _T:
            with self._shared.tables.current(dataset_id.hex) as (dataset, _):
                return ask(dataset.table)

        return await self._run(answer)

    async def _run(self, work: Callable[[], _T]) -> _T:
        """Runs in a thread, so that the event loop goes on serving."""
        return await asyncio.get_running_loop().run_in_executor(self._shared.threads, work)
