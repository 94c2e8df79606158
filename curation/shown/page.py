"""Text from documents, users and models for the page: it loads and runs nothing in a browser.

A CommonMark parser reads the text once, and what it found is written anew: prose as HTML without a blank line
or a line break of its own, code as fenced blocks at the left margin. Every parser of Markdown agrees about
both, so what the page's own parser sees is what was checked here.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal
from urllib.parse import quote, urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import OptionsDict

from curation.documents.markup.blocks import fenced as in_fence

_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&-])")
_SCHEMES = ("http", "https")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
# How the reader writes what stands between two cells.
_CELLS = re.compile(r"((?:^|(?<!\s)\s+|(?<=\s))\|(?=\s|$)\s*)")
_BREAKS = re.compile(r"[\n\r\f]")  # entities can bring them into a text
# Gradio draws diagrams from code in this language; a document's code is shown, not run.
_DRAWN = "mermaid"


@dataclass(frozen=True)
class Span:
    """The characters from ``start`` to ``end`` of the plain text of the ``block``-th piece of prose."""

    block: int
    start: int
    end: int


@dataclass(frozen=True)
class Block:
    """A paragraph, list, table or piece of code: ``shown`` on the page, and ``markdown`` as it was written.

    It holds the pieces of prose from number ``first`` up to ``last``, without that one. ``is_code``: it is a
    fenced block.
    """

    shown: str
    markdown: str
    first: int
    last: int
    is_code: bool = False


def harmless(markdown: str) -> str:
    """``markdown`` for the page: no HTML of its own, no image, no link to anything but the web."""
    return joined(blocks(markdown))


def blocks(markdown: str, mark: Span | None = None) -> list[Block]:
    """The same, block by block. What ``mark`` covers is marked."""
    found: list[Block] = []
    pieces = 0
    lines = _clean(markdown).split("\n")
    for group in _groups(_parsed(markdown)):
        first = pieces
        start, end = group[0].map or (0, 0)
        source = "\n".join(lines[start:end]).rstrip()
        for token in group:
            if token.type == "inline":
                if mark is not None and mark.block == pieces:
                    token.children = list(_marked(token.children or [], mark.start, mark.end))
                pieces += 1
        _lay_out_tables(group)
        if group[0].type in ("fence", "code_block"):
            code = fenced(group[0].content, group[0].info)
            found.append(Block(code, code, first, pieces, is_code=True))
        else:
            shown = _BREAKS.sub("", _PAGE.renderer.render(group, _PAGE.options, {}))
            found.append(Block(shown, source, first, pieces))
    return found


def joined(parts: Sequence[Block]) -> str:
    """Blocks one below the other."""
    return "\n\n".join(part.shown for part in parts)


def prose(markdown: str) -> list[str]:
    """The plain text of each paragraph, list item and table cell of ``markdown``, in their order; nothing for
    a heading. It is on one line, but rows of cells are on one line each."""
    tokens = _parsed(markdown)
    return [
        "" if before.type == "heading_open" else "".join(map(_plain, token.children or []))
        for before, token in pairwise(tokens)
        if token.type == "inline"
    ]


def fenced(code: str, info: str = "") -> str:
    """A code block that its content cannot close. ``info`` is what stood behind its fence."""
    language = re.sub(r"[^A-Za-z0-9_+.-]", "", "".join(info.split()[:1]))
    return in_fence(code.rstrip(), "" if language.lower() == _DRAWN else language)


def plain(text: str) -> str:
    """``text`` on one line with everything that Markdown or HTML would act upon escaped."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split())).replace("\\<", "&lt;").replace("\\&", "&amp;")


def link(label: str, url: str, otherwise: str) -> str:
    """A Markdown link when ``url`` is http(s); else the label and, as code, ``otherwise`` (a path)."""
    address = web_address(url)
    if address:
        return f"[{plain(label)}]({address})"
    shown = " ".join(otherwise.replace("`", "'").split())
    return f"{plain(label)} (`{shown}`)" if shown else plain(label)


def web_address(url: str) -> str:
    """``url`` quoted for Markdown when it is http or https with a host, else an empty string."""
    try:
        parts = urlsplit(url.strip())
        is_web = parts.scheme.lower() in _SCHEMES and bool(parts.hostname)
    except ValueError:
        return ""
    return quote(url.strip(), safe=":/?#@!$&'*+,;=%~[]") if is_web else ""


def closed(markdown: str) -> str:
    """``markdown`` with an open code block closed, so that what comes after it is not shown as code."""
    tokens = _parsed(markdown)
    last = tokens[-1] if tokens else None
    if last is None or last.type != "fence" or last.level or last.map is None:
        return markdown
    return f"{markdown}\n{last.markup}" if _is_open(markdown, last) else markdown


def _is_open(markdown: str, fence: Token) -> bool:
    assert fence.map is not None  # noqa: S101 - a fence has its lines
    final = markdown.rstrip().split("\n")[-1].strip()
    started_there = fence.map[0] == markdown.rstrip().count("\n")
    ends = len(final) >= len(fence.markup) and not final.strip(fence.markup[0])
    return started_there or not ends


def _parsed(markdown: str) -> list[Token]:
    tokens = _PAGE.parse(_clean(markdown))
    for token in tokens:
        if token.type == "inline" and _are_rows(token.content.split("\n")):
            token.children = list(_apart(token.children or []))
    return tokens


def _apart(children: Sequence[Token]) -> Iterator[Token]:
    """``children`` with a token of its own wherever a row or a cell ends."""
    for token in children:
        if token.type in ("softbreak", "hardbreak") and not token.level:
            token.type = "rowbreak"
        if token.type != "text" or token.level:
            yield token
            continue
        for number, part in enumerate(_CELLS.split(token.content)):
            yield Token("cellbreak", "", 0, content=part) if number % 2 else token.copy(content=part)


def _are_rows(lines: Sequence[str]) -> bool:
    """Whether a paragraph is a table as the reader writes it: each row a line, `` | `` between the cells."""
    return len(lines) > 1 and all(_CELLS.search(line) for line in lines)


def _lay_out_tables(group: Sequence[Token]) -> None:
    """Paragraphs that are rows become tables. The first row is the header: the reader begins each part of a
    table with it, and hardly any table has none."""
    for before, token, after in zip(group, group[1:], group[2:], strict=False):
        children = token.children or []
        is_prose = before.type == "paragraph_open" and token.type == "inline"
        if is_prose and any(child.type == "rowbreak" for child in children):
            for end in (before, after):
                end.tag, end.hidden = "table", False
            token.children = list(_cells(children))


def _cells(children: Sequence[Token]) -> Iterator[Token]:
    """``children`` as the cells of rows. A mark over several cells is one in each of them."""
    name, is_marked = "th", False
    yield from (_tag("tr", 1), _tag(name, 1))
    for token in children:
        if token.type not in ("rowbreak", "cellbreak"):
            is_marked = token.nesting == 1 if token.tag == "mark" else is_marked
            yield token
            continue
        yield from [_tag("mark", -1)] * is_marked
        yield _tag(name, -1)
        if token.type == "rowbreak":
            name = "td"
            yield from (_tag("tr", -1), _tag("tr", 1))
        yield _tag(name, 1)
        yield from [_tag("mark", 1)] * is_marked
    yield from (_tag(name, -1), _tag("tr", -1))


def _tag(name: str, nesting: Literal[-1, 0, 1]) -> Token:
    return Token(name, name, nesting)


def _clean(markdown: str) -> str:
    return _CONTROL.sub(" ", markdown.replace("\r\n", "\n").replace("\r", "\n"))


def _groups(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The tokens of each block that stands in no other."""
    group: list[Token] = []
    for token in tokens:
        group.append(token)
        if token.level == 0 and token.nesting <= 0:
            yield group
            group = []


def _plain(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    if token.type == "rowbreak":
        return "\n"
    return _BREAKS.sub(" ", token.content) if not token.children else "".join(map(_plain, token.children))


def _marked(children: Sequence[Token], start: int, end: int) -> Iterator[Token]:
    """``children`` with a mark around the characters from ``start`` to ``end``. A mark neither starts nor
    ends inside emphasis or a link, but after it."""
    place, is_marked = 0, False
    for token in _cut(children, (start, end)):
        after = place + len(_plain(token))
        if token.level == 0 and token.nesting >= 0 and not is_marked and start <= place < end:
            is_marked = True
            yield Token("mark_open", "mark", 1)
        elif is_marked and place >= end and token.level == 0 and token.nesting >= 0:
            is_marked = False
            yield Token("mark_close", "mark", -1)
        yield token
        place = after
    if is_marked:
        yield Token("mark_close", "mark", -1)


def _cut(children: Sequence[Token], places: tuple[int, int]) -> Iterator[Token]:
    """``children`` with texts outside of emphasis and links cut at ``places``."""
    place = 0
    for token in children:
        size = len(_plain(token))
        if token.type == "text" and token.level == 0:
            cuts = [0, *sorted({at - place for at in places if 0 < at - place < size}), size]
            for first, last in pairwise(cuts):
                yield token.copy(content=token.content[first:last])
        else:
            yield token
        place += size


class _Page(RendererHTML):
    """HTML on one line; images as their text."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return html.escape(_plain(tokens[idx]))

    def softbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return " "

    def hardbreak(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        return "<br>"

    rowbreak = hardbreak

    def link_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        address = web_address(str(tokens[idx].attrs.get("href", "")))
        return f'<a href="{html.escape(address)}">' if address else "<a>"

    def fence(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:
        code = html.escape(tokens[idx].content.rstrip()).replace("\n", "&#10;")
        return f"<pre><code>{code}</code></pre>"

    code_block = fence


_PAGE = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Page).enable(["table", "strikethrough"])
