"""Cutting documents into chunks, each with the address of the section in which it begins."""

from __future__ import annotations

from itertools import groupby
from urllib.parse import quote

from curation.documents.anchors import anchors, line_anchor
from curation.documents.corpus import Corpus
from curation.documents.markup.blocks import ParsedDocument
from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse, parse_alone
from curation.documents.markup.references import Titles, with_titles
from curation.documents.packing import Packing
from curation.documents.splitting import Measure, TokenCounter
from curation.progress import SILENT, Progress
from curation.records.chunk import Chunk
from curation.records.document import Document
from curation.settings import ChunkSettings

# Raise it when documents are to be cut differently: the next ingest then cuts all of them again.
RECIPE_VERSION = 8


def cut_again(
    corpus: Corpus, counter: TokenCounter, settings: ChunkSettings, progress: Progress = SILENT
) -> list[Chunk]:
    """The chunks that the documents of ``corpus`` would be cut into; nothing is stored.

    Documents are read as they are in the corpus, which does not have the files that they include.
    """
    chunks: dict[str, Chunk] = {}
    with progress.task("Cutting", len(corpus.documents), "documents") as advance:
        for _, documents in groupby(corpus.documents, key=lambda document: document.source):
            read = [(document, Page(document.path)) for document in documents]
            parsed = [parse_alone(document.text, document.markup, page) for document, page in read]
            titles = Titles({page.path: page.titles for _, page in read})
            for (document, page), alone in zip(read, parsed, strict=True):
                whole = with_titles(alone, titles.of(page.references, page.path))
                for chunk in chunk_document(document, counter, settings, whole):
                    chunks.setdefault(chunk.id, chunk)
                advance(1)
    return list(chunks.values())


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
    packing = Packing(Measure(counter), settings.max_tokens, settings.overlap)
    is_by_line = style == "lines"
    names = anchors(sections, "none" if is_by_line or not document.url else style)
    chunks: dict[str, Chunk] = {}
    for cut in packing.cut(sections):
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
