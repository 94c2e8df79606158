"""The options that benchmarks over test sets share."""

from __future__ import annotations

import argparse
from pathlib import Path


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
