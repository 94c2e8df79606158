"""Patches that make argilla_server read, write and compress JSON faster.

While its event loop is busy, every annotator waits. py-spy showed, while records with vectors were logged 256
at a time, that a third of the loop's busy time went into reading JSON columns, a quarter into writing them,
and a quarter into Brotli at quality 7. Of the rest a third went into the JSON of requests and answers.
"""

from __future__ import annotations

import json
from typing import Any

import orjson
from fastapi import FastAPI

from argilla_lite.engine.source import parsed

_BROTLI_QUALITY = 1  # a tenth of the time of 7, for answers that are a fifth larger


def use_orjson() -> None:
    """Has SQLAlchemy read and write JSON columns with orjson.

    What orjson cannot do (numbers of more than 64 bits, NaN) falls back to the standard library. Text is
    stored without the blanks after commas and colons.
    """
    from argilla_server.database import async_engine

    # sqlalchemy.types.JSON asks the dialect for these at each statement; asyncpg takes them when it connects.
    dialect: Any = async_engine.sync_engine.dialect
    dialect._json_serializer = _dumped
    dialect._json_deserializer = parsed


def answer_with_orjson() -> None:
    """Has Starlette read requests and write answers with orjson.

    NaN is written as null; Starlette's own encoder fails on it.
    """
    from starlette.requests import Request
    from starlette.responses import JSONResponse

    async def read(request: Request) -> Any:
        if not hasattr(request, "_json"):
            request._json = parsed(await request.body())
        return request._json

    original = JSONResponse.render

    def render(self: JSONResponse, content: Any) -> bytes:
        try:
            return orjson.dumps(content, option=orjson.OPT_NON_STR_KEYS)
        except TypeError:  # a number of more than 64 bits
            return original(self, content)

    setattr(Request, "json", read)  # noqa: B010 - a type checker minds a plain assignment
    setattr(JSONResponse, "render", render)  # noqa: B010


def compress_less(app: FastAPI) -> None:
    """Lowers the Brotli middleware's quality (_app.py:212). Call it before the application starts."""
    for middleware in app.user_middleware:
        if getattr(middleware.cls, "__name__", "") == "BrotliMiddleware":
            middleware.kwargs["quality"] = _BROTLI_QUALITY


def _dumped(value: object) -> str:
    try:
        text = orjson.dumps(value)
    except TypeError:
        return json.dumps(value)
    # orjson writes null for NaN and the infinities. json.dumps keeps them, so they can be read back.
    if b"null" in text:
        return json.dumps(value)
    return text.decode()
