"""What is noted about releases beside what they are: which are pinned, which the bot could not serve,
and which answers a share of the conversations.

A release itself is never changed. ``releases/marks.json`` is a file that people can read.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

from filelock import FileLock
from pydantic import BaseModel, Field

from curation import StateError, read_record, write_json
from serving.releases.canary import Canary


class Failure(BaseModel):
    """Why a bot could not serve a release, and when that was last so."""

    why: str
    at: datetime


class Marks(BaseModel):
    """``pinned`` releases stay: they are not removed, and while one is served only a person promotes another.
    ``failed`` maps a release to why it was not served. ``canary`` is the candidate that some visitors get."""

    pinned: list[str] = Field(default_factory=list)
    failed: dict[str, Failure] = Field(default_factory=dict)
    canary: Canary | None = None

    @property
    def kept(self) -> set[str]:
        """The releases that are not to be removed."""
        return {*self.pinned, *([self.canary.release] if self.canary else [])}


class MarkFile:
    """The marks in the folder of releases."""

    def __init__(self, root: Path) -> None:
        self.path = root / "marks.json"

    def read(self) -> Marks:
        """Raises StateError for a file that holds no marks."""
        try:
            return read_record(self.path, Marks)
        except FileNotFoundError:
            return Marks()
        except StateError as error:
            raise StateError(
                f"{self.path} is damaged.", "Mend it, or delete it: then no release is pinned."
            ) from error

    def pin(self, release_id: str, on: bool) -> bool:
        """Pin a release, or let it go. False when it was so already."""
        with self._locked():
            marks = self.read()
            if (release_id in marks.pinned) == on:
                return False
            marks.pinned = sorted({*marks.pinned, release_id} - ({release_id} if not on else set()))
            self._write(marks)
        return True

    def set_canary(self, canary: Canary | None) -> None:
        """Begin a canary, give it another share, or end it."""
        with self._locked():
            marks = self.read()
            marks.canary = canary
            self._write(marks)

    def end_canary(self, release_id: str) -> None:
        """End the canary if it is this release: it is served to all."""
        with self._locked():
            marks = self.read()
            if marks.canary is not None and marks.canary.release == release_id:
                marks.canary = None
                self._write(marks)

    def failed(self, release_id: str, why: str | None) -> None:
        """Note why a release could not be served; None: it can be."""
        known = self.read().failed.get(release_id)
        if (known.why if known else None) == why:
            return
        with self._locked():
            marks = self.read()
            marks.failed.pop(release_id, None)
            if why is not None:
                marks.failed[release_id] = Failure(why=why, at=datetime.now(timezone.utc))
            self._write(marks)

    def forget(self, release_id: str) -> None:
        """Nothing is noted about a release any more: it is gone."""
        self.pin(release_id, on=False)
        self.failed(release_id, None)

    def _locked(self) -> FileLock:
        return FileLock(self.path.with_name(".marks.lock"))

    def _write(self, marks: Marks) -> None:
        write_json(self.path, marks.model_dump(mode="json"))
