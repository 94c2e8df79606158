"""The bot as its visitors meet it (benchmarks/visitors.py says how it is measured).

    python -m benchmarks serving [--home FOLDER] [--json FILE]

FOLDER is a state folder whose release is of distilabel's documentation; without it one is made, which takes
a minute or two.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.rows import Row
from benchmarks.visitors import visitor_rows


def main(arguments: Sequence[str]) -> list[Row]:
    """The benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks serving",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--home", type=Path)
    options = parser.parse_args(arguments)
    return visitor_rows(options.home)
