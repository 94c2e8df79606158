"""reStructuredText to sections of blocks."""

from __future__ import annotations

from dataclasses import replace

from docutils import ApplicationError

from curation.documents.markup.blocks import Block, Outline, ParsedDocument, plain_paragraphs
from curation.documents.markup.page import Notice, Page, Passage
from curation.documents.markup.references import page_name
from curation.documents.markup.rst.parsing import parse_nodes
from curation.documents.markup.rst.walking import Walker

# What docutils raises on odd input, beside its own errors.
_GIVES_UP = (
    ApplicationError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RecursionError,
    TypeError,
    ValueError,
)


def parse_restructuredtext(text: str, page: Page) -> ParsedDocument:
    """Read reStructuredText. A page that docutils gives up on is kept as plain paragraphs, and noted."""
    try:
        document = parse_nodes(text, page)
        walker = Walker(document, page)
        walker.read(document)
        return walker.outline.finish(name=page_name(page.path))
    except _GIVES_UP:
        page.unknown.append(Notice("a page that is not reStructuredText throughout", 1))
        return plain_paragraphs(text)


def include_restructuredtext(passage: Passage, page: Page, outline: Outline) -> None:
    """Read the reStructuredText that a page in another markup holds."""
    line = passage.line
    inner = Page(passage.chain[-1], page.files, included=page.included, embed=page.embed)
    inner.seen, inner.parts, inner.listed = page.seen, page.parts, page.listed
    try:
        document = parse_nodes(passage.text, inner)
    except _GIVES_UP:
        page.unknown.append(Notice("a part that is not reStructuredText throughout", line))
        outline.add(Block("prose", passage.text.strip(), line))
        return
    Walker(document, inner, outline, shift=line - 1).read(document)
    for own, its in (
        (page.unknown, inner.unknown),
        (page.left_out, inner.left_out),
        (page.missing, inner.missing),
    ):
        own += [replace(notice, line=notice.line + line - 1) for notice in its]
