"""Text that no parser could take: paragraphs as they stand."""

from __future__ import annotations

from curation.documents.markup.blocks import Block, Outline, ParsedDocument


def plain_paragraphs(text: str) -> ParsedDocument:
    outline = Outline()
    line = 1
    for paragraph in text.split("\n\n"):
        outline.add(Block("prose", paragraph.strip("\n"), line))
        line += paragraph.count("\n") + 2
    return outline.finish()
