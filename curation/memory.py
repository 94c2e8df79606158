"""How much memory a step took, and giving back what it no longer needs."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import re
import resource
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")
_M_MMAP_THRESHOLD = -3  # malloc.h
_RESET_PEAK = "5"  # proc(5): set the peak resident set size to the present one
_HIGH_WATER = re.compile(r"^VmHWM:\s+(\d+) kB$", re.MULTILINE)

HIGH_WATER = "VmHWM"
WHOLE_PROCESS = "ru_maxrss"


def give_back() -> None:
    """Free what only refers to itself, such as a model that nobody uses any more, and hand what was freed
    back to the system, where the C library can (glibc). Some 0.2 s.

    It keeps freed memory and cuts it up, so that what one step freed lies beside what the next one takes.
    """
    gc.collect()
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).malloc_trim(0)


def hand_back_large_blocks() -> None:
    """From now on each block of 512 KiB or more goes back to the system when it is freed (glibc).

    Else glibc keeps blocks of up to 32 MB once one was freed, between what other threads hold: 65 MB after 20
    models that came and went while eight clients asked.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, 1 << 19)


class PeakMemory:
    """The most resident memory of this process while the block runs, as the kernel counted it (10^6 bytes).

    ``kind`` says what ``peak_mb`` is: ``VmHWM``, reset when the block began, or where the kernel does not
    allow that ``ru_maxrss``, which is the most since the process began.
    """

    def __init__(self) -> None:
        self.kind = WHOLE_PROCESS
        self.peak_mb = 0.0

    def __enter__(self) -> PeakMemory:
        try:
            _CLEAR.write_text(_RESET_PEAK)
            self.kind = HIGH_WATER
        except OSError:
            self.kind = WHOLE_PROCESS
        return self

    def __exit__(self, *error: object) -> None:
        found = _HIGH_WATER.search(_STATUS.read_text()) if self.kind == HIGH_WATER else None
        if found:
            self.peak_mb = int(found.group(1)) * 1024 / 1e6
            return
        self.kind = WHOLE_PROCESS
        self.peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
