"""A FAKE retrain that only counts: ``fake_retrain LOG SECONDS CODES``, and then its order.

Waits for the order, writes "start PID" to LOG, sleeps, writes "end PID", and exits with the code that CODES
(such as 3,3,0) has for its place among the starts; the last one counts for all later ones. After one that
went well and was for the index alone it waits for the next order, as the real one does.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path


def main() -> int:
    while line := sys.stdin.readline():
        code = retrain(json.loads(line))
        if code or json.loads(line)["highest"] != "index only":
            return code
    return 0


def retrain(order: dict[str, str]) -> int:
    log, seconds, codes = Path(sys.argv[1]), float(sys.argv[2]), [int(one) for one in sys.argv[3].split(",")]
    note(log, "start")
    started = starts(log)
    time.sleep(seconds)
    note(log, "end")
    code = codes[min(started, len(codes)) - 1]
    if code == 0:
        Path(order["summary"]).write_text(
            json.dumps({"outcome": "rejected", "verdict": "A fake."}), encoding="utf-8"
        )
    return code


def note(log: Path, what: str) -> None:
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{what} {os.getpid()}\n")


def starts(log: Path) -> int:
    """How often it was started."""
    return log.read_text(encoding="utf-8").count("start ") if log.exists() else 0


if __name__ == "__main__":
    sys.exit(main())
