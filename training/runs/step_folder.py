"""The folder that a step of a run has written: what is in it, and that it survives a power cut."""

from __future__ import annotations

import os
from pathlib import Path

from curation import sync_folder


def sizes(folder: Path) -> dict[str, int]:
    """Path below ``folder`` → bytes, of every file."""
    return {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def sync_tree(folder: Path) -> None:
    """Make a finished step survive a power cut."""
    for path in folder.rglob("*"):
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
        else:
            sync_folder(path)
    sync_folder(folder)
