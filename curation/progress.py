"""How long work reports its progress, without knowing who shows it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

Advance = Callable[[int], None]


class Progress(Protocol):
    """Somewhere to report to: the command line draws bars, tests and libraries stay silent."""

    def task(
        self, description: str, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Advance]:
        """A piece of work with ``total`` units; the value entered is called with how many were just done."""

    def say(self, line: str) -> None:
        """One line that a person should see (plain text, no markup)."""


class Silent:
    """Reports nothing."""

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        yield lambda done: None

    def say(self, line: str) -> None:
        return None


SILENT = Silent()
