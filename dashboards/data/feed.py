"""What takes long to read, such as what Argilla knows: read in a thread, once for all open pages."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import Generic, TypeVar

from curation import Advance
from dashboards.data.notice import Notice, notice_of

T = TypeVar("T")

OLD = 10
"""A snapshot older than this many intervals is not shown; the page waits for a new one."""


@dataclass(frozen=True)
class Snapshot(Generic[T]):
    """What was read last. ``items`` is the last answer, which outlives a failure; None before the first one.
    ``taken_at`` is when that was (UTC). ``problem`` is set while the newest attempt failed. ``told`` says
    how far a long reading is."""

    items: Sequence[T] | None = None
    taken_at: datetime | None = None
    problem: Notice | None = None
    told: str = ""

    @property
    def waiting(self) -> bool:
        return self.items is None and self.problem is None


class Telling:
    """A `curation.Progress` in ``words``, for whoever looks."""

    words = ""

    @contextmanager
    def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
        done = 0

        def advance(more: int) -> None:
            nonlocal done
            done += more
            of = "" if total is None else f" of {total:,}"
            self.words = f"{description}: {done:,}{of} {unit}."

        try:
            yield advance
        finally:
            self.words = ""

    def say(self, line: str) -> None:
        self.words = line


class Feed(Generic[T]):
    """Calls ``read`` in a thread of its own, at most once at a time and every ``every`` seconds, and only
    while somebody looks: there is no thread when no page asks. ``telling`` is told how far ``read`` is."""

    def __init__(
        self, read: Callable[[], Sequence[T]], every: float, what: str, telling: Telling | None = None
    ) -> None:
        self._telling = telling or Telling()
        self._read = read
        self._every = every
        self._what = what
        self._lock = threading.Lock()
        self._fresh = threading.Event()
        self._snapshot: Snapshot[T] = Snapshot()
        self._busy = False
        self._next = 0.0

    def latest(self, patience: float = 0.0) -> Snapshot[T]:
        """The last snapshot, at once; a new one is asked for when it is due. ``patience`` is how many seconds
        to wait for it while there is none, or only one from long ago: nobody may have looked for hours."""
        with self._lock:
            now = time.monotonic()
            due = not self._busy and now >= self._next
            self._busy = self._busy or due
            if due and now >= self._next + OLD * self._every:
                self._fresh.clear()
        if due:
            threading.Thread(target=self._refresh, name=f"feed of {self._what}", daemon=True).start()
        if patience > 0:
            self._fresh.wait(patience)
        with self._lock:
            return replace(self._snapshot, told=self._telling.words)

    def first(self, patience: float = 0.0) -> T | None:
        """The first item of the last snapshot; None where there is none."""
        return next(iter(self.latest(patience).items or ()), None)

    def _refresh(self) -> None:
        begun = time.monotonic()
        try:
            items = self._read()
            fresh = Snapshot(items=list(items), taken_at=datetime.now(timezone.utc))
        except BaseException as error:  # the page shows it and goes on; nobody else would hear of it
            with self._lock:
                fresh = replace(self._snapshot, problem=notice_of(error, self._what))
        with self._lock:
            self._snapshot = fresh
            self._busy = False
            self._next = begun + self._every
        self._fresh.set()
