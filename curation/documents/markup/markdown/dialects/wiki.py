"""Links of wikis as their words (``[[Page|words]]``), or as the title of the page (``[[guide/page]]``)."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline

from curation.documents.markup.references import PAGE, mark

_LINK = re.compile(r"\[\[(?P<page>[^\[\]|\n]{1,200})(?:\|(?P<words>[^\[\]\n]{1,200}))?\]\](?!\()")
_PATH = re.compile(r"\w[\w/.-]*(?:#[\w-]+)?")
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
        page = found["page"].strip()
        words = mark(PAGE, page) if _PATH.fullmatch(page) else page
        state.push("text", "", 0).content = (found["words"] or words).strip()
    state.pos = found.end()
    return True
