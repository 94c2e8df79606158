"""What both parsers produce: sections in document order, each with the blocks under its heading."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

# Characters. In a longer paragraph, which is no prose, no markup is looked for: that may take their square.
MOST_INLINE = 20_000
_LONGEST_LINE = 1_000_000

Kind = Literal["prose", "code", "list", "table", "directive"]

_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f\ue000-\ue005]")  # the last hold places while we read
_LINE_BREAKS = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_DATA = re.compile(r"(data:[\w/+.-]*;base64,)[A-Za-z0-9+/=]{100,}")
_SCRIPT = re.compile(r"</?(?:script|style)\b", re.IGNORECASE)
_HEADING_MARKS = re.compile(r"[`*]+")


@dataclass(frozen=True)
class Block:
    """A leaf of the document's structure.

    ``text`` is cleaned of markup that only a renderer needs; code is verbatim, dedented, without fences.
    ``language`` is a code block's, if it was given. ``line`` is where it starts in the file, from 1.
    ``tight`` blocks follow the one before without a blank line (items of a list, a term and its definition).
    ``head`` is the header of a table, with which its ``text`` begins.
    """

    kind: Kind
    text: str
    line: int
    language: str = ""
    tight: bool = False
    head: str = ""

    @property
    def rendered(self) -> str:
        """The block as it stands in a chunk: code in a fence, anything else as it is."""
        return fenced(self.text, self.language) if self.kind == "code" else self.text


@dataclass
class Section:
    """A heading's path (outermost first; empty above the first heading), its line, and its own blocks.

    ``level`` is the heading's, 0 without one. The rest is what a page says of its anchor: ``labels`` are the
    targets above it (of reStructuredText and MyST), ``given`` is the id in its attributes (``{#id}``), ``id``
    the one that docutils gave it, and ``notes`` how many references to footnotes stand before it.
    """

    path: tuple[str, ...]
    line: int
    blocks: list[Block] = field(default_factory=list)
    level: int = 0
    labels: tuple[str, ...] = ()
    given: str = ""
    id: str = ""
    notes: int = 0


@dataclass
class ParsedDocument:
    """A document's title (empty when it has none) and its sections in order."""

    title: str
    sections: list[Section]


class Outline:
    """Collects blocks under headings while a parser walks through a document."""

    def __init__(self) -> None:
        self.sections: list[Section] = [Section((), 1)]
        self._open: list[tuple[int, str]] = []
        self._labels: list[str] = []
        self._given = ""
        self.notes = 0  # references to footnotes so far, where a reader counts them

    def label(self, name: str, is_id: bool = False) -> None:
        """A target, or the very id: it names the section that begins next, unless text comes first."""
        if is_id:
            self._given = name
        else:
            self._labels.append(name)

    def heading(self, level: int, text: str, line: int, given: str = "", id: str = "") -> None:
        """Start a section; levels count from 1 and may skip. ``given`` and ``id`` are those of Section."""
        title = heading_text(text)
        if not title:
            return
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        self._open.append((level, title))
        self._drop_announcements(title)
        section = Section(tuple(name for _, name in self._open), line, level=level, id=id, notes=self.notes)
        section.labels, section.given = tuple(self._labels), given or self._given
        self.sections.append(section)
        self._forget()

    def _drop_announcements(self, title: str) -> None:
        """Drop a ``.. setting:: NAME`` or the like right above the heading that says NAME: it only marks
        the place."""
        blocks = self.sections[-1].blocks
        while blocks and blocks[-1].kind == "directive" and heading_text(blocks[-1].text) in title:
            blocks.pop()

    def add(self, block: Block) -> None:
        """Append a block to the section that is open; blocks without text are left out."""
        if block.text.strip():
            self.sections[-1].blocks.append(block)
            self._forget()

    def _forget(self) -> None:
        self._labels.clear()
        self._given = ""

    def finish(self, title: str = "", name: str = "") -> ParsedDocument:
        """The parsed document. ``title`` overrules the first heading, and is put above all sections
        without it; so is the page's ``name`` where no heading is its title. What stands above the first
        heading stands below the title, too."""
        headings = [section.path[0] for section in self.sections if section.path]
        is_named = self._has_title() or [one.casefold() for one in headings[:1]] == [name.casefold()]
        title = title or ("" if is_named else name)
        is_new = bool(title) and not (headings and headings[0].casefold() == title.casefold())
        first = headings[0] if headings and not is_new else title
        for section in self.sections:
            if is_new:
                section.path = (title, *section.path)
            elif section.blocks and not section.path and first:
                section.path = (first,)
        kept = [section for section in self.sections if section.path or section.blocks]
        return ParsedDocument(title or first, kept)

    def _has_title(self) -> bool:
        """Whether a heading is the page's: of the first level, or the only one of its level and on top."""
        levels = [section.level for section in self.sections if section.level]
        is_text_above = any(section.blocks for section in self.sections if not section.level)
        return 1 in levels or (
            not is_text_above and bool(levels) and all(level > levels[0] for level in levels[1:])
        )


def plain_paragraphs(text: str) -> ParsedDocument:
    """Text that no parser could take: its paragraphs as they stand."""
    outline = Outline()
    line = 1
    for paragraph in text.split("\n\n"):
        outline.add(Block("prose", paragraph.strip("\n"), line))
        line += paragraph.count("\n") + 2
    return outline.finish()


def fenced(code: str, language: str) -> str:
    """A code block of Markdown that its content cannot close."""
    fence = "```"
    while fence in code:
        fence += "`"
    return f"{fence}{language}\n{code}\n{fence}"


def normalise(text: str) -> str:
    """One kind of line break and no control characters, so that all steps count the same lines. Pictures and
    fonts that stand in the text as data are cut to the name of their kind."""
    text = _CONTROL.sub("", _LINE_BREAKS.sub("\n", text.replace("\r\n", "\n")))
    return _DATA.sub(r"\1…", text) if ";base64," in text else text


def is_data(text: str) -> bool:
    """Whether a line is longer than any of a text that people write; scripts and styles of HTML apart."""
    if len(text) <= _LONGEST_LINE:
        return False
    parts = _SCRIPT.split(normalise(text))[::2]
    return any(len(line) > _LONGEST_LINE for part in parts for line in part.split("\n"))


def heading_text(text: str) -> str:
    """A heading on one line, without emphasis or code marks."""
    return one_line(_HEADING_MARKS.sub("", text))


def one_line(text: str) -> str:
    """All white space collapsed to single spaces."""
    return " ".join(text.split())


def expand_margin(line: str, width: int) -> str:
    """``line`` with the tabs of its indentation as spaces; tabs further on stay."""
    content = line.lstrip(" \t")
    margin = line[: len(line) - len(content)]
    return margin.expandtabs(width) + content if "\t" in margin else line


def dedent(lines: list[str]) -> list[str]:
    """``lines`` without their common indentation and without blank lines around them (tabs count as 8)."""
    expanded = [expand_margin(line, 8).rstrip() for line in lines]
    margins = [len(line) - len(line.lstrip()) for line in expanded if line]
    margin = min(margins, default=0)
    text = "\n".join(line[margin:] for line in expanded).strip("\n")
    return text.split("\n") if text else []
