"""Reading many pages, and cutting them into chunks: in parts, which workers may do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from curation.documents.chunking import chunk_document
from curation.documents.markup.blocks import ParsedDocument
from curation.documents.markup.page import Files, NotIncludedError, Page
from curation.documents.markup.reading import parse_alone
from curation.documents.sources.files import Source, SourceFile
from curation.documents.splitting import TokenCounter
from curation.records.chunk import Chunk
from curation.records.document import Document
from curation.settings import ChunkSettings
from curation.workers import Workers, in_process

_One = TypeVar("_One")

_PART = 20  # pages
_DEALT_OUT_FROM = 10 * _PART  # pages: fewer are read before they have arrived anywhere


class Parsed(NamedTuple):
    """What was met in a page, and its text with marks in the places of titles."""

    page: Page
    document: ParsedDocument


class Uncut(NamedTuple):
    """A document that is to be cut into chunks. ``anchors`` is the style of its page's anchors."""

    document: Document
    parsed: ParsedDocument
    anchors: str


def read_page(file: SourceFile, files: Files) -> Parsed:
    """Read a page that may include others of the ``files``."""
    page = Page(file.path, files)
    return Parsed(page, parse_alone(file.text, file.markup, page))


def read_pages(pages: Sequence[SourceFile], source: Source, workers: Workers) -> Iterator[Parsed]:
    """Each of the ``pages`` of ``source``, in their order. Workers do not have its files: a page that
    includes any is read here."""
    if workers is in_process or len(pages) < _DEALT_OUT_FROM:
        yield from (read_page(file, source) for file in pages)
        return
    apart = (one for part in workers(_read_apart, _parts(pages)) for one in part)
    for file, found in zip(pages, apart, strict=True):
        if found is not None:
            found.page.files = source
        yield found or read_page(file, source)


def cut_pages(
    pages: Sequence[Uncut], counter: TokenCounter, settings: ChunkSettings, workers: Workers
) -> Iterator[list[Chunk]]:
    """The chunks of each of the ``pages``, in their order."""
    deal_out = workers if len(pages) >= _DEALT_OUT_FROM else in_process
    for part in deal_out(_cut, _parts(pages), counter, settings):
        yield from part


class _Elsewhere:
    """Files that a worker does not have, and whether one was wanted."""

    is_wanted = False

    def text(self, path: str) -> str:
        self.is_wanted = True
        raise NotIncludedError("it is elsewhere")


def _read_apart(pages: Sequence[SourceFile]) -> list[Parsed | None]:
    """In a worker: None for a page that wants other files."""
    found: list[Parsed | None] = []
    for file in pages:
        files = _Elsewhere()
        parsed = read_page(file, files)
        found.append(None if files.is_wanted else parsed)
    return found


def _cut(pages: Sequence[Uncut], counter: TokenCounter, settings: ChunkSettings) -> list[list[Chunk]]:
    return [chunk_document(one.document, counter, settings, one.parsed, one.anchors) for one in pages]


def _parts(pages: Sequence[_One]) -> Iterator[Sequence[_One]]:
    return (pages[start : start + _PART] for start in range(0, len(pages), _PART))
