"""Source code in an archive, and ``pypi:NAME[==VERSION]``: the source distribution of a Python package."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from curation.documents.links import Links, labelled_urls, repository_in
from curation.documents.markup.page import NotIncludedError
from curation.documents.sites import package_links
from curation.documents.sources.archives import ArchiveContent, read_archive
from curation.documents.sources.files import (
    Skipped,
    SourceFile,
    is_passed_over,
    may_be_documentation,
    other_format,
    read_bytes,
    read_included,
)
from curation.documents.sources.sdist import download_sdist
from curation.errors import SourceError
from curation.settings import ChunkSettings

_PYPI = re.compile(
    r"^(?P<name>[A-Za-z0-9](?:[\w.-]*[A-Za-z0-9])?)(?:==(?P<version>[A-Za-z0-9][\w.!+-]*))?$", re.ASCII
)


@dataclass
class ArchiveSource:
    """The documentation in an archive of source code, read into memory."""

    name: str
    version: str
    content: ArchiveContent
    links: Links = field(default_factory=Links)
    remark: str = ""

    def __post_init__(self) -> None:
        self._files = [file for file in self.content.files if may_be_documentation(file.path)]
        self._by_path = {file.path: file for file in [*self.content.others, *self.content.files]}

    def __len__(self) -> int:
        return len(self._files)

    def read(self) -> Iterator[SourceFile | Skipped | None]:
        for file in self._files:
            if any(is_passed_over(name) for name in file.path.split("/")[:-1]):
                yield None
            elif other := other_format(file.path):
                yield Skipped(path=file.path, reason=other)
            elif file.data is None:
                yield Skipped(path=file.path, reason=f"larger than max_file_bytes: {file.size:,} bytes")
            else:
                yield read_bytes(file.path, self.links(file.path), file.data)

    def text(self, path: str) -> str:
        file = self._by_path.get(path)
        if file is None:
            raise NotIncludedError("not found")
        if file.data is None:
            raise NotIncludedError("larger than max_file_bytes")
        return read_included(file.data)

    def look(self, path: str) -> str | None:
        """A file of the archive, if it is there and is text."""
        try:
            return self.text(path)
        except NotIncludedError:
            return None

    @property
    def is_readme_only(self) -> bool:
        return not any("/" in item.path for item in self.read() if isinstance(item, SourceFile))


class PackageKind:
    prefix = "pypi"
    form = "NAME[==VERSION]"

    def name(self, rest: str) -> str:
        return f"pypi:{self._parts(rest)[0]}"

    def open(self, rest: str, settings: ChunkSettings, downloads: Path) -> ArchiveSource:
        name, version = self._parts(rest)
        with download_sdist(name, version) as (archive, found):
            content = read_archive(archive, settings.max_file_bytes)
            source = ArchiveSource(f"pypi:{name}", found, content)
            source.links = package_links(source.look, content.metadata)
            repository = repository_in(labelled_urls(content.metadata))
            clone = repository.clone if repository else ""
            if not len(source):
                raise SourceError(
                    f"{archive.name} holds no documentation: no README and no docs folder.",
                    _elsewhere(clone),
                )
        if source.is_readme_only:
            source.remark = (
                f"The source distribution of {source.name}=={found} holds a README and no documentation. "
                + _elsewhere(clone)
            )
        return source

    def _parts(self, rest: str) -> tuple[str, str]:
        found = _PYPI.match(rest)
        if not found:
            raise SourceError(
                f"pypi:{rest} is not a package source.",
                "Write pypi:NAME or pypi:NAME==VERSION, for example pypi:scrapy==2.11.0",
            )
        return re.sub(r"[-_.]+", "-", found["name"]).lower(), found["version"] or ""


def _elsewhere(clone: str) -> str:
    """Where the documentation may be, if not in the source distribution."""
    repository = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", clone)
    if repository:
        return f"Its repository may have it: clayloop ingest github:{repository[1]}"
    command = f"git clone {clone}" if clone else "clone the project's repository"
    return f"Its repository may have it: {command}, and ingest the documentation folder."
