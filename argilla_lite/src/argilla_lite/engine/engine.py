"""The plug-in: argilla_server's SearchEngine interface over Argilla's own database and the text index."""

from __future__ import annotations

import asyncio
import functools
import os
import sqlite3
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
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

from argilla_lite import __version__
from argilla_lite.engine import metrics
from argilla_lite.engine.connections import Connections
from argilla_lite.engine.search import Page, Searcher
from argilla_lite.engine.similarity import VectorCache
from argilla_lite.engine.text_index import TextIndex
from argilla_lite.home import Home
from argilla_lite.services import ENGINE_NAME

_THREADS = 4
_T = TypeVar("_T")


class _Shared:
    """What all engine objects of a process share: argilla_server makes a new one for each request."""

    def __init__(self) -> None:
        if not settings.database_is_sqlite:
            raise RuntimeError("The argilla_lite engine needs Argilla's database to be SQLite for now.")
        home = Home(Path(str(settings.home_path)))
        self.connections = Connections(home.database, home.text_index)
        self.index = TextIndex(self.connections)
        self.index.create()
        self.searcher = Searcher(self.index)
        self.vectors = VectorCache()
        self.threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="search")


@functools.lru_cache(maxsize=1)
def _shared_in(_process: int) -> _Shared:
    return _Shared()


@SearchEngine.register(engine_name=ENGINE_NAME)
class EmbeddedSearchEngine(SearchEngine):
    """Searches with SQL. Only three calls write anything: those that add, change or remove text."""

    def __init__(self) -> None:
        # By process, because a forked rq job must not use its parent's threads and connections.
        self._shared = _shared_in(os.getpid())

    @classmethod
    async def new_instance(cls) -> EmbeddedSearchEngine:
        return cls()

    async def close(self) -> None:
        """Nothing to close: connections are the process's."""

    async def ping(self) -> bool:
        return await self._run(
            lambda reader: reader.execute("SELECT 1 FROM text.documents LIMIT 1") is not None
        )

    async def info(self) -> dict[str, str]:
        """Shown to anybody by GET /status: no paths, no counts."""
        return {"name": ENGINE_NAME, "version": __version__, "sqlite": sqlite3.sqlite_version}

    async def create_index(self, dataset: Dataset) -> None:
        dataset_id = dataset.id.hex
        await self._run(lambda _: self._shared.index.refresh(dataset_id, []))

    async def delete_index(self, dataset: Dataset) -> None:
        dataset_id = dataset.id.hex
        await self._run(lambda _: self._shared.index.drop(dataset_id))

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
        return await self._run(lambda reader: metrics.progress(reader, dataset_id))

    async def get_dataset_user_progress(self, dataset: Dataset, user: User) -> dict[str, int]:
        if dataset.is_draft:
            return {}
        dataset_id, user_id = dataset.id.hex, user.id.hex
        return await self._run(lambda reader: metrics.user_progress(reader, dataset_id, user_id))

    async def compute_metrics_for(self, metadata_property: MetadataProperty) -> MetadataMetrics:
        dataset_id, name = metadata_property.dataset_id.hex, metadata_property.name
        kind = metadata_property.type.value
        return await self._run(lambda reader: metrics.for_property(reader, dataset_id, name, kind))

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
        return _responses(
            await self._run(
                lambda reader: self._shared.searcher.search(
                    reader, dataset_id, query, filter, sort, offset, limit, user_id
                )
            )
        )

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

        def answer(reader: sqlite3.Connection) -> Page:
            allowed = None
            if query is not None or filter is not None:
                allowed = self._shared.searcher.matching(reader, dataset_id, query, filter)
            return self._shared.vectors.most_similar(
                reader, dataset_id, setting_id, dimensions, vector, allowed, excluded, max_results, threshold
            )

        return _responses(await self._run(answer))

    async def _refresh(self, dataset: Dataset, records: Iterable[Record]) -> None:
        dataset_id, ids = dataset.id.hex, [record.id.hex for record in records]
        await self._run(lambda _: self._shared.index.refresh(dataset_id, ids))

    async def _run(self, work: Callable[[sqlite3.Connection], _T]) -> _T:
        """Runs in a thread with that thread's connection, so that the event loop goes on serving."""
        shared = self._shared
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(shared.threads, lambda: work(shared.connections.reader()))


def _responses(page: Page) -> SearchResponses:
    items = [SearchResponseItem(record_id=UUID(hit.record_id), score=hit.score) for hit in page.hits]
    return SearchResponses(items=items, total=page.total)
