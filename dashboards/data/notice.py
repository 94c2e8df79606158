"""Something that could not be read, and what a person can do about it."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from curation import ClayloopError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Notice:
    """``message`` says what is wrong and where, ``hint`` what to do about it: both plain text."""

    message: str
    hint: str = ""


def notice_of(error: BaseException, what: str) -> Notice:
    """``error`` as a notice; ``what`` names what could not be read. Only a ClayloopError's text is shown:
    others may quote anything, so their type is shown and the rest goes to the log."""
    if isinstance(error, ClayloopError):
        return Notice(error.message, error.hint)
    log.warning("%s cannot be read", what, exc_info=error)
    return Notice(f"{what} cannot be read ({type(error).__name__}).", "The dashboard's log says more.")
