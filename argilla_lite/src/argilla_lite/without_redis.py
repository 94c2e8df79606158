"""Lets Argilla's requests succeed while Redis is gone: their jobs wait in a spool.

When a webhook event cannot be queued, Argilla stores the response but answers 500: the annotator submits
again, and the event is lost. `PATCH /datasets` fails in the same way. This patches the jobs behind these
requests. Imports from and exports to the Hugging Face hub are not patched, because their requests answer with
the job.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import redis
from fastapi import FastAPI
from rq.job import Job

from argilla_lite.spool import Spool

_LOGGER = logging.getLogger("argilla_lite")
_PAUSE = 0.5  # seconds between two attempts to empty the spool


@dataclass(frozen=True)
class _Kind:
    """A kind of job: functions that turn its arguments to JSON and back, and rq's function to queue it."""

    pack: Callable[..., list[Any]]
    unpack: Callable[..., tuple[Any, ...]]
    queue: Callable[..., Any]


class JobSpool:
    """Queues jobs in Redis, or keeps them in `file` until Redis is back."""

    def __init__(self, file: Path) -> None:
        self._spool = Spool(file)
        self._kinds: dict[str, _Kind] = {}

    def patch(self) -> None:
        """Replaces the functions that queue webhook events and updates of a dataset's record statuses."""
        from argilla_server.jobs import dataset_jobs, webhook_jobs

        self._take_over(
            "notify_event",
            webhook_jobs.notify_event_job,
            lambda webhook, event, timestamp, data: [str(webhook), str(event), timestamp.isoformat(), data],
            lambda webhook, event, timestamp, data: (
                uuid.UUID(webhook),
                event,
                datetime.fromisoformat(timestamp),
                data,
            ),
        )
        self._take_over(
            "update_statuses",
            dataset_jobs.update_dataset_records_status_job,
            lambda dataset: [str(dataset)],
            lambda dataset: (uuid.UUID(dataset),),
        )

    def _take_over(
        self, name: str, job: Any, pack: Callable[..., list[Any]], unpack: Callable[..., tuple[Any, ...]]
    ) -> None:
        self._kinds[name] = _Kind(pack, unpack, job.delay)

        def delay(*arguments: Any) -> Any:
            job_id = str(uuid.uuid4())
            # When jobs wait already, this one waits behind them, so that events keep their order.
            if self._spool.is_empty():
                try:
                    return self._kinds[name].queue(*arguments, job_id=job_id)
                except redis.RedisError as error:
                    _LOGGER.warning("Redis does not answer (%s): jobs wait until it is back.", error)
            self._spool.add(job_id, name, pack(*arguments))
            return None

        job.delay = delay

    @contextlib.asynccontextmanager
    async def emptied(self) -> AsyncIterator[None]:
        """Empties the spool in the background, within this context, whenever Redis answers."""
        task = asyncio.create_task(self._keep_emptying())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _keep_emptying(self) -> None:
        while True:
            with contextlib.suppress(redis.RedisError, sqlite3.Error):
                while moved := await asyncio.to_thread(self._spool.drain, self._queue_again):
                    _LOGGER.warning("Redis is back: %s waiting jobs were queued.", moved)
            await asyncio.sleep(_PAUSE)

    def _queue_again(self, job_id: str, name: str, arguments: list[Any]) -> None:
        from argilla_server.jobs.queues import REDIS_CONNECTION

        # The first attempt may have succeeded although its answer was lost.
        if not Job.exists(job_id, connection=REDIS_CONNECTION):
            kind = self._kinds[name]
            kind.queue(*kind.unpack(*arguments), job_id=job_id)


def keep_emptying(application: FastAPI, spool: JobSpool) -> None:
    """Has the application queue the spool's jobs again whenever Redis answers."""
    original = application.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(started: Any) -> AsyncIterator[Any]:
        async with original(started) as state, spool.emptied():
            yield state

    application.router.lifespan_context = lifespan
