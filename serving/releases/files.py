"""The files that a release consists of."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from curation import ReleaseError, sha256

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


def what_is_wrong(
    folder: Path, files: Mapping[str, str], parts: Iterable[str], hashed: dict[FileState, str]
) -> list[str]:
    """What is missing, corrupt, or should not be there among a release's ``files`` (name → hash) and the
    folders ``parts``. A file that is as it was when it was ``hashed`` is not read again."""
    wrong: list[str] = []
    for name, expected in sorted(files.items()):
        path = folder / name
        if not is_inside(folder, name) or path.is_symlink() or not path.is_file():
            wrong.append(f"{name} is missing")
            continue
        try:
            state = file_state(path)
            hashed[state] = hashed.get(state) or sha256(path)
            if hashed[state] != expected:
                wrong.append(f"{name} is corrupt")
        except OSError as error:
            wrong.append(f"{name} can't be read ({error.strerror})")
    # Any file in these folders might be loaded, so nothing else may be there.
    for part in parts:
        found = [f"{part}/{name}" for name in (file_names(folder / part) if (folder / part).is_dir() else ())]
        wrong += [f"{name} does not belong to it" for name in found if name not in files]
    return wrong


def share_file(source: str, target: str) -> None:
    """One file in two releases: no file of a release is ever changed."""
    try:
        os.link(source, target)
    except OSError:  # a file system without hard links
        shutil.copyfile(source, target)
