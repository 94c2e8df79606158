"""Markdown and reStructuredText, read into sections of blocks that a chunk can be packed from."""

from curation.documents.markup.blocks import Block, Kind, ParsedDocument, Section
from curation.documents.markup.reading import looks_like_restructuredtext, markup_of, parse

__all__ = [
    "Block",
    "Kind",
    "ParsedDocument",
    "Section",
    "looks_like_restructuredtext",
    "markup_of",
    "parse",
]
