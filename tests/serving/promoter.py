"""A promotion in a process of its own, which kills itself at one point of it.

As a program: ``python -m tests.serving.promoter HOME RELEASE EXPECTED BY POINT``.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import serving.releases.promotions as promotions
import serving.releases.store as releases
from curation import Home, append_line, write_text

JOURNAL = sys.modules[append_line.__module__]  # where a log's lines are written
POINTS = ("before the line", "in the line", "after the line", "after the pointer")


def kill_promotion(home: Home, release: str, expected: str, by: str, point: str) -> None:
    """Promote, and be killed with SIGKILL at ``point``."""
    arguments = [str(home.root), release, expected, by, point]
    ended = subprocess.run(
        [sys.executable, "-m", __name__, *arguments], cwd=Path(__file__).parents[2], check=False
    )
    assert ended.returncode == -signal.SIGKILL


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _main(root: str, release: str, expected: str, by: str, point: str) -> None:
    append, move, write = promotions.PromotionLog.append, write_text, JOURNAL.write_all

    def dying_append(log: promotions.PromotionLog, *told: str) -> None:
        if point == "before the line":
            _die()
        append(log, *told)
        if point == "after the line":
            _die()

    def dying_write(descriptor: int, content: bytes) -> None:
        if point == "in the line":
            write(descriptor, content[: len(content) // 2])
            _die()
        write(descriptor, content)

    def dying_move(path: Path, text: str) -> None:
        move(path, text)
        if point == "after the pointer":
            _die()

    for place, name, dying in (
        (promotions.PromotionLog, "append", dying_append),
        (JOURNAL, "write_all", dying_write),
        (releases, "write_text", dying_move),
    ):
        setattr(place, name, dying)
    releases.ReleaseStore(Home(Path(root))).promote(release, expected, by)


if __name__ == "__main__":
    _main(*sys.argv[1:])
