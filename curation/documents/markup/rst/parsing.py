"""docutils, with every directive and every role known, and nothing of the machine's configuration."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Parser, directives
from docutils.parsers.rst.directives.misc import Replace, Unicode
from docutils.utils import new_document

from curation.documents.markup.page import Page
from curation.documents.markup.rst.directives import for_page
from curation.documents.markup.rst.inline import InlineText
from curation.documents.markup.rst.roles import catch_all_inliner
from curation.documents.markup.rst.settings import settings

_ONE_AT_A_TIME = threading.Lock()


def parse_nodes(text: str, page: Page) -> nodes.document:
    """The nodes of ``text``, before any transform. May raise what docutils raises on odd input."""
    document = new_document(page.path or "page", settings())
    with _every_directive(page):
        Parser(inliner=catch_all_inliner()).parse(text, document)
    return document


def rst_inline_to_text(text: str) -> str:
    """One paragraph of reStructuredText without inline markup. Literals keep single backticks."""
    document = parse_nodes(text, Page())
    return InlineText(document)(node for child in document.children for node in child.children)


@contextmanager
def _every_directive(page: Page) -> Iterator[None]:
    """Answer docutils' question for a directive by its name, for as long as one page is parsed.

    docutils has a list of directives for the whole process and no way to hand a parser its own: Sphinx
    replaces the same function.
    """
    catch_all = for_page(page)

    def find(name: str, *_: object) -> tuple[type, list[Any]]:
        own = {"replace": Replace, "unicode": Unicode}
        return own.get(name.lower(), catch_all), []

    with _ONE_AT_A_TIME:
        before = directives.directive
        directives.directive = find  # type: ignore[assignment]
        try:
            yield
        finally:
            directives.directive = before
