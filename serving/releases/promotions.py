"""Who promoted what and when: ``releases/promotions.jsonl``, a line for each promotion.

The line is on the disk before the pointer moves. The pointer tells what is served; the log tells a release
that was never served from one that somebody took back.
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
ANSWERS = "retrain-answers"
_CARRYING = (REINDEX, ANSWERS)  # their releases have the embedding model of the one before
_NO_RUN = (PERSON, BOOTSTRAP, *_CARRYING)


class Promotion(BaseModel):
    """One line. ``sequence`` counts from 1. ``before`` is the release that was served until then, None where
    there was none or the pointer was damaged. ``by`` is PERSON, BOOTSTRAP, REINDEX, ANSWERS, or the id of a
    training run, ``who`` the name of the person, where it is known."""

    model_config = ConfigDict(frozen=True)

    sequence: int
    release: str
    before: str | None
    at: datetime
    by: str
    who: str = ""

    @property
    def is_by_hand(self) -> bool:
        """Whether a person chose this release over another one; the first one of all was no choice."""
        is_first = self.sequence == 1 and self.before is None
        return self.by in (PERSON, BOOTSTRAP) and not is_first


class PromotionLog:
    """The log in the folder of releases."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def lines(self) -> list[Promotion]:
        """All promotions, oldest first. Raises StateError when the file can't be read.

        A damaged line is left out, so that it keeps nobody from going back to an earlier release.
        """
        found = []
        for line in read_whole_lines(self.path):
            try:
                found.append(Promotion.model_validate_json(line))
            except ValidationError:
                log.warning("%s: a line is damaged and left out", self.path)
        return found

    def append(self, release: str, before: str | None, by: str, who: str = "") -> None:
        """Add a line and sync it. The caller holds the lock of those who promote. Raises StateError, for
        example on a full disk: then there is no new line."""
        sequence = max((line.sequence for line in self.lines()), default=0) + 1
        line = Promotion(
            sequence=sequence, release=release, before=before, at=datetime.now(timezone.utc), by=by, who=who
        )
        append_line(self.path, line.model_dump_json().encode())

    def ends_with(self, release: str) -> bool:
        """Whether the last promotion was that of ``release``."""
        return any(line.release == release for line in self.lines()[-1:])

    def is_overruled(self, by: str, release: str | None) -> bool:
        """Whether ``release``, or another one of the run ``by``, was promoted before and is not the last one
        promoted.

        The run counts because its release may have been deleted and would be made again under another id. A
        line followed by a reindex of the release before it is a promotion that was killed before the pointer
        moved: it never was served, so nobody took it back.
        """
        lines = self.lines()
        made = {line.release for line in lines if line.by == by and by not in _NO_RUN}
        made |= {release} if release else set()
        served = [
            line
            for line, following in zip(lines, [*lines[1:], None], strict=False)
            if following is None or following.by not in _CARRYING or following.before == line.release
        ]
        return any(line.release in made for line in served) and lines[-1].release not in made

    def served(self) -> list[str]:
        """The releases that led to what was promoted last, oldest first: each was served when the next one
        was promoted. What was taken back since is none of them, so that a second step back goes further."""
        found: list[str] = []
        for line in self.lines():
            for release in (line.before, line.release):
                if release in found:  # a promotion that was killed before the pointer moved does not count
                    del found[found.index(release) + 1 :]
                elif release is not None:
                    found.append(release)
        return found

    def first(self, release: str) -> Promotion | None:
        """The first promotion of ``release``, which says what it followed; None where nobody knows."""
        return next((line for line in self.lines() if line.release == release), None)

    def origin(self, release: str) -> Promotion | None:
        """The last promotion of ``release``, or, where it was made by a reindex or for another answering
        model, of the release whose embedding model it has. None where it was never promoted."""
        for line in reversed(self.lines()):
            if line.release != release:
                continue
            if line.by not in _CARRYING or line.before is None:
                return line
            release = line.before
        return None
