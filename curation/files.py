"""Writing files so that a reader sees the old file or the new one, whole, even when a process is killed."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import TypeAdapter, ValidationError

from curation.errors import StateError

_Record = TypeVar("_Record")
_ABANDONED = 60.0  # seconds
_BLOCK = 1 << 20


@contextmanager
def replace_atomically(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; on success it is synced to disk and takes the place of
    ``path``.

    On any error the temporary file is removed and ``path`` is as it was. Raises StateError when the disk is
    full or the folder cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(descriptor)
    except OSError as error:
        raise unwritable(path, error) from error
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(mode)
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """Yield an empty folder beside ``target`` that takes its place on success.

    On any error it is removed, and ``target`` is as it was. Raises StateError when it cannot be written. The
    caller has looked whether what is there may go.
    """
    folder: Path | None = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        folder = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
        yield folder
        sync_folder(folder)
        old = folder.with_suffix(".old")
        if target.exists():
            target.rename(old)
        folder.rename(target)
        shutil.rmtree(old, ignore_errors=True)
        sync_folder(target.parent)
    except OSError as error:
        raise unwritable(target, error) from error
    finally:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove what writers in ``folder`` that were killed left there. What is younger than a minute may still
    be written, by another process."""
    with suppress(FileNotFoundError):
        for left in folder.glob(".*.part"):
            if left.is_file() and time.time() - left.stat().st_mtime > _ABANDONED:
                left.unlink(missing_ok=True)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace ``path`` with ``text`` (UTF-8), atomically and durably."""
    with replace_atomically(path, mode) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, value: Any, mode: int = 0o644) -> None:
    """Replace ``path`` with ``value`` as indented JSON, atomically and durably."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, default=str) + "\n", mode)


def read_json(path: Path) -> Any:
    """The JSON value in ``path``. Raises StateError when it is no JSON, FileNotFoundError without a file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise StateError(
            f"{path} is not valid JSON: {error}", "Restore it from a backup or remove it."
        ) from error


def read_record(path: Path, kind: type[_Record]) -> _Record:
    """What ``write_json`` wrote of a ``kind``: a pydantic model, or a type made of some.

    Raises StateError when the file can't be read or holds something else, FileNotFoundError without a file.
    """
    try:
        return TypeAdapter(kind).validate_python(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        raise StateError(
            f"{path} is damaged or of another version ({where}: {first['msg']}).",
            "Restore it from a backup or remove it.",
        ) from None  # the error's text would show what is in the file
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateError(f"{path} can't be read: {error.strerror}.", "Check whose file it is.") from error


def write_table(path: Path, table: pa.Table) -> None:
    """Replace ``path`` with ``table`` as parquet, atomically and durably."""
    with replace_atomically(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """The columns of ``schema`` in ``path``, with the file's metadata. Raises StateError naming what is
    wrong, FileNotFoundError when there is no such file."""
    try:
        table = pq.read_table(path)
        return table.select(schema.names).cast(schema).replace_schema_metadata(table.schema.metadata)
    except FileNotFoundError:
        raise
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise StateError(
            f"{path} cannot be read as a table: {error}",
            "It may come from another version or be damaged: restore it, or remove it and make it again.",
        ) from error


def sha256(path: Path, sync: bool = False) -> str:
    """64 hex digits. ``sync``: the file is on the disk afterwards. Raises OSError when it can't be read."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            found.update(block)
        if sync:
            os.fsync(file.fileno())
    return found.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make a rename in ``folder`` survive a power cut."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unwritable(path: Path, error: OSError) -> StateError:
    """What to raise where ``path`` could not be written."""
    return StateError(
        f"Cannot write {path}: {error.strerror or error}",
        "Check the free space (df) and the permissions of the folder; nothing there was changed.",
    )
