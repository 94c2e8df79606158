"""The words of HTML that stands inside documentation, without its tags."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from curation.words import word_set

_BREAKING = word_set(
    """
    address article aside blockquote br dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5
    h6 header hr li main nav ol p pre section summary table tbody thead tr ul
    """
)
_CELLS = frozenset({"td", "th"})
_SILENT = frozenset({"script", "style", "svg", "template"})
_INLINE = word_set(
    """
    a abbr acronym area audio b base bdi bdo big body button canvas caption center cite code col
    colgroup data datalist del dfn dir embed em fieldset font frame frameset html head hgroup i
    iframe img input ins kbd label legend link map mark menu meta meter noscript object optgroup
    option output param picture progress q rp rt ruby s samp select slot small source span strike
    strong sub sup textarea tfoot time title tt track u search var video wbr nobr marquee math mi mo
    mn mrow path g circle rect line text polygon use defs dialog
    """
)
_KNOWN = _BREAKING | _CELLS | _SILENT | _INLINE
_TAG = re.compile(r"^</?([A-Za-z][\w.:-]*)")
_BLANK_LINES = re.compile(r"\n\s*\n\s*")
_CELL_EDGE = re.compile(r"[ \t]{2,}\|[ \t]+|[ \t]+\|[ \t]{2,}")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


def is_html_tag(tag: str) -> bool:
    """Whether ``tag`` is markup. ``<your-name>`` and ``<T>`` are words between angle brackets: no element of
    HTML has the name, and nothing but a name is in them."""
    found = _TAG.match(tag)
    if not found or found[1].lower() in _KNOWN:
        return True
    return not re.fullmatch(r"<[A-Za-z][\w.:-]*>", tag)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []
        self._in_row = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")
        elif tag in _CELLS:
            self._in_row += 1
            self.parts.append(" | " if self._in_row > 1 else "\n")
        elif tag in _BREAKING:
            self._in_row = 0 if tag in {"tr", "table"} else self._in_row
            self.parts.append(" " if self._in_row else "\n")
        elif not is_html_tag(self.get_starttag_text() or "<a>"):
            self.parts.append(self.get_starttag_text() or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        elif tag in _BREAKING:
            self._in_row = 0 if tag in {"tr", "table"} else self._in_row
            self.parts.append(" " if self._in_row else "\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(re.sub(r"\s+", " ", data) if self._in_row else data)


def html_words(markup: str) -> str:
    """The readable text of an HTML fragment, without scripts and styles: a line for each block, and for each
    row of a table."""
    reader = _Words()
    try:
        reader.feed(_COMMENT.sub("", markup))
        reader.close()
    except (AssertionError, ValueError):  # html.parser gives up on a few malformed declarations
        return re.sub(r"<[^>]*>", " ", markup).strip()
    lines = [_CELL_EDGE.sub(" | ", line.strip()) for line in "".join(reader.parts).split("\n")]
    return _BLANK_LINES.sub("\n", "\n".join(lines)).strip()
