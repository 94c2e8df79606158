"""Marks within lines of pymdownx, as Material for MkDocs shows them: keys, marked and inserted words."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_KEY = r"(?:[\w-]+|\"[^\"\n]+\")"
_KEYS = re.compile(rf"\+\+({_KEY}(?:\+{_KEY})*)\+\+(?![\w+])")
_MARKED = re.compile(r"(==|\^\^)(?=[^\s=^])[^\n]*?[^\s=^]\1(?![\w=^])")


def dialect(md: MarkdownIt) -> None:
    md.inline.ruler.before("emphasis", "keys", _keys)
    md.inline.ruler.before("emphasis", "marked", _marked)
    md.inline.add_terminator_char("+")
    md.inline.add_terminator_char("=")


def _stands_apart(state: StateInline) -> bool:
    """Whether no word or mark is right before: ``C++`` and ``a==b`` are none of these."""
    before = state.src[state.pos - 1 : state.pos]
    return not before or not (before.isalnum() or before in "_+=^")


def _keys(state: StateInline, silent: bool) -> bool:
    """``++ctrl+alt+delete++`` as reStructuredText's ``:kbd:`` is shown."""
    found = _KEYS.match(state.src, state.pos) if state.src.startswith("++", state.pos) else None
    if not found or not _stands_apart(state):
        return False
    if not silent:
        names = [name.strip('"').replace("-", " ") for name in re.findall(_KEY, found[1])]
        state.push("code_inline", "code", 0).content = "+".join(name[:1].upper() + name[1:] for name in names)
    state.pos = found.end()
    return True


def _marked(state: StateInline, silent: bool) -> bool:
    """``==words==`` and ``^^words^^`` as their words, read as Markdown."""
    found = _MARKED.match(state.src, state.pos) if state.src[state.pos] in "=^" else None
    if not found or not _stands_apart(state):
        return False
    if not silent:
        end = state.posMax
        state.pos, state.posMax = state.pos + 2, found.end() - 2
        state.md.inline.tokenize(state)
        state.posMax = end
    state.pos = found.end()
    return True
