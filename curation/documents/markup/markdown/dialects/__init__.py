"""Dialects of Markdown by name: each is a plug-in of markdown-it, all are on for every page.

Another package adds one with an entry point in the group ``clayloop.markdown``: a function that takes the
``MarkdownIt`` and adds rules to it, which push the tokens that ``context.py`` names.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import entry_points

from markdown_it import MarkdownIt

from curation.documents.markup.markdown.dialects import (
    containers,
    extra,
    mdx,
    mkdocs,
    myst,
    shortcodes,
    snippets,
    wiki,
)

Dialect = Callable[[MarkdownIt], None]
GROUP = "clayloop.markdown"
# A line that two dialects could take is the first one's.
OURS: Mapping[str, Dialect] = {
    "extra": extra.dialect,
    "wiki": wiki.dialect,
    "snippets": snippets.dialect,
    "mdx": mdx.dialect,
    "shortcodes": shortcodes.dialect,
    "containers": containers.dialect,
    "mkdocs": mkdocs.dialect,
    "myst": myst.dialect,
}


def dialects() -> Iterator[Dialect]:
    """Ours, then those of other packages by name."""
    yield from OURS.values()
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        yield point.load()
