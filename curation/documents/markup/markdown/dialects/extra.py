"""Footnotes and definition lists, by mdit-py-plugins; tables with ``|`` in code.

A footnote stays where it was written.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock, table
from mdit_py_plugins.deflist import deflist_plugin
from mdit_py_plugins.footnote import footnote_plugin

from curation.documents.markup.markdown.context import line_at

_RULE = re.compile(r"[|:-][|: \t-]*$")
_CODE = re.compile(r"(?<!`)(`{1,3})(?!`)(?:(?!\1).){1,300}?\1(?!`)")
_PIPE = re.compile(r"(?<!\\)\|")
_HELD = "\ue004"  # stands for a pipe in code


def dialect(md: MarkdownIt) -> None:
    md.use(deflist_plugin).use(footnote_plugin, inline=False)
    md.disable("footnote_tail")
    md.block.ruler.at("table", _table, {"alt": ["paragraph", "reference"]})


def _table(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """markdown-it's own, but that code may hold ``|`` in a row that has too many cells otherwise."""
    rule = line_at(state, first + 1) if first + 1 < last else ""
    if not _RULE.match(rule):
        return False
    text, width, begun = state.src, _width(rule), len(state.tokens)
    if _width(_held(line_at(state, first), width)) != width:
        return False
    end = first
    while end < last and not state.isEmpty(end):
        end += 1
    begin, behind = state.bMarks[first], state.eMarks[end - 1]
    rows = (_held(row, width) for row in text[begin:behind].split("\n"))
    state.src = text[:begin] + "\n".join(rows) + text[behind:]
    try:
        return table(state, first, last, silent)
    finally:
        state.src = text
        for token in state.tokens[begun:]:
            token.content = token.content.replace(_HELD, "|")


def _width(row: str) -> int:
    return len(_PIPE.findall(row.strip("> \t").removeprefix("|").removesuffix("|"))) + 1


def _held(row: str, width: int) -> str:
    if "`" not in row or _width(row) <= width:
        return row
    return _CODE.sub(lambda code: _PIPE.sub(_HELD, code[0]), row)
