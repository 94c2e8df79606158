"""Asking whoever watches over the state folder for a retrain: a file in ``runs/``, which the watcher removes.

Who watches holds a lock on the folder, so that others can tell whether anybody does.
"""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import uuid4

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict

from curation import Home, StateError, read_record, write_json

_FILE = "requested.json"
_LOCK = ".watch.lock"
_PROBE = 0.02  # seconds: two that only look must not take each other for a watcher


class RetrainRequest(BaseModel):
    """Somebody wants a retrain now. ``by`` is for people: who or what asked."""

    model_config = ConfigDict(frozen=True)

    id: str
    by: str
    asked_at: datetime


def ask_for_retrain(home: Home, by: str) -> RetrainRequest:
    """Leave a request; it takes the place of one that nobody has answered yet. Raises StateError when it
    can't be written."""
    request = RetrainRequest(id=uuid4().hex, by=by, asked_at=datetime.now(timezone.utc))
    write_json(home.runs / _FILE, request.model_dump(mode="json"))
    return request


def pending_request(home: Home) -> RetrainRequest | None:
    """The request that waits, if one does. One that cannot be read still is one: it is answered once, and
    removed."""
    path = home.runs / _FILE
    try:
        return read_record(path, RetrainRequest)
    except FileNotFoundError:
        return None
    except StateError:
        try:
            written = path.stat().st_mtime_ns
        except OSError:
            return None
        return RetrainRequest(
            id=f"damaged-{written}",
            by="somebody (the request is damaged)",
            asked_at=datetime.fromtimestamp(written / 1e9, timezone.utc),
        )


def settle_request(home: Home, request: RetrainRequest) -> None:
    """Remove the request once it is answered, but not one that came in meanwhile."""
    waiting = pending_request(home)
    if waiting is not None and waiting.id == request.id:
        (home.runs / _FILE).unlink(missing_ok=True)


def watch_lock(home: Home) -> FileLock:
    """What a watcher holds while it is at work. Whoever only looks (`is_watched`) holds it for an instant:
    take it with a timeout of some tenths of a second."""
    return FileLock(home.root / _LOCK)


def is_watched(home: Home) -> bool:
    """Whether a watcher is at work on the state folder. Raises OSError when the folder cannot be written."""
    if not home.root.is_dir():
        return False
    lock = watch_lock(home)
    try:
        lock.acquire(timeout=_PROBE, poll_interval=_PROBE / 4)
    except Timeout:
        return True
    lock.release()
    return False
