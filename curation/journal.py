"""Files that only grow, a line at a time: a line counts when it is whole."""

from __future__ import annotations

import os
from pathlib import Path

from curation.errors import StateError
from curation.files import sync_folder


def read_whole_lines(path: Path) -> list[bytes]:
    """The lines of ``path``, none when there is no such file. What a process that was killed (or had no room) left of a
    last line is none. Raises StateError when the file can't be read."""
    try:
        whole, _, _ = path.read_bytes().rpartition(b"\n")
    except FileNotFoundError:
        return []
    except OSError as error:
        raise StateError(
            f"{path} can't be read: {error.strerror}", "Check the permissions of the folder."
        ) from error
    return whole.split(b"\n") if whole else []


def append_line(path: Path, line: bytes) -> None:
    """Add ``line``, which holds no line break, and sync it. The caller sees to it that nobody else writes. Raises
    StateError, for example on a full disk: then ``path`` has no new line."""
    is_new = not path.exists()
    try:
        with path.open("ab", buffering=0) as file:
            end = path.read_bytes().rfind(b"\n") + 1
            try:
                file.truncate(end)  # half a line
                write_all(file.fileno(), line + b"\n")
                os.fsync(file.fileno())
            except OSError:
                file.truncate(end)
                raise
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise StateError(
            f"Cannot write {path}: {error.strerror or error}",
            "Check the free space (df) and the permissions of the folder; nothing there was changed.",
        ) from error


def write_all(descriptor: int, content: bytes) -> None:
    """``os.write`` may write a part only."""
    while content:
        content = content[os.write(descriptor, content) :]
