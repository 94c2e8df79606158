"""The page that is being read: where it stands, what it includes, and what is noticed on the way."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from curation.documents.markup.blocks import Block, Outline, normalise
from curation.documents.markup.excerpts import NoSuchPartError, excerpt, part_name
from curation.records.document import Markup
from curation.records.identity import content_id

_PART = "\0"  # in a chain: between a file and the part of it
_TITLED = re.compile(r"^.*<([^<>]+)>$")
OUTSIDE = "it lies outside the source"
MOST_DEEP = 8
MOST_INCLUDES = 500
MOST_CHARACTERS = 5_000_000


class Files(Protocol):
    """The files of a source, by path with forward slashes from its root."""

    def text(self, path: str) -> str:
        """A file's text. Raises NotIncludedError with the reason when it can't be had."""


class NotIncludedError(Exception):
    """Why a file is not included. It never leaves the reader: the page goes on without the file."""


class NoFiles:
    """A page that stands alone."""

    def text(self, path: str) -> str:
        raise NotIncludedError("not found")


@dataclass(frozen=True)
class Notice:
    """Something met on a line of the page: a directive's name, a file that is not included and why."""

    name: str
    line: int
    reason: str = ""


@dataclass(frozen=True)
class Included:
    """A file's text, or the part of it that was wanted, and the chain of files from the page to it."""

    text: str
    chain: tuple[str, ...]


@dataclass(frozen=True)
class Passage:
    """Text in another markup on ``line`` of a page: held by it, or of a file that it includes."""

    markup: Markup
    text: str
    chain: tuple[str, ...]
    line: int


Embed = Callable[[Passage, "Page", Outline], None]  # reads a passage into the page's outline


def _no_other_markup(passage: Passage, page: Page, outline: Outline) -> None:
    outline.add(Block("prose", passage.text.strip(), passage.line))


@dataclass
class Page:
    """A page under ``path`` of its source. The reader of a markup notes here what it could not use.

    ``embed`` reads a passage in another markup; ``markup.reading.parse`` sets it. ``seen`` are the files that
    were looked for, each with the hash of its text ("" where there is none), ``parts`` those that were
    included, and whether as a whole. ``listed`` are the pages that the page's tables of contents name,
    ``titles`` what others may call its parts, and ``references`` the marks of titles that it shows
    (see markup.references).
    """

    path: str = ""
    files: Files = field(default_factory=NoFiles)
    unknown: list[Notice] = field(default_factory=list)
    left_out: list[Notice] = field(default_factory=list)
    missing: list[Notice] = field(default_factory=list)
    included: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    parts: dict[str, bool] = field(default_factory=dict)
    listed: list[str] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    references: list[str] = field(default_factory=list)
    embed: Embed = _no_other_markup

    def include(
        self, target: str, line: int, chain: tuple[str, ...] = (), options: Mapping[str, str] | None = None
    ) -> Included | None:
        """The file that ``target`` names, seen from the last file of ``chain`` (else from the page).

        It must lie within the source; what begins with a slash is looked for from every folder above the
        page. ``options`` say which part of it is wanted (see excerpts): a page may include a part of itself.
        None, and a note in ``missing``, when there is none, it is on its own way to itself, or too much.
        """
        chain = chain or (self.path,)
        part = part_name(options or {})
        try:
            path, text = self._find(target.strip(), chain)
            link = f"{path}{_PART}{part}" if part else path
            if link in chain:
                raise NotIncludedError("it includes itself")
            shown = excerpt(normalise(text), options or {})
        except (NotIncludedError, NoSuchPartError) as error:
            self.missing.append(Notice(target, line, str(error)))
            return None
        self.included.append(text)
        self.parts[path] = self.parts.get(path, False) or not part
        return Included(shown, (*chain, link))

    def _find(self, target: str, chain: tuple[str, ...]) -> tuple[str, str]:
        if len(chain) > MOST_DEEP:
            raise NotIncludedError(f"more than {MOST_DEEP} files deep")
        if len(self.included) >= MOST_INCLUDES:
            raise NotIncludedError(f"more than {MOST_INCLUDES} includes in a page")
        if "://" in target:
            raise NotIncludedError("not a file of this source")
        candidates = places(target, chain[-1].split(_PART)[0])
        reason = "not found" if candidates else OUTSIDE
        for path in candidates:
            self.seen[path] = ""
            try:
                text = self.files.text(path)
                self.seen[path] = content_id("file", text)
            except NotIncludedError as error:
                reason = str(error) if reason == "not found" else reason
                continue
            if sum(map(len, self.included)) + len(text) > MOST_CHARACTERS:
                raise NotIncludedError(f"more than {MOST_CHARACTERS:,} characters included in a page")
            return path, text
        raise NotIncludedError(reason)

    def lists(self, entries: Iterable[str]) -> None:
        """Note the ``entries`` of a table of contents: ``name`` or ``title <name>``, with ``*`` and ``?``."""
        folder = posixpath.dirname(self.path)
        for entry in filter(None, map(str.strip, entries)):
            titled = _TITLED.match(entry)
            name = titled[1].strip() if titled else entry
            if "://" not in name:
                self.listed.append(posixpath.normpath(posixpath.join("" if name[0] == "/" else folder, name)))


def places(target: str, seen_from: str) -> list[str]:
    """Where ``target`` may lie, none of it outside the source: beside the file that names it, then below
    each folder above that."""
    folder = posixpath.dirname(seen_from)
    folders = [folder]
    while folder:
        folder = posixpath.dirname(folder)
        folders.append(folder)
    if target.startswith("/"):
        folders.reverse()  # from the root of the documentation, which is nearer to the source's
    bare = target.lstrip("/")
    found = [posixpath.normpath(posixpath.join(one, bare)) for one in folders]
    inner = bare.split("/")
    if target.startswith("/") and ".." not in inner:  # from the root of a repository, of which this is a part
        found += ["/".join(inner[start:]) for start in range(1, len(inner) - 1)]
    return [path for path in dict.fromkeys(found) if not path.startswith("..") and path != "."]
