"""The files that a release consists of."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from curation import ReleaseError

FileState = tuple[int, int, int, int]


def file_names(folder: Path) -> list[str]:
    """Paths below ``folder`` with forward slashes, sorted. Raises ReleaseError for a link."""
    names: list[str] = []
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise ReleaseError(f"{path} is a link.", "A release holds plain files only.")
        if path.is_file():
            names.append(path.relative_to(folder).as_posix())
    return names


def is_inside(folder: Path, name: str) -> bool:
    """Whether ``name`` is a relative path that stays below ``folder``."""
    return not Path(name).is_absolute() and (folder / name).resolve().is_relative_to(folder.resolve())


def file_state(path: Path) -> FileState:
    """What is another one once the file was written to, or replaced. Hard links of a file have the same."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def share_file(source: str, target: str) -> None:
    """One file in two releases: no file of a release is ever changed."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
