"""reStructuredText to sections of blocks.

A line scanner of our own, because docutils' parser replaces directives and roles that it does not know by
error messages, and documentation is full of those; it also does not keep the lines that blocks start on. The
rules are those of the reStructuredText specification. Tables are read with docutils' parsers.
"""

from __future__ import annotations

import re
import unicodedata

from curation.documents.markup.blocks import (
    Block,
    Kind,
    Outline,
    ParsedDocument,
    dedent,
    expand_margin,
    one_line,
)
from curation.documents.markup.rst_explicit import DIRECTIVE, EXPLICIT, ExplicitMarkup
from curation.documents.markup.rst_inline import rst_inline_to_text
from curation.documents.markup.rst_lines import Lines
from curation.documents.markup.rst_tables import GRID_BORDER, SIMPLE_BORDER, table_text

_ADORNMENT = re.compile(r"^([!-/:-@\[-`{-~])\1*$")
_BULLET = re.compile(r"^[-*+\u2022\u2023\u2043](?: +|$)")
_ENUMERATED = re.compile(r"^(?:\(?(?:\d+|[a-zA-Z]|[ivxlcdmIVXLCDM]+|#)[.)])(?: +|$)")
_FIELD = re.compile(r"^:(?![:\s`])(?P<name>(?:[^:\n`\\]|\\.|:(?=\w)|`[^`]*`)+):(?: +(?P<text>.*))?$")
_LINE_BLOCK = re.compile(r"^\|(?: +|$)")
_MAX_DEPTH = 40


def parse_restructuredtext(text: str) -> ParsedDocument:
    """Read reStructuredText. What it does not understand stays as prose."""
    scanner = _Scanner(text)
    return scanner.outline.finish()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.outline = Outline()
        self._styles: list[tuple[str, bool]] = []
        self._level = 0
        self.substitutions: dict[str, str] = {}
        lines = [expand_margin(line, 8).rstrip() for line in text.split("\n")]
        self._collect_substitutions(lines)
        self._explicit = ExplicitMarkup(self)
        self.scan(lines, 1, 0, "")

    # Walking

    def scan(self, lines: list[str], first: int, depth: int, prefix: str, tight: bool = False) -> None:
        """Read ``lines``, of which the first is line ``first`` of the file, into blocks.

        ``prefix`` (a list marker, a label) goes before the first block; ``tight`` glues that one to the block
        before.
        """
        state = Lines(lines, first, depth, prefix, tight)
        while state.at < len(lines):
            line = lines[state.at]
            if not line:
                state.at += 1
            elif line[0] == " ":
                self._quote(state)
            elif EXPLICIT.match(line):
                self._explicit.read(state)
            elif depth == 0 and (self._overlined_title(state) or self._underlined_title(state)):
                continue
            elif _ADORNMENT.match(line) and len(line) >= 4 and state.blank_after():
                state.at += 1  # a transition
            elif GRID_BORDER.match(line) or SIMPLE_BORDER.match(line):
                self._table(state)
            elif line.startswith(">>> ") or line == ">>>":
                start, taken = state.take_until_blank()
                self.add("code", "\n".join(taken), state, start, language="pycon")
            elif _BULLET.match(line) or self._is_enumerated(state):
                self._item(state)
            elif _FIELD.match(line):
                self._field(state)
            elif _LINE_BLOCK.match(line):
                start, taken = state.take_until_blank()
                rows = [
                    rst_inline_to_text(_LINE_BLOCK.sub("", row), self.substitutions).strip() for row in taken
                ]
                self.add("prose", "\n".join(rows), state, start)
            else:
                self._paragraph(state)
        if state.prefix.strip():
            self.add("prose", "", state, first)

    def add(self, kind: Kind, text: str, state: Lines, line: int, language: str = "") -> None:
        """Add a block. A pending prefix goes before prose, or on a line of its own before code and tables."""
        prefix, state.prefix = state.prefix, " " * len(state.prefix) if _is_marker(state.prefix) else ""
        tight, state.tight = state.tight, False
        state.in_list = False
        number = state.first + line if line < 0 else line
        if kind in {"code", "table"}:
            if prefix.strip():
                self.outline.add(Block("prose", prefix.rstrip(), number, tight=tight))
            self.outline.add(Block(kind, text, number, language=language))
            return
        shown: Kind = "list" if _is_marker(prefix) else kind
        self.outline.add(Block(shown, (prefix + text).rstrip(), number, tight=tight))

    # Sections

    def _overlined_title(self, state: Lines) -> bool:
        line, title, under = state.peek(0), state.peek(1), state.peek(2)
        if not (_ADORNMENT.match(line) and title and under == line and not _ADORNMENT.match(title)):
            return False
        if len(line) < 4 and len(line) < _width(title.strip()):
            return False
        self._heading((line[0], True), title.strip(), state.number)
        state.at += 3
        return True

    def _underlined_title(self, state: Lines) -> bool:
        title, under = state.peek(0), state.peek(1)
        if not (title and under and _ADORNMENT.match(under)) or _ADORNMENT.match(title):
            return False
        if under == "::" or (len(under) < 4 and len(under) < _width(title)):
            return False
        self._heading((under[0], False), title, state.number)
        state.at += 2
        return True

    def _heading(self, style: tuple[str, bool], title: str, line: int) -> None:
        if style not in self._styles:
            del self._styles[self._level :]
            self._styles.append(style)
        self._level = self._styles.index(style) + 1
        self.outline.heading(self._level, rst_inline_to_text(title, self.substitutions), line)

    # Body elements

    def _paragraph(self, state: Lines) -> None:
        start = state.number
        taken = [state.peek(0)]
        state.at += 1
        if state.at < len(state.lines) and state.peek(0).startswith(" "):
            self._definition(taken[0], start, state)
            return
        while state.at < len(state.lines) and state.peek(0) and not state.peek(0).startswith(" "):
            if state.depth == 0 and taken[-1].endswith("::") is False and self._title_ahead(state):
                break
            taken.append(state.peek(0))
            state.at += 1
        text = "\n".join(taken)
        literal = text.endswith("::")
        if literal:
            text = text[:-2].rstrip() if text == "::" or text[:-2].endswith((" ", "\n")) else text[:-1]
        if text:
            self.add("prose", self.clean(text), state, start)
        if literal:
            self._literal(state)

    def _title_ahead(self, state: Lines) -> bool:
        """A title without a blank line before it. Its underline is as long as it is."""
        title, under = state.peek(0), state.peek(1)
        return bool(
            under and _ADORNMENT.match(under) and len(under) >= max(4, _width(title)) and title[0] != under[0]
        )

    def _literal(self, state: Lines) -> None:
        at = state.at
        while at < len(state.lines) and not state.lines[at]:
            at += 1
        if at >= len(state.lines):
            return
        line = state.lines[at]
        if line.startswith(" "):
            state.at = at
            start, taken = state.take_indented()
            self.add("code", "\n".join(dedent(taken)), state, start)
        elif not line[0].isalnum() and not EXPLICIT.match(line) and at > state.at:
            state.at = at  # a quoted literal block: every line begins with the same punctuation
            start = state.number
            taken = []
            while state.at < len(state.lines) and state.peek(0)[:1] == line[0]:
                taken.append(state.peek(0))
                state.at += 1
            self.add("code", "\n".join(taken), state, start)

    def _definition(self, term: str, start: int, state: Lines) -> None:
        body_start, taken = state.take_indented()
        if term.endswith("::"):  # a literal block that follows at once
            self.add("prose", self.clean(term[:-1]), state, start)
            self.add("code", "\n".join(dedent(taken)), state, body_start)
            return
        self.add("prose", self.clean(term), state, start)
        self.nested(taken, body_start, state, "", tight=True)

    def _quote(self, state: Lines) -> None:
        start, taken = state.take_indented()
        prefix, state.prefix = state.prefix, ""
        tight, state.tight = state.tight, False
        self.nested(taken, start, state, prefix, tight)

    def nested(self, lines: list[str], first: int, state: Lines, prefix: str, tight: bool = False) -> None:
        leading = next((number for number, line in enumerate(lines) if line), 0)
        inner = dedent(lines)
        if state.depth >= _MAX_DEPTH:
            nested = Lines([], first, state.depth, prefix, tight)
            self.add("prose", self.clean("\n".join(line.strip() for line in inner)), nested, first)
        else:
            self.scan(inner, first + leading, state.depth + 1, prefix, tight)

    def _is_enumerated(self, state: Lines) -> bool:
        found = _ENUMERATED.match(state.peek(0))
        if not found:
            return False
        following = state.peek(1)
        return not following or following.startswith(" ") or bool(_ENUMERATED.match(following))

    def _item(self, state: Lines) -> None:
        line = state.peek(0)
        found = _BULLET.match(line) or _ENUMERATED.match(line)
        marker = line[: found.end()] if found else ""
        width = max(len(marker), 1)
        start = state.number
        body = [line[len(marker) :]]
        state.at += 1
        while state.at < len(state.lines):
            ahead = state.peek(0)
            indent = len(ahead) - len(ahead.lstrip(" "))
            if ahead and indent == 0:
                break
            body.append(ahead[min(width, indent) :])
            state.at += 1
        symbol = "-" if _BULLET.match(line) else marker.strip()
        lead = state.prefix + (symbol + " ")
        tight = state.tight or state.in_list
        state.prefix = " " * len(state.prefix)
        state.tight = False
        state.in_list = True
        while body and not body[-1]:
            body.pop()
        if state.depth >= _MAX_DEPTH:
            nested = Lines([], start, state.depth, lead, tight)
            self.add("list", self.clean("\n".join(part.strip() for part in body)), nested, start)
        else:
            self.scan(body, start, state.depth + 1, lead, tight)

    def _field(self, state: Lines) -> None:
        found = _FIELD.match(state.peek(0))
        start = state.number
        state.at += 1
        _, taken = state.take_indented() if state.peek(0).startswith(" ") else (0, [])
        name, text = (found["name"], found["text"] or "") if found else ("", "")
        if not text and not any(taken):  # :orphan: and its like say nothing to a reader
            return
        state.prefix += f"{self.clean(name)}: "
        tight = state.in_list
        state.in_list = True
        prefix, state.prefix = state.prefix, ""
        self.nested([text, *dedent(taken)] if text else dedent(taken), start, state, prefix, tight)

    def _table(self, state: Lines) -> None:
        start = state.number
        grid = state.peek(0).startswith("+")
        taken = [state.peek(0)]
        state.at += 1
        borders = 1
        while state.at < len(state.lines):
            line = state.peek(0)
            if grid and not line:
                break
            if not grid and not line and (borders >= 3 or _simple_table_ended(taken)):
                break
            taken.append(line)
            state.at += 1
            if not grid and SIMPLE_BORDER.match(line):
                borders += 1
                if not state.peek(0):
                    ahead = state.lines[state.at :]
                    if borders >= 3 or not any(SIMPLE_BORDER.match(other) for other in ahead[:200]):
                        break
        while taken and not taken[-1]:
            taken.pop()
        self.add("table", table_text(taken), state, start)

    def clean(self, text: str) -> str:
        return one_line(rst_inline_to_text(text, self.substitutions))

    def _collect_substitutions(self, lines: list[str]) -> None:
        for line in lines:
            if line.startswith(".. |"):
                found = DIRECTIVE.match(line[3:])
                if found and found["sub"] and found["name"] in {"replace", "unicode"}:
                    self.substitutions[found["sub"]] = rst_inline_to_text(found["argument"] or "")


def _is_marker(prefix: str) -> bool:
    lead = prefix.lstrip()
    return bool(_BULLET.match(lead) or _ENUMERATED.match(lead))


def _width(text: str) -> int:
    """Columns that ``text`` takes: East Asian wide characters take two."""
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _simple_table_ended(taken: list[str]) -> bool:
    return bool(taken) and bool(SIMPLE_BORDER.match(taken[-1])) and len(taken) > 1
