"""Answers requests with status 507 and a message when the disk is full, where Argilla answers 500."""

from __future__ import annotations

import sqlite3

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DBAPIError
from starlette.routing import Mount

_SIGNS = ("disk is full", "disk I/O error", "No space left on device", "could not extend file")
_STATUS = 507  # Insufficient Storage (RFC 4918)


def explain_full_disk(application: FastAPI) -> None:
    """Adds the error handlers to the application and to those mounted in it."""
    application.add_exception_handler(DBAPIError, _answer)
    application.add_exception_handler(sqlite3.OperationalError, _answer)
    for route in application.router.routes:
        if isinstance(route, Mount) and isinstance(route.app, FastAPI):
            explain_full_disk(route.app)


async def _answer(_request: Request, error: Exception) -> JSONResponse:
    # The driver's message, without the statement and its parameters, which may hold users' data.
    message = str(error.orig) if isinstance(error, DBAPIError) else str(error)
    if not any(sign in message for sign in _SIGNS):
        raise error
    return JSONResponse(
        status_code=_STATUS,
        content={
            "detail": f"Argilla's disk is full or cannot be written ({message}). "
            "Nothing of this request was stored."
        },
    )
