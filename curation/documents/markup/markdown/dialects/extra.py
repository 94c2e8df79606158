"""Footnotes and definition lists, by mdit-py-plugins. A footnote stays where it was written."""

from __future__ import annotations

from markdown_it import MarkdownIt
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin


def dialect(md: MarkdownIt) -> None:
    md.use(deflist_plugin).use(footnote_plugin, inline=False)
    md.disable("footnote_tail")
