"""The command line: `clayloop` and `retrain-from-annotations`."""

from __future__ import annotations

import sys


def main() -> None:
    """Run `clayloop`; never returns."""
    try:
        from clayloop.cli.app import main
    except KeyboardInterrupt:  # to import it all takes a second
        sys.exit(130)
    main()


def retrain_main() -> None:
    """Run `retrain-from-annotations`; never returns."""
    try:
        from clayloop.cli.app import retrain_main
    except KeyboardInterrupt:
        sys.exit(130)
    retrain_main()
