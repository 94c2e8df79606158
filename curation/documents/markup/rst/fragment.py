"""A line of reStructuredText by itself."""

from __future__ import annotations

from curation.documents.markup.page import Page
from curation.documents.markup.rst.inline import InlineText
from curation.documents.markup.rst.parsing import parse_nodes


def rst_inline_to_text(text: str) -> str:
    """One paragraph of reStructuredText without inline markup. Literals keep single backticks."""
    document = parse_nodes(text, Page())
    return InlineText(document)(node for child in document.children for node in child.children)
