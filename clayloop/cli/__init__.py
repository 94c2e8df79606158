"""The command line: `clayloop` and `retrain-from-annotations`."""

from clayloop.cli.app import main, retrain_main

__all__ = ["main", "retrain_main"]
