"""Which markup a file is in, and the parser for it."""

from __future__ import annotations

import re

from curation.documents.markup.blocks import Outline, ParsedDocument, normalise
from curation.documents.markup.markdown.reader import include_markdown, parse_markdown
from curation.documents.markup.page import Page, Passage
from curation.documents.markup.pdf import parse_pdf
from curation.documents.markup.python import parse_python
from curation.documents.markup.references import Titles, marks_in, titles_in, with_titles
from curation.documents.markup.rst.reader import include_restructuredtext, parse_restructuredtext
from curation.documents.markup.web.reader import parse_html
from curation.records.document import Markup

_SUFFIXES: dict[str, Markup] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".mdx": "markdown",
    ".qmd": "markdown",  # of Quarto, as R Markdown is
    ".rmd": "markdown",
    ".ipynb": "markdown",  # its cells, see notebook.py
    ".rst": "restructuredtext",
    ".html": "html",
    ".htm": "html",
    ".xhtml": "html",
    ".pdf": "pdf",
}
_ADORNED_TITLE = re.compile(r"^\S.*\n([=\-~^\"'*+#`])\1{2,}[ \t]*$", re.MULTILINE)
_EXPLICIT_MARKUP = re.compile(r"^\.\. (?:[\w:.-]+::|_[^:\n]+:|\|)|:[\w:+-]+:`", re.MULTILINE)


def markup_of(path: str) -> Markup | None:
    """The markup that a file's name promises; None for ``.txt`` (see below) and others."""
    name = path.rsplit("/", 1)[-1].lower()
    dot = name.rfind(".")
    return _SUFFIXES.get(name[dot:]) if dot > 0 else None


def looks_like_restructuredtext(text: str) -> bool:
    """Whether a ``.txt`` file is documentation in reStructuredText, as Django's are.

    It must hold an underlined title and a directive, target or role, so that licences, requirements and word
    lists are not taken for documentation.
    """
    text = normalise(text)
    return bool(_ADORNED_TITLE.search(text) and _EXPLICIT_MARKUP.search(text))


def parse(
    text: str, markup: Markup, page: Page | None = None, titles: Titles | None = None
) -> ParsedDocument:
    """Read ``text``. Never raises on any text: what is not understood is kept as prose, and noted in
    ``page``. Cross-references show the ``titles`` of a source, else those of the page itself."""
    page = page or Page()
    document = parse_alone(text, markup, page)
    titles = titles or Titles({page.path: page.titles})
    return with_titles(document, titles.of(page.references, page.path))


def parse_alone(text: str, markup: Markup, page: Page) -> ParsedDocument:
    """The same with marks in the places of titles. ``page`` notes the marks, and the titles of its own."""
    document = _parse(text, markup, page)
    page.titles, page.references = titles_in(document), marks_in(document)
    return document


def _parse(text: str, markup: Markup, page: Page) -> ParsedDocument:
    page.embed = _embed
    if markup == "pdf":
        return parse_pdf(text)
    text = normalise(text)
    if markup == "html":
        return parse_html(text, page)
    if markup == "python":
        return parse_python(text, page)
    return parse_markdown(text, page) if markup == "markdown" else parse_restructuredtext(text, page)


def _embed(passage: Passage, page: Page, outline: Outline) -> None:
    read = include_markdown if passage.markup == "markdown" else include_restructuredtext
    read(passage, page, outline)
