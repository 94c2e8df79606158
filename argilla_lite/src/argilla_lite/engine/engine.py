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
from argilla_server.models import (
    Dataset,
    MetadataProperty,
    Record,
    Response,
    Suggestion,
    User,
    VectorSettings,
)
from argilla_server.search_engine.base import (
    Filter,
    MetadataMetrics,
    Order,
    SearchEngine,
    SearchResponseItem,
    SearchResponses,
    TextQuery,
)
from argilla_server.settings import settings

from argilla_lite import __version__, patches
from argilla_lite.engine import ENGINE_NAME, metrics, search
from argilla_lite.engine.results import Page
from argilla_lite.engine.source import Snapshot
from argilla_lite.engine.sources import open_source
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

    def progress(self, dataset_id: str) -> dict[str, int]:
        with self.tables.current(dataset_id) as (dataset, _):
            return metrics.progress(dataset.table)

    def user_progress(self, dataset_id: str, user_id: str) -> dict[str, int]:
        with self.tables.current(dataset_id) as (dataset, _):
            return metrics.user_progress(dataset.table, user_id)

    def metadata_metrics(self, dataset_id: str, name: str) -> MetadataMetrics:
        with self.tables.current(dataset_id) as (dataset, _):
            return metrics.for_property(dataset.table, name)

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

    async def close(self) -> None:
        """Nothing to close: connections are the process's."""

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

    async def configure_metadata_property(
        self, dataset: Dataset, metadata_property: MetadataProperty
    ) -> None:
        """Nothing to do: metadata is read from Argilla's own table."""

    async def configure_index_vectors(self, vector_settings: VectorSettings) -> None:
        """Nothing to do: vectors are read from Argilla's own table."""

    async def index_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        await self._refresh(dataset, records)

    async def delete_records(self, dataset: Dataset, records: Iterable[Record]) -> None:
        await self._refresh(dataset, records)

    async def partial_record_update(self, record: Record, **update: object) -> None:
        """Nothing to do: called with the status only, which is Argilla's own."""

    async def update_record_response(self, response: Response) -> None:
        """Nothing to do: responses are read from Argilla's own table, as below."""

    async def delete_record_response(self, response: Response) -> None:
        """Nothing to do."""

    async def update_record_suggestion(self, suggestion: Suggestion) -> None:
        """Nothing to do: suggestions are read from Argilla's own table."""

    async def delete_record_suggestion(self, suggestion: Suggestion) -> None:
        """Nothing to do."""

    async def get_dataset_progress(self, dataset: Dataset) -> dict[str, int]:
        if dataset.is_draft:
            return {}
        dataset_id = dataset.id.hex
        return await self._run(lambda: self._shared.progress(dataset_id))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        if dataset.is_draft:
            return {}
        dataset_id, user_id = dataset.id.hex, user.id.hex
        return await self._run(lambda: self._shared.user_progress(dataset_id, user_id))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        dataset_id, name = metadata_property.dataset_id.hex, metadata_property.name
        return await self._run(lambda: self._shared.metadata_metrics(dataset_id, name))

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

        def answer() -> Page:
            with self._asked(dataset_id, query, ranked=not sort) as (loaded, _, hits):
                named = search.named_records(loaded, query)
                if named is not None:  # whatever their status
                    return search.search(loaded, None, named, sort, offset, limit, user_id)
                return search.search(loaded, hits, filter, sort, offset, limit, user_id)

        return _responses(await self._run(answer))

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
        dataset_id, setting_id, dimensions = (
            dataset.id.hex,
            vector_settings.id.hex,
            vector_settings.dimensions,
        )
        excluded = record.id.hex if record is not None else None

        def answer() -> Page:
            with self._asked(dataset_id, query, ranked=False) as (loaded, snapshot, hits):
                allowed = search.mask(loaded, hits, filter)
                vectors = loaded.vectors_of(setting_id, dimensions, snapshot)
                return vectors.most_similar(loaded.table, vector, allowed, excluded, max_results, threshold)

        return _responses(await self._run(answer))

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

    async def _refresh(self, dataset: Dataset, records: Iterable[Record]) -> None:
        dataset_id, ids = dataset.id.hex, [record.id.hex for record in records]
        await self._run(lambda: self._shared.index.refresh(dataset_id, ids))

    async def _run(self, work: Callable[[], _T]) -> _T:
        """Runs in a thread, so that the event loop goes on serving."""
        return await asyncio.get_running_loop().run_in_executor(self._shared.threads, work)


def _responses(page: Page) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(hit.record_id), score=hit.score) for hit in page.hits]
    return SearchResponses(items=items, total=page.total)
