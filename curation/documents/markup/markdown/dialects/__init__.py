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
from curation.errors import SettingsError

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
    """Ours, then those of other packages by name. Raises SettingsError for one that cannot be loaded."""
    yield from OURS.values()
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.name):
        try:
            yield point.load()
        except (ImportError, AttributeError) as error:
            raise SettingsError(
                f"The Markdown dialect {point.name} ({point.value}) cannot be loaded: {error}",
                f"Correct or uninstall the package that names it in its entry points ({GROUP}).",
            ) from error


def added_dialects() -> list[str]:
    """The dialects of other packages: with others, pages may read differently."""
    return sorted(f"{point.name}={point.value}" for point in entry_points(group=GROUP))
