"""The words of HTML that stands inside documentation, without its tags."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from curation.words import word_set

_BREAKING = word_set(
    """
    address article aside blockquote br dd details div dl dt figcaption figure footer form h1 h2 h3 h4 h5
    h6 header hr li main nav ol p pre section summary table tbody td th thead tr ul
    """
)
_SILENT = frozenset({"script", "style", "svg", "template"})
_BLANK_LINES = re.compile(r"\n\s*\n\s*")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._silent: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SILENT:
            self._silent.append(tag)
        elif tag == "img":
            self.parts.append(dict(attrs).get("alt") or "")
        elif tag in _BREAKING:
            self.parts.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _SILENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if self._silent and self._silent[-1] == tag:
            self._silent.pop()
        elif tag in _BREAKING:
            self.parts.append("\n")

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.parts.append(data)


def html_words(markup: str) -> str:
    """The readable text of an HTML fragment, without scripts and styles; a line for each block."""
    reader = _Words()
    try:
        reader.feed(_COMMENT.sub("", markup))
        reader.close()
    except (AssertionError, ValueError):  # html.parser gives up on a few malformed declarations
        return re.sub(r"<[^>]*>", " ", markup).strip()
    lines = [line.strip() for line in "".join(reader.parts).split("\n")]
    return _BLANK_LINES.sub("\n", "\n".join(lines)).strip()
