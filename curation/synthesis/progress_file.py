"""The file in which the pipeline's processes report progress to the process that started them."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from typing import IO, Any


def append_progress(progress_file: str, **line: Any) -> None:
    """Add a line of JSON. It is one write in append mode, so lines of two processes never mix."""
    descriptor = os.open(progress_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


def new_lines(file: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The whole lines that were appended since ``file`` was read the last time."""
    while (line := file.readline()).endswith(b"\n"):
        yield json.loads(line)
    file.seek(-len(line), os.SEEK_CUR)
