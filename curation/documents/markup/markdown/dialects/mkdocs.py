"""MkDocs with Material: admonitions and tabs with indented content (``!!! note``, ``=== "Linux"``)."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

from curation.documents.markup.markdown.context import (
    add_block_rule,
    as_label,
    context_of,
    cut_lines,
    labelled,
    line_at,
    push_markdown,
)

_INDENTED = re.compile(
    r"^(?:(?:!!!|\?\?\?\+?)[ \t]*(?P<type>[\w-]+)?(?P<classes>[ \w-]*?)|===[!+]*)"
    r"(?:[ \t]*(?P<quote>[\"'])(?P<title>.*)(?P=quote))?[ \t]*$"
)
_CONTENTS = re.compile(r"^\[(?:TOC|\[toc\]|\[_TOC_\])\]\s*$", re.IGNORECASE)
_ICON = re.compile(r":(?:material|octicons|fontawesome|simple)-[\w-]+:(?:\{[^{}\n]*\})?")
_BLOCK_ATTRIBUTES = re.compile(r"^\{:?\s*[.#][^{}]*\}\s*$")
# <figure markdown="span">: what stands within is Markdown
_MARKDOWN_WITHIN = re.compile(r"^<[a-z][\w-]*\s(?:[^<>]*\s)?markdown(?:=[\"']?\w+[\"']?)?(?:\s[^<>]*)?>\s*$")
_ID = re.compile(r"#([\w:.-]+)")


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, "!?=", _indented)
    add_block_rule(md, "[{", _no_text)
    add_block_rule(md, "<", _element)
    md.inline.ruler.before("emphasis", "icon", _icon)


def _indented(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if line[:3] not in {"!!!", "???", "==="}:
        return False
    found = _INDENTED.match(line)
    if not found or not (found["title"] is not None or found["type"]):
        return False
    if silent:
        return True
    end = first + 1
    while end < last and (state.isEmpty(end) or state.sCount[end] >= state.sCount[first] + 4):
        end += 1
    while end > first + 1 and state.isEmpty(end - 1):
        end -= 1
    label = found["title"] if found["title"] is not None else (found["type"] or "").capitalize()
    lines = cut_lines(state, first + 1, end, state.sCount[first] + 4)
    with labelled(state, as_label(label), first, end):
        push_markdown(state, lines, first + 1)
    state.line = end
    return True


def _no_text(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if line[:1] not in {"[", "{"}:
        return False
    if _CONTENTS.match(line):
        if not silent:
            context_of(state).left_out("[TOC]", first)
    elif not _BLOCK_ATTRIBUTES.match(line):
        return False
    if not silent:
        given = _ID.search(line)
        if given:
            state.push("label", "", 0).meta = {"name": given[1], "is_id": True}
        state.line = first + 1
    return True


def _element(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """The first line of an element with Markdown within: its last is read as HTML."""
    if not _MARKDOWN_WITHIN.match(line_at(state, first)):
        return False
    if not silent:
        state.line = first + 1
    return True


def _icon(state: StateInline, silent: bool) -> bool:
    if state.src[state.pos] != ":":
        return False
    found = _ICON.match(state.src, state.pos)
    if found:
        state.pos = found.end()
    return bool(found)
