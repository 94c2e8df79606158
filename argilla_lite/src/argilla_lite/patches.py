"""Patches of argilla_server 2.8.0. Answers stay the same, except that fewer of them are 500.

1. `Question.parsed_settings` and `MetadataProperty.parsed_settings` build a pydantic TypeAdapter at each
   access, several times per record (models/database.py:294, 371). The patch keeps the adapters.
2. Argilla builds a webhook event for each record, with a handful of queries, even when no webhook listens
   (webhooks/v1/records.py). The patch first looks whether one does, once per request's database session.
3. A job that cannot be queued because Redis is gone waits on disk instead of failing the request:
   `without_redis`.
4. A webhook's id is that of its job, so that a listener can tell a repeated delivery from a new event, as the
   Standard Webhooks specification demands. Argilla makes a new id per attempt
   (webhooks/v1/commons.py:_generate_msg_id).
5. A single record with vectors is loaded with the settings that name the vectors
   (api/handlers/v1/records.py:get_record). Otherwise the request fails with 500, and the page's "find
   similar: least" goes on showing its previous result.
6. JSON columns, requests and answers are read and written with orjson, and answers are compressed with less
   effort: `patches_encoding`.
7. Suggestions and vectors of a bulk request are written without being read back: `patches_bulk`.
8. Webhooks are delivered with one TLS context. httpx makes one for each delivery, for which it reads all root
   certificates: a quarter of a delivery's processor time.
9. The web page shows a suggested label or rating without choosing it in advance: `web_page`.

Patches 1, 2, 6, 7 and 8 save time, above all while records are logged. All are applied only to the version of
argilla_server that they were written for. `ARGILLA_LITE_PATCHES=0` (`argilla-lite up --no-patches`) leaves
argilla_server as it is.
"""

from __future__ import annotations

import functools
import importlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession

from argilla_lite.home import Home
from argilla_lite.patches_bulk import upsert_without_reading_back
from argilla_lite.patches_encoding import answer_with_orjson, compress_less, use_orjson
from argilla_lite.without_redis import JobSpool

PATCHED_VERSION = "2.8.0"
_LISTENING = "argilla_lite_events_listened_to"
job_spool: JobSpool | None = None  # set when the patches are applied; the server queues its jobs
_NOTIFYING_MODULES = ("bulk.records_bulk", "contexts.records", "contexts.distribution")


def wanted() -> bool:
    """Whether argilla_server is the version that the patches are for, and nobody has switched them off."""
    from argilla_server._version import __version__

    return __version__ == PATCHED_VERSION and os.environ.get("ARGILLA_LITE_PATCHES") != "0"


def apply(app: FastAPI) -> bool:
    """Patches argilla_server and its application `app`, which has not started yet. Returns whether it did."""
    if not wanted():
        return False
    _keep_type_adapters()
    _build_events_for_listeners_only()
    _name_webhooks_after_their_jobs()
    _share_tls_context()
    _name_vectors_of_one_record()
    upsert_without_reading_back()
    use_orjson()
    answer_with_orjson()
    compress_less(app)
    if home := os.environ.get("ARGILLA_HOME_PATH"):
        global job_spool
        job_spool = JobSpool(Home(Path(home)).spool_file)
        job_spool.patch()
    return True


def _name_vectors_of_one_record() -> None:
    from argilla_server.api.handlers.v1 import records
    from argilla_server.models import Record, Vector

    load = records.selectinload

    def selectinload(attribute: Any) -> Any:
        loaded = load(attribute)
        return loaded.selectinload(Vector.vector_settings) if attribute is Record.vectors else loaded

    records.selectinload = selectinload


def _keep_type_adapters() -> None:
    from argilla_server.models import database
    from pydantic import TypeAdapter

    adapters: dict[int, tuple[Any, TypeAdapter[Any]]] = {}

    def adapter(kind: Any) -> TypeAdapter[Any]:
        # By identity, because annotated types may not be hashable. These unions live as long as their module.
        if id(kind) not in adapters:
            adapters[id(kind)] = kind, TypeAdapter(kind)
        return adapters[id(kind)][1]

    database.TypeAdapter = adapter


def _build_events_for_listeners_only() -> None:
    for name in _NOTIFYING_MODULES:
        module = importlib.import_module(f"argilla_server.{name}")
        module.notify_record_event_v1 = _when_listened_to(module.notify_record_event_v1)  # type: ignore[attr-defined]


def _name_webhooks_after_their_jobs() -> None:
    from argilla_server.webhooks.v1 import commons
    from rq import get_current_job

    original = commons._generate_msg_id

    def message_id() -> str:
        job = get_current_job()
        return f"msg_{job.id}" if job else str(original())

    commons._generate_msg_id = message_id


def _share_tls_context() -> None:
    import httpx
    from argilla_server.webhooks.v1 import commons

    post = functools.partial(httpx.post, verify=httpx.create_ssl_context())
    setattr(commons, "httpx", SimpleNamespace(post=post))  # noqa: B010 - a type checker minds a plain assignment


def _when_listened_to(notify: Callable[..., Awaitable[list[Any]]]) -> Callable[..., Awaitable[list[Any]]]:
    @functools.wraps(notify)
    async def wrapper(db: AsyncSession, event: str, record: Any) -> list[Any]:
        from argilla_server.contexts import webhooks

        if _LISTENING not in db.info:
            enabled = await webhooks.list_enabled_webhooks(db)
            db.info[_LISTENING] = {name for webhook in enabled for name in webhook.events}
        if event not in db.info[_LISTENING]:
            return []
        return await notify(db, event, record)

    return wrapper
