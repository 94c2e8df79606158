"""Something that could not be read, said so that a person knows what to do."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from curation import ClayloopError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """``message`` says what is wrong and where, ``hint`` what to do about it. Both are plain text, not
    markup."""

    message: str
    hint: str = ""


def notice_of(error: Exception, what: str) -> Notice:
    """``error`` as a notice. What a ClayloopError says is meant to be read; of others only the kind is shown,
    since their text may quote anything, and the rest goes to the log. ``what`` names what could not be
    read."""
    if isinstance(error, ClayloopError):
        return Notice(error.message, error.hint)
    log.warning("%s cannot be read", what, exc_info=error)
    return Notice(f"{what} cannot be read ({type(error).__name__}).", "The dashboard's log says more.")
