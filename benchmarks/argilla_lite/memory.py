"""Memory of a process and all that it started."""

from __future__ import annotations

import contextlib

import psutil


def megabytes(pid: int) -> dict[str, float]:
    """Proportional set size (shared pages counted once) per process name and of all, in MB."""
    sizes: dict[str, float] = {}
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error):
            name = " ".join(process.cmdline()[:4])[-40:] or process.name()
            sizes[f"{process.pid} {name}"] = process.memory_full_info().pss / 1e6
    return {**sizes, "all": sum(sizes.values())}
