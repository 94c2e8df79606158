"""What the watcher must not forget when it is restarted. All else is read from Argilla, the runs and the
releases."""

from __future__ import annotations

import logging
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from curation import StateError, read_json, write_json

log = logging.getLogger(__name__)


class LastRetrain(BaseModel):
    """The retrain that the watcher started last. ``outcome`` and ``verdict`` are empty when it failed."""

    started_at: datetime
    why: str
    exit_code: int
    outcome: str = ""
    verdict: str = ""


class WatchState(BaseModel):
    """watch.json. ``failures`` in a row; nothing is tried before ``retry_at``, unless somebody asks.
    ``settled`` is the digest of what Argilla held when the last retrain ended well, ``settled_run`` the
    unfinished run that it was started for, ``request`` the id of the request that was tried last: the same
    need not be tried again."""

    failures: int = 0
    retry_at: datetime | None = None
    settled: str = ""
    settled_run: str = ""
    request: str | None = None
    last: LastRetrain | None = None

    def save(self, path: Path) -> None:
        """Raises StateError when the disk is full."""
        write_json(path, self.model_dump(mode="json"))


def load_state(path: Path) -> WatchState:
    """What was saved; a fresh state when there is none or it is damaged: it costs one wait at most."""
    try:
        return WatchState.model_validate(read_json(path))
    except FileNotFoundError:
        return WatchState()
    except (OSError, StateError, ValidationError) as error:
        log.warning("%s cannot be read (%s): starting afresh", path, type(error).__name__)
        return WatchState()
