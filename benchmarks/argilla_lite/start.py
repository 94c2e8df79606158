"""How long argilla_lite takes to serve, from nothing and again, and how much memory it needs then.

    python -m benchmarks.argilla_lite.start [--rounds 3] [--json FILE]

Wall seconds from the command until its ready line, medians over the rounds, each with an empty home that is
then started again; megabytes (PSS, which counts shared pages once) of the supervisor and all it started, idle
for ten seconds. Printed with the CPU seconds that they used until then and the machine's load, because the
wall time means nothing on a busy machine.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.argilla_lite.memory import megabytes
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite

_IDLE = 10.0  # seconds


def cpu_seconds(server: ArgillaLite) -> float:
    """Of the supervisor, what it runs, and what has ended."""
    total = 0.0
    supervisor = psutil.Process(server.process.pid)
    for process in (supervisor, *supervisor.children(recursive=True)):
        times = process.cpu_times()
        total += times.user + times.system
        if process == supervisor:
            total += times.children_user + times.children_system
    return total


def start(home: Path) -> dict[str, float]:
    """One start: seconds until it is ready, CPU seconds, megabytes when idle."""
    began = time.perf_counter()
    with running_argilla_lite(home) as server:
        wall = time.perf_counter() - began
        cpu = cpu_seconds(server)
        time.sleep(_IDLE)
        return {"wall_s": wall, "cpu_s": cpu, "memory_mb": megabytes(server.process.pid)["all"]}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    load = os.getloadavg()[0]
    measured: dict[str, list[dict[str, float]]] = {"from nothing": [], "again": []}
    for _ in range(options.rounds):
        with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
            for results in measured.values():
                results.append(start(Path(folder) / "argilla"))
    medians = {
        name: {key: round(statistics.median(one[key] for one in results), 1) for key in results[0]}
        for name, results in measured.items()
    }
    print(
        f"{'start':<14}{'wall s':>8}{'CPU s':>8}{'MB idle':>9}   median of "
        f"{options.rounds}, load before {load:.1f}"
    )
    for name, row in medians.items():
        print(f"{name:<14}{row['wall_s']:>8}{row['cpu_s']:>8}{row['memory_mb']:>9}")
    if options.json:
        options.json.write_text(json.dumps({"load": load, **medians}, indent=2) + "\n")


if __name__ == "__main__":
    main()
