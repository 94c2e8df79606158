"""Who did what on the page, and when: ``actions.jsonl`` in the state folder, and the log of promotions."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timezone

from filelock import FileLock
from pydantic import BaseModel, ConfigDict, ValidationError

from curation import Home, append_line, read_whole_lines
from dashboards.wording import aware
from serving import ReleaseStore

_FILE = "actions.jsonl"
_LOCK = ".actions.lock"


class Action(BaseModel):
    """``who`` did ``what`` at that time; ``about`` names the run or release."""

    model_config = ConfigDict(frozen=True)

    at: datetime
    who: str
    what: str
    about: str = ""


def note_action(home: Home, who: str, what: str, about: str = "") -> None:
    """Write it down, before it is done; where the doing shows whether there was anything to do, after it.
    Raises StateError where that is not possible."""
    line = Action(at=datetime.now(timezone.utc), who=who, what=what, about=about)
    home.root.mkdir(parents=True, exist_ok=True)
    with FileLock(home.root / _LOCK):
        append_line(home.root / _FILE, line.model_dump_json().encode())


def read_actions(home: Home, most: int) -> Sequence[Action]:
    """The last ``most``, newest first, those of programs among the promotions. A damaged line is left out.
    Raises StateError where a log can't be read."""
    found = []
    for line in read_whole_lines(home.root / _FILE):
        try:
            found.append(Action.model_validate_json(line))
        except ValidationError:
            continue
    for one in ReleaseStore(home).promotions.lines():
        found.append(Action(at=one.at, who=one.who or one.by, what="promoted", about=one.release))
    return sorted(found, key=lambda action: aware(action.at), reverse=True)[:most]
