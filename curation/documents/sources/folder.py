"""Documentation in a folder of this machine."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

from curation.documents.markup.page import OUTSIDE, NotIncludedError
from curation.documents.sites import folder_links
from curation.documents.sources.files import (
    Skipped,
    SourceFile,
    is_passed_over,
    may_be_documentation,
    other_format,
    read_bytes,
    read_included,
    shown,
    too_large,
)
from curation.errors import SourceError
from curation.settings import ChunkSettings

_HOST = re.compile(r"^(?:[a-z\d-]+\.)+[a-z]{2,}(?:/|$)", re.ASCII | re.IGNORECASE)  # docs.example.org/guide


class FolderKind:
    prefix = "folder"
    form = "PATH"

    def name(self, rest: str) -> str:
        return f"folder:{Path(rest).expanduser().resolve()}"

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> FolderSource:
        return FolderSource(Path(rest).expanduser(), settings)


class FolderSource:
    """The documentation below a folder, without links, hidden folders and build outputs."""

    version = ""
    remark = ""

    def __init__(self, folder: Path, settings: ChunkSettings) -> None:
        try:
            self.root = folder.resolve(strict=True)
        except (OSError, RuntimeError) as error:
            hint = f"It was looked for from {Path.cwd()}: check the path."
            if _HOST.match(str(folder)):
                hint += f" For a web page: url:https://{folder}"
            raise SourceError(f"There is no folder {folder}.", hint) from error
        if not self.root.is_dir():
            raise SourceError(f"{folder} is not a folder.", f"Give the folder it is in: {self.root.parent}")
        self.name = f"folder:{self.root}"
        self.links = folder_links(self.root)
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
                raise NotIncludedError(OUTSIDE)
            data = _read_regular(file.resolve(), self._max_bytes)
        except (OSError, RuntimeError, ValueError) as error:
            missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
            raise NotIncludedError("not found" if missing else "cannot be read") from error
        if data is None:
            raise NotIncludedError(f"larger than max_file_bytes ({self._max_bytes:,})")
        return read_included(data)

    def _walk(self) -> Iterator[str]:
        def unreadable(error: OSError) -> None:
            where = shown(os.path.relpath(error.filename or self.root, self.root))
            self._troubles.append(Skipped(path=where, reason=f"folder cannot be read: {error.strerror}"))

        for folder, names, files in os.walk(self.root, onerror=unreadable):
            names[:] = sorted(
                name
                for name in names
                if not is_passed_over(name, files) and not (Path(folder) / name / "pyvenv.cfg").is_file()
            )
            below = Path(folder).relative_to(self.root)
            for name in names:
                if (Path(folder) / name).is_symlink():
                    where = shown((below / name).as_posix())
                    self._troubles.append(
                        Skipped(path=where, reason="a link to a folder; links are not followed")
                    )
            for name in files:
                if not name.startswith(".") and may_be_documentation(name):
                    yield (below / name).as_posix()

    def _read(self, path: str) -> SourceFile | Skipped | None:
        file = self.root / path
        if path != shown(path):
            return Skipped(path=shown(path), reason="its name is not valid UTF-8")
        if other := other_format(path):
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
                return too_large(path, status.st_size, self._max_bytes)
            data = _read_regular(file, self._max_bytes)
        except (OSError, RuntimeError) as error:
            return Skipped(path=path, reason=f"cannot be read: {getattr(error, 'strerror', None) or error}")
        if data is None:
            return too_large(path, status.st_size, self._max_bytes)
        return read_bytes(path, self.links(path), data)


def _read_regular(file: Path, limit: int) -> bytes | None:
    """The file's bytes; None when it is longer than ``limit``. Never blocks, not even on a pipe."""
    descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as opened:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "not a regular file")
        data = opened.read(limit + 1)
    return data if len(data) <= limit else None
