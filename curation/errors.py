"""The errors that clayloop raises on purpose: each says what is wrong, where, and what to do."""

from __future__ import annotations


class ClayloopError(Exception):
    """Base of every error that a user is meant to read.

    ``message`` names what is wrong and where; ``hint`` says what to do about it. ``exit_code`` is what the
    command line returns for it and never changes between versions.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message


class SettingsError(ClayloopError):
    """The settings file or an option is wrong."""

    exit_code = 2


class SourceError(ClayloopError):
    """Documents could not be read: a missing folder, an unknown source, nothing to ingest."""

    exit_code = 3


class ArgillaError(ClayloopError):
    """Argilla is down, refuses the key, or holds a dataset that is not ours."""

    exit_code = 4


class LanguageModelError(ClayloopError):
    """The language model's endpoint is down or answers what cannot be used."""

    exit_code = 5


class ReleaseError(ClayloopError):
    """A release is missing, incomplete or corrupt."""

    exit_code = 6


class BusyError(ClayloopError):
    """Another process holds what this one needs (a second retrain, a second ingest)."""

    exit_code = 7


class StateError(ClayloopError):
    """The state folder cannot be written, or lacks what has to come first (no corpus, no release)."""

    exit_code = 8


def first_line(error: BaseException) -> str:
    """What an exception says, without the long explanations that libraries append."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
