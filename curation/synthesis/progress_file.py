"""The file in which the pipeline's processes report progress to the process that started them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import IO, Any


def append_progress(progress_file: str, **line: Any) -> None:
    """Add a line of JSON. It is one write in append mode, so lines of two processes never mix."""
    descriptor = os.open(progress_file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(descriptor, (json.dumps(line) + "\n").encode())
    finally:
        os.close(descriptor)


class ProgressLines:
    """The whole lines of JSON that were appended to a file since the last look."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.file: IO[bytes] | None = None
        self.rest = b""

    def __enter__(self) -> ProgressLines:
        return self

    def __exit__(self, *unused: object) -> None:
        if self.file:
            self.file.close()

    def new(self) -> list[dict[str, Any]]:
        if self.file is None:
            if not self.path.exists():
                return []
            self.file = self.path.open("rb")
        *whole, self.rest = (self.rest + self.file.read()).split(b"\n")
        return [json.loads(line) for line in whole if line]
