"""HTML that stands inside documentation in another markup."""

from __future__ import annotations

import re

from curation.documents.markup.blocks import Block
from curation.documents.markup.web.reader import read_fragment
from curation.words import word_set

_KNOWN = word_set(
    """
    a abbr acronym address area article aside audio b base bdi bdo big blockquote body br button canvas
    caption center cite code col colgroup data datalist dd defs del details dfn dialog dir div dl dt em embed
    fieldset figcaption figure font footer form frame frameset g h1 h2 h3 h4 h5 h6 head header hgroup hr html
    i iframe img input ins kbd label legend li line link main map mark marquee math menu meta meter mi mn mo
    mrow nav nobr noscript object ol optgroup option output p param path picture polygon pre progress q rect
    rp rt ruby s samp script search section select slot small source span strike strong style sub summary sup
    svg table tbody td template text textarea tfoot th thead time title tr track tt u ul use var video wbr
    circle
    """
)
_TAG = re.compile(r"^</?([A-Za-z][\w.:-]*)")
_NAME_ALONE = re.compile(r"<([A-Za-z][\w.:-]*)>")
_PART_OF_A_TABLE = re.compile(r"\s*<t(?:[rdh]|body|head|foot)\b", re.IGNORECASE)


def is_html_tag(tag: str) -> bool:
    """Whether ``tag`` is markup. ``<your-name>`` and ``<T>`` are words between angle brackets: no element of
    HTML has the name, and nothing but a name is in them."""
    found = _TAG.match(tag)
    return not found or found[1].lower() in _KNOWN or not _NAME_ALONE.fullmatch(tag)


def html_blocks(markup: str, line: int = 1) -> list[Block]:
    """What a reader sees of a fragment of HTML, all of it on ``line``. Its headings are prose."""
    shown = _NAME_ALONE.sub(
        lambda found: found[0] if is_html_tag(found[0]) else f"&lt;{found[1]}&gt;", markup
    )
    blocks: list[Block] = []
    for section in read_fragment(f"<table>{shown}" if _PART_OF_A_TABLE.match(shown) else shown, line):
        blocks += [*(Block("prose", title, line) for title in section.path[-1:]), *section.blocks]
    return blocks


def html_words(markup: str) -> str:
    """The readable text of a fragment: a line for each block, and for each row of a table."""
    return "\n".join(block.text for block in html_blocks(markup))
