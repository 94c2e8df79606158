"""The documentation inside an archive of source code, read without unpacking it to disk."""

from __future__ import annotations

import lzma
import mimetypes
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import HeaderParser
from pathlib import Path, PurePosixPath

from curation.documents.markup.reading import markup_of
from curation.documents.sources.files import may_be_documentation
from curation.errors import SourceError
from curation.words import word_set

MAX_UNPACKED_BYTES = 4_000_000_000
MAX_HELD_BYTES = 500_000_000
MAX_MEMBERS = 200_000
_METADATA_BYTES = 1_000_000
# Files outside the documentation that its pages may include: examples, change logs, settings.
_OTHER_BYTES = 100_000
_MOST_OTHERS = 5_000
_OTHER_SUFFIXES = word_set(
    ".c .cfg .cpp .css .csv .go .h .html .ini .ipynb .java .js .json .md .py .rb .rs .rst .sh .sql .toml .ts "
    ".txt .xml .yaml .yml"
)
_DOCS_NAMES = frozenset({"docs", "doc", "documentation", "docsrc", "docs_src", "doc_src"})
_README = re.compile(r"^readme(\.[a-z]+)?$", re.IGNORECASE)
_BROKEN = (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError, zlib.error, lzma.LZMAError, RuntimeError)
_TOLD = 300  # characters of what the library says


@dataclass(frozen=True)
class ArchiveFile:
    """A regular file of an archive. ``data`` is None when it is larger than what may be read."""

    path: str
    size: int
    data: bytes | None


@dataclass(frozen=True)
class ArchiveContent:
    """What an archive has for us: its documentation, sorted by path, the PKG-INFO headers of a source
    distribution, and other text files, which pages may include."""

    files: list[ArchiveFile]
    others: list[ArchiveFile]
    metadata: dict[str, list[str]]


def read_archive(archive: Path, max_file_bytes: int, below: str | None = None) -> ArchiveContent:
    """The documentation of a .tar.* or .zip with a single folder at the top: what lies ``below`` a path in
    it ("": all of it); without one the READMEs at the top and the documentation folder.

    Links, devices and names that point out of the archive are ignored. Raises SourceError when the archive is
    damaged or unpacks to more than MAX_UNPACKED_BYTES.
    """
    metadata: dict[str, list[str]] = {}
    found: dict[str, ArchiveFile] = {}
    members = _zip_members if zipfile.is_zipfile(archive) else _tar_members
    held = 0
    try:
        for path, size, read in members(archive):
            limit = _wanted(path, size, below, max_file_bytes, len(found) < _MOST_OTHERS)
            held += min(limit, max_file_bytes)
            if held > MAX_HELD_BYTES:
                raise SourceError(
                    f"{archive.name} holds more than {MAX_HELD_BYTES:,} bytes of text.",
                    "Unpack it and ingest its documentation folder.",
                )
            if path == "PKG-INFO":
                metadata = _headers(read(limit))
            elif limit:
                found[path] = ArchiveFile(path, size, None if size > max_file_bytes else read(limit))
    except _BROKEN as error:
        told = " ".join(str(error).split())[:_TOLD] or type(error).__name__  # tarfile tells all it tried
        raise SourceError(
            f"{archive.name} is not a readable archive: {told}",
            "Try again; if it stays so, ingest the documentation from a folder.",
        ) from error
    chosen = {path: file for path, file in found.items() if _is_chosen(path, below)}
    documentation = _documentation(chosen) if below is None else [*chosen.values()]
    taken = {file.path for file in documentation}
    others = [file for file in found.values() if file.path not in taken]
    return ArchiveContent(sorted(documentation, key=lambda file: file.path), others, metadata)


def _is_chosen(path: str, below: str | None) -> bool:
    if below is None:
        return _is_documentation(path)
    return not below or path == below or path.startswith(f"{below}/")


def _wanted(path: str, size: int, below: str | None, max_file_bytes: int, has_room: bool) -> int:
    """How many bytes of a member to read: 0 for none; one more than allowed shows that it is too large.
    ``has_room``: for what only may be included."""
    if path == "PKG-INFO":
        return _METADATA_BYTES
    if _is_chosen(path, below) and may_be_documentation(path):
        return min(size, max_file_bytes) + 1
    at_the_top = "/" not in path  # change logs, licences, lists of authors
    beside = below != "" and _is_chosen(path, below)  # whatever pages in the same folder may include
    suffix = PurePosixPath(path).suffix.lower()
    text = suffix in _OTHER_SUFFIXES or (at_the_top and not suffix) or (beside and not _is_media(path))
    fits = size <= (max_file_bytes if at_the_top or beside else _OTHER_BYTES)
    return size if text and fits and (beside or has_room) else 0


def _is_media(path: str) -> bool:
    kind = mimetypes.guess_type(path)[0] or ""
    return kind.startswith(("image/", "audio/", "video/", "font/"))


def _documentation(found: dict[str, ArchiveFile]) -> list[ArchiveFile]:
    """READMEs at the top, and the documentation folder nearest to the top."""
    readmes = [file for path, file in found.items() if "/" not in path]
    depths = [depth for path in found if (depth := _docs_depth(path)) is not None and _may_hold_markup(path)]
    nearest = min(depths, default=-1)
    docs = [file for path, file in found.items() if "/" in path and _docs_depth(path) == nearest]
    return [*readmes, *docs]


def _is_documentation(path: str) -> bool:
    if "/" not in path:
        return bool(_README.match(path)) and _may_hold_markup(path)
    return _docs_depth(path) is not None


def _may_hold_markup(path: str) -> bool:
    return markup_of(path) is not None or path.lower().endswith(".txt")


def _docs_depth(path: str) -> int | None:
    """How deep the documentation folder around ``path`` lies (0: at the top); None outside of any."""
    for depth, name in enumerate(path.split("/")[:-1][:4]):
        if name.lower() in _DOCS_NAMES:
            return depth
    return None


def _tar_members(archive: Path) -> Iterator[tuple[str, int, Callable[[int], bytes]]]:
    with tarfile.open(archive) as tar:
        for number, member in enumerate(tar):
            _check_limits(archive, number, member.offset_data + member.size)
            path = _inner_path(member.name)
            if path is None or not member.isreg() or member.issparse():
                continue

            def read(limit: int, member: tarfile.TarInfo = member) -> bytes:
                file = tar.extractfile(member)
                return file.read(limit) if file else b""

            yield path, member.size, read


def _zip_members(archive: Path) -> Iterator[tuple[str, int, Callable[[int], bytes]]]:
    with zipfile.ZipFile(archive) as zipped:
        _check_limits(archive, len(zipped.infolist()), 0)
        for member in sorted(zipped.infolist(), key=lambda info: info.filename):
            path = _inner_path(member.filename)
            kind = (member.external_attr >> 16) & 0o170000
            if path is None or member.is_dir() or kind not in {0, 0o100000}:
                continue

            def read(limit: int, member: zipfile.ZipInfo = member) -> bytes:
                with zipped.open(member) as file:
                    return file.read(limit)

            yield path, member.file_size, read


def _check_limits(archive: Path, members: int, size: int) -> None:
    if members > MAX_MEMBERS or size > MAX_UNPACKED_BYTES:
        raise SourceError(
            f"{archive.name} unpacks to more than {MAX_MEMBERS:,} files or {MAX_UNPACKED_BYTES:,} bytes.",
            "That is not a documentation set: ingest its documentation folder instead.",
        )


def _inner_path(name: str) -> str | None:
    """The path below the archive's single top folder; None for names that lead anywhere else."""
    if name.startswith(("/", "\\")) or "\\" in name or ":" in name.split("/")[0]:
        return None
    parts = PurePosixPath(name).parts
    if ".." in parts or len(parts) < 2:
        return None
    return "/".join(parts[1:])


def _headers(data: bytes) -> dict[str, list[str]]:
    message = HeaderParser().parsestr(data.decode("utf-8", "replace"))
    return {key.lower(): list(map(str, message.get_all(key, ()))) for key in message}
