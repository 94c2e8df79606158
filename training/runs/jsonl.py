"""Lists of records as JSON lines: what steps hand to each other through a run's folder, legible to people."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TextIO, TypeVar, cast

from pydantic import BaseModel, ValidationError

from curation import StateError

RowT = TypeVar("RowT", bound=BaseModel)


class DamagedRowsError(StateError):
    """What a step wrote can't be read any more: a run that goes on with it comes to nothing."""


def write_rows(path: Path, rows: Iterable[BaseModel]) -> None:
    """One record a line. The caller makes it atomic: a step's folder gets its name when it is whole."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(row.model_dump_json() + "\n")


def read_rows(path: Path, kind: type[RowT]) -> list[RowT]:
    """The records in ``path``. Raises DamagedRowsError when it is missing or damaged."""
    return list(each_row(path, kind))


def each_row(path: Path, kind: type[RowT]) -> Iterator[RowT]:
    """The same, one at a time: for who needs little of each."""
    try:
        with _open(path) as file:
            for line in file:
                if line.strip():
                    yield kind.model_validate_json(line)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, ValidationError) as error:
        raise DamagedRowsError(
            f"{path} can't be read: it is missing or damaged.",
            "Remove the run's folder and start again; the served release is untouched.",
        ) from error


def packed(path: Path) -> Path:
    """Where the rows of a finished run are that were in ``path`` (training.packing)."""
    return path.with_name(path.name + ".gz")


def _open(path: Path) -> TextIO:
    if not path.exists() and packed(path).exists():
        return cast(TextIO, gzip.open(packed(path), "rt", encoding="utf-8"))
    return path.open(encoding="utf-8")
