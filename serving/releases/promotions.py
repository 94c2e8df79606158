"""Who promoted what and when: ``releases/promotions.jsonl``, one line for each promotion, synced before the pointer moves.

The pointer tells what is served; the log tells a release that was never served from one that somebody took back.
"""

from __future__ import annotations

import logging
from datetime import datetime, timezone
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from curation import append_line, read_whole_lines

log = logging.getLogger(__name__)

# Who promotes, where it is not a training run (then it is the run's id).
PERSON = "promote"
BOOTSTRAP = "bootstrap"
REINDEX = "reindex"
_NO_RUN = (PERSON, BOOTSTRAP, REINDEX)


class Promotion(BaseModel):
    """One line. ``sequence`` counts from 1. ``before`` is the release that was served then, None where there was none or
    nobody could tell. ``by`` is PERSON, BOOTSTRAP, REINDEX, or the id of a training run."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    release: str
    before: str | None
    at: datetime
    by: str


class PromotionLog:
    """The log in the folder of releases. Homes of earlier versions have none, or one that begins in the middle."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Promotion]:
        """All promotions, oldest first. A damaged line is left out: nobody is kept from going back by it. Raises
        StateError when the file can't be read."""
        found = []
        for line in read_whole_lines(self.path):
            try:
                found.append(Promotion.model_validate_json(line))
            except ValidationError:
                log.warning("%s: a line is damaged and left out", self.path)
        return found

    def append(self, release: str, before: str | None, by: str) -> None:
        """Add a line and sync it. The caller holds the lock of those who promote. Raises StateError, for example on a full
        disk: then there is no new line."""
        sequence = max((line.sequence for line in self.lines()), default=0) + 1
        line = Promotion(
            sequence=sequence, release=release, before=before, at=datetime.now(timezone.utc), by=by
        )
        append_line(self.path, line.model_dump_json().encode())

    def ends_with(self, release: str) -> bool:
        """Whether the last promotion was that of ``release``."""
        return any(line.release == release for line in self.lines()[-1:])

    def is_overruled(self, by: str, release: str | None) -> bool:
        """Whether ``release``, or what the run ``by`` promoted, was promoted before and another release has been since.

        By the run, too: its release may have been deleted, and would be made again under another id. A promotion that came no
        further than its line before somebody indexed anew was none: nobody had it, and nobody spoke against it."""
        lines = self.lines()
        made = {line.release for line in lines if line.by == by and by not in _NO_RUN}
        made |= {release} if release else set()
        came = [
            line
            for line, following in zip(lines, [*lines[1:], None], strict=False)
            if following is None or following.by != REINDEX or following.before == line.release
        ]
        known = any(line.release in made or line.before in made for line in came)
        return known and lines[-1].release not in made

    def origin(self, release: str) -> tuple[str, Promotion | None]:
        """What ``release`` is but for its documents (a release that was indexed anew is the one before it), and the last
        promotion of that, None where the log does not reach back so far."""
        for line in reversed(self.lines()):
            if line.release != release:
                continue
            if line.by != REINDEX or line.before is None:
                return release, line
            release = line.before
        return release, None


def is_by_hand(promotion: Promotion) -> bool:
    """Whether a person chose this release over another one; the first one of all was no choice."""
    is_first = promotion.sequence == 1 and promotion.before is None
    return promotion.by in (PERSON, BOOTSTRAP) and not is_first
