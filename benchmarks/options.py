"""The options that benchmarks over test sets share."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from curation import Home

_Found = TypeVar("_Found")


def parser_over_sets(name: str, description: str | None, sets: str) -> argparse.ArgumentParser:
    """The benchmark ``name``'s: --eval, the folder that holds the test sets, and --sets, their names
    (``sets`` unless told)."""
    parser = argparse.ArgumentParser(
        prog=f"python -m benchmarks {name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--eval", type=Path, required=True, help="folder that holds the test sets")
    parser.add_argument("--sets", default=sets, help="names, with commas between them")
    return parser


def over_sets(given: argparse.Namespace, measure: Callable[[Path, Home], list[_Found]]) -> list[_Found]:
    """What ``measure`` finds for the folder of each set, in a new state folder."""
    found = []
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for name in given.sets.split(","):
            print(name, flush=True)
            found += measure(given.eval / name, Home(Path(scratch) / name))
    return found
