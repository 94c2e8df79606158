"""The texts that a finished run has read, compressed: nothing needs them any more but people who look into the run."""

from __future__ import annotations

import gzip
import logging
import shutil
from pathlib import Path

from curation import StateError, replace_atomically
from training.runs.jsonl import packed

log = logging.getLogger(__name__)

_STEPS = ("read", "examples", "dedup", "split", "start")
_FROM = 1_000_000  # bytes: smaller ones stay legible as they are
_LEVEL = 3  # of 9: 30 MB/s of 500 words a row, which is nothing beside the training on them


def pack(folder: Path) -> None:
    """Compress the large row files in the folder of a finished run. Killed on the way, both files are there, and the next call
    goes on; without room the file stays as it is."""
    for path in (path for step in _STEPS for path in sorted((folder / step).glob("*.jsonl"))):
        try:
            if path.stat().st_size < _FROM:
                continue
            with (
                replace_atomically(packed(path)) as temporary,
                path.open("rb") as plain,
                gzip.open(temporary, "wb", compresslevel=_LEVEL) as target,
            ):
                shutil.copyfileobj(plain, target, 1 << 20)
            path.unlink()
        except (OSError, StateError) as error:
            log.warning("%s is not compressed: %s", path, error)
