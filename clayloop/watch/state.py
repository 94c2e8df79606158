"""What the watcher stores for its next start; all else it reads from Argilla, the runs and the releases."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel

from curation import StateError, read_record, write_json

log = logging.getLogger(__name__)


class LastRetrain(BaseModel):
    """The retrain that the watcher started last. ``outcome`` and ``verdict`` are empty when it failed."""

    started_at: datetime
    why: str
    exit_code: int
    outcome: str = ""
    verdict: str = ""


class WatchState(BaseModel):
    """The content of watch.json.

    ``failures`` counts the failed retrains since the last that succeeded. Before ``retry_at`` the watcher
    starts none, unless somebody asks for it. ``request`` is the id of the request that was tried last.
    """

    failures: int = 0
    retry_at: datetime | None = None
    request: str | None = None
    last: LastRetrain | None = None

    def save(self, path: Path) -> None:
        """Raises StateError when the disk is full."""
        write_json(path, self.model_dump(mode="json"))


def load_state(path: Path) -> WatchState:
    """Read the saved state. When there is none or it is damaged, start with an empty one."""
    try:
        return read_record(path, WatchState)
    except FileNotFoundError:
        return WatchState()
    except StateError as error:
        log.warning("%s: starting afresh", error.message)
        return WatchState()
