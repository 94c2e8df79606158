"""A backup's file format: a compressed tar that begins with a manifest of every file's SHA-256.

Only its owner can read the file.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import os
import secrets
import shutil
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from argilla_lite.errors import ArgillaLiteError

FORMAT = "argilla-lite backup"
FORMAT_VERSION = 1
MANIFEST = "manifest.json"
SQLITE_DATABASE = "argilla.db"
POSTGRES_DUMP = "database.dump"
SECRETS = ("credentials.json", "auth_secret")
_LARGEST_MANIFEST = 1_000_000
_DAMAGE = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError)


@dataclass(frozen=True)
class Manifest:
    """The first file of a backup, which describes the others.

    `argilla_lite` and `argilla_server` are versions, `revision` is that of the database's schema, `created`
    in ISO 8601 and UTC. `counts` (rows per table) are only shown; `files` are name → SHA-256 in hexadecimal.
    """

    database: Literal["sqlite", "postgresql"]
    argilla_lite: str
    argilla_server: str
    revision: str
    created: str
    counts: Mapping[str, int]
    files: Mapping[str, str]


def digest(path: Path) -> str:
    """A file's SHA-256 in hexadecimal."""
    total = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            total.update(block)
    return total.hexdigest()


@contextlib.contextmanager
def scratch_folder(parent: Path, name: str) -> Iterator[Path]:
    """A private folder that is removed at the end. Raises ArgillaLiteError when it cannot be made."""
    folder = parent / f".{name}.{secrets.token_hex(4)}.part"
    try:
        folder.mkdir(mode=0o700)
    except OSError as error:
        raise ArgillaLiteError(f"{parent} cannot be written to: {error.strerror}.") from error
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write(target: Path, manifest: Manifest, folder: Path) -> None:
    """Packs the manifest's files from a folder into one file, which appears whole or not at all. Raises
    OSError."""
    scratch = folder / "archive"
    descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        # Level 1: most of it is vectors as text, which higher levels hardly compress further.
        with (
            gzip.GzipFile(fileobj=file, mode="wb", compresslevel=1, filename="") as packed,
            tarfile.open(fileobj=packed, mode="w|") as tar,
        ):
            head = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(manifest)}
            text = json.dumps(head, indent=2).encode()
            entry = tarfile.TarInfo(MANIFEST)
            entry.size, entry.mode = len(text), 0o600
            tar.addfile(entry, io.BytesIO(text))
            for name in manifest.files:
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = (folder / name).stat().st_size, 0o600
                with (folder / name).open("rb") as part:
                    tar.addfile(entry, part)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(target)
    sync_folder(target.parent)


def extract(source: Path, folder: Path) -> Manifest:
    """Unpacks a backup into a folder and verifies all of it. Raises ArgillaLiteError for a file that is not
    there, not a backup, of a newer kind, or damaged."""
    try:
        with source.open("rb") as file, tarfile.open(fileobj=file, mode="r|gz") as tar:
            entries = iter(tar)
            manifest = _manifest(source, tar, next(entries, None))
            seen = {entry.name: _unpack(source, tar, entry, folder, manifest) for entry in entries}
    except FileNotFoundError:
        raise ArgillaLiteError(f"There is no file {source}.") from None
    except _DAMAGE as error:
        raise ArgillaLiteError(
            f"{source} is not a backup of argilla-lite, or is damaged: {error or 'it ends too early'}."
        ) from error
    except OSError as error:
        raise ArgillaLiteError(
            f"{source} cannot be unpacked into {folder.parent}: {error.strerror}."
        ) from error
    for name, wanted in manifest.files.items():
        if seen.get(name) != wanted:
            raise ArgillaLiteError(f"{source} is damaged: {name} is missing or differs from its checksum.")
    return manifest


def _manifest(source: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo | None) -> Manifest:
    content = tar.extractfile(entry) if entry and entry.name == MANIFEST and entry.isfile() else None
    if content is None:
        raise ArgillaLiteError(
            f"{source} is not a backup of argilla-lite: it does not begin with a manifest."
        )
    try:
        head: dict[str, Any] = json.loads(content.read(_LARGEST_MANIFEST))
        kind, version = head.pop("format"), head.pop("format_version")
        if kind == FORMAT and version > FORMAT_VERSION:
            raise ArgillaLiteError(
                f"{source} was written by a newer argilla-lite ({head.get('argilla_lite')})."
            )
        manifest = Manifest(**head)
        expected = {SQLITE_DATABASE if manifest.database == "sqlite" else POSTGRES_DUMP, *SECRETS}
        if (
            kind != FORMAT
            or manifest.database not in {"sqlite", "postgresql"}
            or set(manifest.files) != expected
        ):
            raise ValueError("it describes something else")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArgillaLiteError(
            f"{source} is not a backup of argilla-lite: its manifest cannot be read ({error})."
        ) from error
    return manifest


def _unpack(
    source: Path, tar: tarfile.TarFile, entry: tarfile.TarInfo, folder: Path, manifest: Manifest
) -> str:
    content = tar.extractfile(entry) if entry.isfile() and entry.name in manifest.files else None
    if content is None:
        raise ArgillaLiteError(f"{source} holds {entry.name!r}, which its manifest does not name.")
    # The name is safe as a path: `_manifest` accepts only the names that a backup has.
    target = folder / entry.name
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        shutil.copyfileobj(content, file, 1 << 20)
        file.flush()
        os.fsync(file.fileno())
    return digest(target)


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
