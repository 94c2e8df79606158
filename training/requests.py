"""Asking whoever watches over the state folder for a retrain: a file in ``runs/``, which the watcher removes."""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from curation.errors import StateError
from curation.files import read_json, write_json
from curation.home import Home

_FILE = "requested.json"


class RetrainRequest(BaseModel):
    """Somebody wants a retrain now. ``by`` is for people: who or what asked."""

    model_config = ConfigDict(frozen=True)

    id: str
    by: str
    asked_at: datetime


def ask_for_retrain(home: Home, by: str) -> RetrainRequest:
    """Leave a request; it takes the place of one that nobody has answered yet. Raises StateError when it can't be
    written."""
    request = RetrainRequest(id=uuid4().hex, by=by, asked_at=datetime.now(timezone.utc))
    write_json(home.runs / _FILE, request.model_dump(mode="json"))
    return request


def pending_request(home: Home) -> RetrainRequest | None:
    """The request that waits, if one does. One that cannot be read still is one: it is answered once, and removed."""
    path = home.runs / _FILE
    try:
        return RetrainRequest.model_validate(read_json(path))
    except FileNotFoundError:
        return None
    except (OSError, StateError, ValidationError):
        try:
            asked_at = datetime.fromtimestamp(path.stat().st_mtime, timezone.utc)
        except OSError:
            return None
        return RetrainRequest(id="", by="somebody (the request is damaged)", asked_at=asked_at)


def settle_request(home: Home, request: RetrainRequest) -> None:
    """Remove the request once it is answered, but not one that came in meanwhile."""
    waiting = pending_request(home)
    if waiting is not None and waiting.id == request.id:
        (home.runs / _FILE).unlink(missing_ok=True)
