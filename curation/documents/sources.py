"""Where documentation comes from: a folder, or the source distribution of a Python package.

Markdown (``.md``, ``.markdown``, ``.mdx``), notebooks and reStructuredText (``.rst``) are read, and ``.txt``
files that hold an underlined title and a directive, role or target (as Django's do). Documentation in another
format, or that cannot be read, is reported with the reason. Files of other kinds are ignored.
"""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from pydantic import BaseModel, ConfigDict

from curation.documents.archives import SdistContent, read_sdist
from curation.documents.links import Links, Site, labelled_urls, repository_in
from curation.documents.markup.notebook import notebook_text
from curation.documents.markup.page import NotIncludedError
from curation.documents.markup.reading import looks_like_restructuredtext, markup_of
from curation.documents.sdist import download_sdist
from curation.documents.sites import folder_links, package_links
from curation.errors import SourceError
from curation.records.document import Markup
from curation.settings import ChunkSettings

_PYPI = re.compile(
    r"^pypi:(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(?:==(?P<version>[A-Za-z0-9][\w.!+-]*))?$"
)
_SCHEME = re.compile(r"^(?P<scheme>[A-Za-z][A-Za-z0-9+.-]+):")
_SKIPPED_FOLDERS = frozenset(
    {"node_modules", "__pycache__", "_build", "_static", "_templates", "_sources", "site-packages"}
)
_OTHER_FORMATS = {
    ".adoc": "AsciiDoc",
    ".asciidoc": "AsciiDoc",
    ".docx": "Word",
    ".htm": "HTML",
    ".html": "HTML",
    ".mediawiki": "MediaWiki",
    ".org": "Org",
    ".pdf": "PDF",
    ".pod": "Pod",
    ".texi": "Texinfo",
    ".textile": "Textile",
    ".typ": "Typst",
}
_BUILD_FOLDERS = frozenset({"build", "dist", "site", "target"})
_BUILD_FILES = frozenset(
    {"pyproject.toml", "setup.py", "package.json", "Makefile", "make.bat", "mkdocs.yml", "Cargo.toml"}
)


class Skipped(BaseModel):
    """A file of documentation that was not read, and why."""

    model_config = ConfigDict(frozen=True)

    path: str
    reason: str


@dataclass(frozen=True)
class SourceFile:
    """A file of documentation as text (line breaks as in the file, no byte order mark).

    ``url`` is where the page can be opened, and ``anchors`` the style of its anchors
    (curation.documents.anchors).
    """

    path: str
    url: str
    markup: Markup
    text: str
    anchors: str = "none"


class Source(Protocol):
    """A set of documentation files. ``name`` is without a version; ``version`` may be empty, and so may
    ``remark``: what who ingests it should know of the whole. ``links`` has the addresses of its pages."""

    name: str
    version: str
    links: Links

    @property
    def remark(self) -> str: ...

    def __len__(self) -> int:
        """How many files ``read`` goes through."""

    def text(self, path: str) -> str:
        """A file that a page includes. Raises NotIncludedError with the reason when it can't be had."""

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        """One item for each file, by path: its text, why it is skipped, or None for other files."""


def open_source(spec: str, settings: ChunkSettings) -> Source:
    """The source that ``spec`` names: a folder's path or ``pypi:NAME[==VERSION]``.

    Raises SourceError naming what is wrong: no such folder, an unknown kind of source, no such package, no
    source distribution or no documentation in it, no network.
    """
    spec = spec.strip()
    if not spec:
        raise SourceError("An empty source was given.", "Give a folder or pypi:NAME[==VERSION].")
    if spec.lower().startswith("pypi:"):
        return _package(spec, settings)
    scheme = _SCHEME.match(spec)
    if scheme and not Path(spec).expanduser().exists():
        raise SourceError(
            f"Unknown kind of source: {spec} ({scheme['scheme']}:)",
            "A source is a folder or pypi:NAME[==VERSION]; download anything else and give its folder.",
        )
    return FolderSource(Path(spec).expanduser(), settings)


def source_name(spec: str, known: Collection[str]) -> str | None:
    """Which of the ``known`` sources ``spec`` names, by source name, folder path (the folder may be gone)
    or ``pypi:NAME[==VERSION]``. None when it names none."""
    spec = spec.strip()
    if not spec:
        return None
    if spec in known:
        return spec
    package = _PYPI.match(spec)
    if package:
        name = f"pypi:{re.sub(r'[-_.]+', '-', package['name']).lower()}"
    else:
        name = f"folder:{Path(spec.removeprefix('folder:')).expanduser().resolve()}"
    return name if name in known else None


class FolderSource:
    """The documentation below a folder, without links, hidden folders and build outputs."""

    version = ""
    remark = ""

    def __init__(self, folder: Path, settings: ChunkSettings) -> None:
        try:
            self.root = folder.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            raise SourceError(
                f"There is no folder {folder}.", f"It was looked for from {Path.cwd()}: check the path."
            ) from error
        if not self.root.is_dir():
            raise SourceError(f"{folder} is not a folder.", f"Give the folder it is in: {self.root.parent}")
        self.name = f"folder:{self.root}"
        self.links = _given_links(settings, self.name) or folder_links(self.root)
        self._max_bytes = settings.max_file_bytes
        self._troubles: list[Skipped] = []
        self._paths = sorted(self._walk())

    def __len__(self) -> int:
        return len(self._paths) + len(self._troubles)

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        yield from sorted(self._troubles, key=lambda skipped: skipped.path)
        for path in self._paths:
            yield self._read(path)

    def text(self, path: str) -> str:
        file = self.root / path
        try:
            if not file.resolve(strict=True).is_relative_to(self.root):
                raise NotIncludedError("it lies outside the source")
            data = _read_regular(file.resolve(), self._max_bytes)
        except (OSError, RuntimeError, ValueError) as error:
            missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
            raise NotIncludedError("not found" if missing else "cannot be read") from error
        if data is None:
            raise NotIncludedError(f"larger than max_file_bytes ({self._max_bytes:,})")
        return _included(data)

    def _walk(self) -> Iterator[str]:
        def unreadable(error: OSError) -> None:
            where = _shown(os.path.relpath(error.filename or self.root, self.root))
            self._troubles.append(Skipped(path=where, reason=f"folder cannot be read: {error.strerror}"))

        for folder, names, files in os.walk(self.root, onerror=unreadable):
            names[:] = sorted(name for name in names if not _is_passed_over(Path(folder), name, files))
            below = Path(folder).relative_to(self.root)
            for name in names:
                if (Path(folder) / name).is_symlink():
                    where = _shown((below / name).as_posix())
                    self._troubles.append(
                        Skipped(path=where, reason="a link to a folder; links are not followed")
                    )
            for name in files:
                if not name.startswith(".") and _may_be_documentation(name):
                    yield (below / name).as_posix()

    def _read(self, path: str) -> SourceFile | Skipped | None:
        file = self.root / path
        if path != _shown(path):
            return Skipped(path=_shown(path), reason="its name is not valid UTF-8")
        if other := _other_format(path):
            return Skipped(path=path, reason=other)
        try:
            status = file.lstat()
            if stat.S_ISLNK(status.st_mode):
                inside = file.resolve().is_relative_to(self.root)
                reason = (
                    "a link; its target is read where it stands" if inside else "a link out of the folder"
                )
                return None if file.suffix.lower() == ".txt" else Skipped(path=path, reason=reason)
            if not stat.S_ISREG(status.st_mode):
                return Skipped(path=path, reason="not a regular file")
            if status.st_size > self._max_bytes:
                return _too_large(path, status.st_size, self._max_bytes)
            data = _read_regular(file, self._max_bytes)
        except (OSError, RuntimeError) as error:
            return Skipped(path=path, reason=f"cannot be read: {getattr(error, 'strerror', None) or error}")
        if data is None:
            return _too_large(path, status.st_size, self._max_bytes)
        return _decoded(path, self.links, data)


class PackageSource:
    """The README and documentation folder of a source distribution, read into memory."""

    def __init__(self, name: str, version: str, content: SdistContent, settings: ChunkSettings) -> None:
        self.name = f"pypi:{name}"
        self.version = version
        self._files = [file for file in content.files if _may_be_documentation(file.path)]
        self._repository = repository_in(labelled_urls(content.metadata))
        self._by_path = {file.path: file for file in [*content.others, *content.files]}
        self.links = _given_links(settings, self.name) or package_links(self._look, content.metadata)

    @property
    def remark(self) -> str:
        """That there is a README only; "" when there is more."""
        if any("/" in file.path for file in self.read() if isinstance(file, SourceFile)):
            return ""
        repository = self._repository
        clone = f"git clone {repository.clone}" if repository else "clone the project's repository"
        return (
            f"The source distribution of {self.name}=={self.version} holds a README and no documentation. "
            f"For the rest, {clone} and ingest its documentation folder: clayloop ingest PATH/docs"
        )

    def __len__(self) -> int:
        return len(self._files)

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        for file in self._files:
            folders = file.path.split("/")[:-1]
            if any(name.startswith(".") or name in _SKIPPED_FOLDERS for name in folders):
                yield None
            elif file.path != _shown(file.path):
                yield Skipped(path=_shown(file.path), reason="its name is not valid UTF-8")
            elif other := _other_format(file.path):
                yield Skipped(path=file.path, reason=other)
            elif file.data is None:
                yield Skipped(path=file.path, reason=f"larger than max_file_bytes: {file.size:,} bytes")
            else:
                yield _decoded(file.path, self.links, file.data)

    def _look(self, path: str) -> str | None:
        try:
            return self.text(path)
        except NotIncludedError:
            return None

    def text(self, path: str) -> str:
        file = self._by_path.get(path)
        if file is None:
            raise NotIncludedError("not found")
        if file.data is None:
            raise NotIncludedError("larger than max_file_bytes")
        return _included(file.data)


def _package(spec: str, settings: ChunkSettings) -> PackageSource:
    found = _PYPI.match("pypi:" + spec[5:].strip())
    if not found:
        raise SourceError(
            f"{spec} is not a package source.",
            "Write pypi:NAME or pypi:NAME==VERSION, for example pypi:scrapy==2.11.0",
        )
    name = re.sub(r"[-_.]+", "-", found["name"]).lower()
    with download_sdist(name, found["version"] or "") as (archive, version):
        content = read_sdist(archive, settings.max_file_bytes)
        source = PackageSource(name, version, content, settings)
        if not len(source):
            raise SourceError(
                f"{archive.name} holds no documentation: no README and no docs folder.",
                "Clone the project's repository and ingest its documentation: clayloop ingest PATH/docs",
            )
    return source


def _given_links(settings: ChunkSettings, name: str) -> Links | None:
    """The addresses that the settings give for a source."""
    for spec, pages in settings.pages.items():
        if source_name(spec, {name}):
            return Links([Site(pages.url, pages.anchors, pages.root.strip("/"))], "by the settings")
    return None


def _decoded(path: str, links: Links, data: bytes) -> SourceFile | Skipped | None:
    markup = markup_of(path)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        reason = f"not UTF-8: byte 0x{data[error.start]:02x} at {error.start:,}"
        return Skipped(path=path, reason=reason) if markup else None
    if markup is None:
        if "\0" in text or not looks_like_restructuredtext(text):
            return None
        markup = "restructuredtext"
    if "\0" in text:
        return Skipped(path=path, reason="not text: it holds NUL bytes")
    if path.lower().endswith(".ipynb"):
        try:
            text = notebook_text(text)
        except ValueError as error:
            return Skipped(path=path, reason=str(error))
    if not text.strip():
        return Skipped(path=path, reason="empty")
    address = links(path)
    return SourceFile(path, address.url, markup, text, address.anchors)


def _included(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotIncludedError("not UTF-8") from error


def _read_regular(file: Path, limit: int) -> bytes | None:
    """The file's bytes; None when it is longer than ``limit``. Never blocks, not even on a pipe."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = opened.read(limit + 1)
    return data if len(data) <= limit else None


def _too_large(path: str, size: int, limit: int) -> Skipped | None:
    if markup_of(path) is None:
        return None  # a .txt of that size is data
    return Skipped(path=path, reason=f"{size:,} bytes, larger than max_file_bytes ({limit:,})")


def _is_passed_over(folder: Path, name: str, beside: Sequence[str]) -> bool:
    if name.startswith(".") or name in _SKIPPED_FOLDERS or name.endswith(".egg-info"):
        return True
    if name in _BUILD_FOLDERS and not _BUILD_FILES.isdisjoint(beside):
        return True  # build/ is an output beside a build file, and may be a chapter anywhere else
    return (folder / name / "pyvenv.cfg").is_file()


def _may_be_documentation(path: str) -> bool:
    return bool(markup_of(path) or path.lower().endswith(".txt") or _other_format(path))


def _other_format(path: str) -> str:
    """Why a file in another format of documentation is not read; "" for all others."""
    format_ = _OTHER_FORMATS.get(Path(path).suffix.lower())
    return f"{format_}, which is not read" if format_ else ""


def _shown(path: str) -> str:
    return path.encode("utf-8", "backslashreplace").decode("utf-8")
