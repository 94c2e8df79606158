"""Cutting documents into chunks, by one of several strategies (registered by name in ``STRATEGIES``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from curation.documents.anchors import anchors, line_anchor
from curation.documents.markup.blocks import ParsedDocument, Section
from curation.documents.markup.reading import parse
from curation.documents.packing import Cut, Sections
from curation.documents.splitting import Measure, TokenCounter
from curation.records.chunk import Chunk
from curation.records.document import Document
from curation.settings import ChunkSettings

# Raise it when documents are to be cut differently: the next ingest then cuts all of them again.
RECIPE_VERSION = 3


class Strategy(Protocol):
    """Cuts the sections of one document."""

    def cut(self, sections: Sequence[Section]) -> list[Cut]:
        """The text of every chunk in order, each of at most so many tokens as the strategy was made for."""


STRATEGIES: Mapping[str, Callable[[Measure, ChunkSettings], Strategy]] = {
    "sections": lambda measure, given: Sections(measure, given.max_tokens, given.overlap),
}


def chunk_document(
    document: Document,
    counter: TokenCounter,
    settings: ChunkSettings,
    parsed: ParsedDocument | None = None,
    style: str = "none",
) -> list[Chunk]:
    """The chunks of ``document`` in order, each of at most ``settings.max_tokens`` tokens of ``counter`` in
    its whole text.

    Two sections of the same path and text give one chunk (ids are content hashes). A document without any
    text gives none. ``parsed`` saves parsing it again. ``style`` is that of the page's anchors.
    """
    sections = (parsed or parse(document.text, document.markup)).sections
    strategy = STRATEGIES[settings.strategy](Measure(counter), settings)
    is_by_line = style == "lines"
    names = anchors(sections, "none" if is_by_line or not document.url else style)
    chunks: dict[str, Chunk] = {}
    for cut in strategy.cut(sections):
        identity = Chunk.make_id(document.path, cut.path, cut.text)
        if identity not in chunks:
            anchor = line_anchor(cut.line) if is_by_line and document.url else names[cut.at]
            chunks[identity] = Chunk(
                id=identity,
                document_id=document.id,
                source=document.source,
                path=document.path,
                url=f"{document.url}#{quote(anchor)}" if anchor else document.url,
                line=cut.line,
                section=cut.path,
                text=cut.text,
                tokens=cut.tokens,
                position=len(chunks),
            )
    return list(chunks.values())
