"""What was met when a page was read: with it, a page that is as it was need not be parsed again.

A file beside the corpus that may be lost at any time: then every page is read again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from curation.documents.markup.blocks import ParsedDocument
from curation.documents.markup.page import Notice, NotIncludedError, Page
from curation.documents.sources.files import Source, SourceFile
from curation.errors import StateError
from curation.files import read_json, write_json
from curation.home import Home
from curation.records.document import Document
from curation.records.identity import content_id

_KEPT = ("seen", "parts", "listed", "titles", "references")
_KINDS = ("unknown", "left_out", "missing")


@dataclass(frozen=True)
class Reading:
    """A page, the id of its document without titles that others gave it, and whether it holds no text.
    ``parsed`` is there when it was parsed today, with marks in the places of titles."""

    file: SourceFile
    page: Page
    document: str
    empty: bool
    parsed: ParsedDocument | None = None


class Readings:
    """The readings of every source, by the path of the page. ``recipe`` says how pages are read: with another
    one nothing is known of them."""

    def __init__(self, home: Home, recipe: str) -> None:
        self._path = home.readings
        self._recipe = recipe
        self._old = self._load()
        self._new: dict[str, dict[str, Any]] = {}

    def _load(self) -> dict[str, dict[str, Any]]:
        try:
            found = read_json(self._path)
            sources: dict[str, dict[str, Any]] = found["sources"] if found["recipe"] == self._recipe else {}
            return {name: dict(pages) for name, pages in sources.items()}
        except (OSError, StateError, ValueError, TypeError, KeyError, AttributeError):
            return {}

    def begin(self, source: Source) -> None:
        self._new[source.name] = {}

    def known(self, source: Source, file: SourceFile) -> Reading | None:
        """What was read before; None when the page, or a file that it includes, is another today."""
        try:
            old = self._old[source.name][file.path]
            if old["text"] != _hash(file) or any(
                _now(source, path) != it for path, it in old["seen"].items()
            ):
                return None
            page = Page(file.path, source)
            for kind in _KEPT:
                setattr(page, kind, old[kind])
            for kind in _KINDS:
                getattr(page, kind).extend(Notice(*one) for one in old[kind])
            reading = Reading(file, page, old["document"], old["empty"])
        except (KeyError, TypeError, AttributeError):
            return None
        self._new[source.name][file.path] = old
        return reading

    def note(self, source: Source, file: SourceFile, page: Page, parsed: ParsedDocument) -> Reading:
        """Keep what was met in ``page``. Its document's id is of its text and of all that it includes."""
        document = Document.make_id(file.path, "\n".join([file.text, *page.included]))
        empty = not any(section.blocks for section in parsed.sections)
        self._new[source.name][file.path] = {
            "text": _hash(file),
            "document": document,
            "empty": empty,
            **{kind: getattr(page, kind) for kind in _KEPT},
            **{kind: [[one.name, one.line, one.reason] for one in getattr(page, kind)] for kind in _KINDS},
        }
        return Reading(file, page, document, empty, parsed)

    def save(self) -> None:
        """Write them where they differ from what is there."""
        sources = {**self._old, **self._new}
        if sources != self._old:
            write_json(self._path, {"recipe": self._recipe, "sources": sources})


def _hash(file: SourceFile) -> str:
    return content_id("page", file.markup, file.text)


def _now(source: Source, path: str) -> str:
    try:
        return content_id("file", source.text(path))
    except NotIncludedError:
        return ""
