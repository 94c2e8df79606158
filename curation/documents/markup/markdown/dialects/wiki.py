"""Links of wikis (``[[Page]]``, ``[[Page|words]]``) as their words."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

_LINK = re.compile(r"\[\[(?P<page>[^\[\]|\n]{1,200})(?:\|(?P<words>[^\[\]\n]{1,200}))?\]\](?!\()")
_CONTENTS = frozenset({"toc", "_toc_"})


def dialect(md: MarkdownIt) -> None:
    md.inline.ruler.before("link", "wiki_link", _link)


def _link(state: StateInline, silent: bool) -> bool:
    if not state.src.startswith("[[", state.pos):
        return False
    found = _LINK.match(state.src, state.pos)
    if not found:
        return False
    if not silent and found["page"].lower() not in _CONTENTS:
        state.push("text", "", 0).content = (found["words"] or found["page"]).strip()
    state.pos = found.end()
    return True
