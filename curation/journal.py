"""Files that only grow, a line at a time. A line counts once its line break is written."""

from __future__ import annotations

import os
from pathlib import Path

from curation.errors import StateError
from curation.files import sync_folder, unwritable


def read_whole_lines(path: Path) -> list[bytes]:
    """The finished lines of ``path``; none when there is no such file. A last line that a killed process
    left unfinished is ignored. Raises StateError when the file cannot be read."""
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
    """Add ``line``, which holds no line break, and sync it to disk. The caller makes sure that nobody else
    writes. Raises StateError, for example on a full disk; ``path`` is then as it was."""
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
        raise unwritable(path, error) from error


def write_all(descriptor: int, content: bytes) -> None:
    """Write everything: ``os.write`` may write only a part."""
    while content:
        content = content[os.write(descriptor, content) :]
