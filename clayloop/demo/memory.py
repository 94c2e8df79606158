"""Peak memory of a process and everything below it."""

from __future__ import annotations

import threading
from types import TracebackType

import psutil

_SECONDS = 2.0  # between two samples


class PeakMemory:
    """Samples the memory of this process and its descendants; ``megabytes`` is the highest sum seen.

    Proportional set size where the kernel tells it (pages shared between forked processes count once),
    resident set size elsewhere.
    """

    def __init__(self) -> None:
        self.megabytes = 0.0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="peak-memory", daemon=True)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    def _sample(self) -> None:
        while True:
            self.megabytes = max(self.megabytes, _tree_megabytes())
            if self._done.wait(_SECONDS):
                return


def _tree_megabytes() -> float:
    me = psutil.Process()
    total = 0
    for process in [me, *me.children(recursive=True)]:
        try:
            memory = process.memory_full_info()
            total += getattr(memory, "pss", 0) or memory.rss
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return total / 1e6
