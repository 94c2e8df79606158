"""The directive that stands for every directive: any options, any argument, its content parsed."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import Directive, states
from docutils.statemachine import StringList, string2lines

from curation.documents.markup.blocks import dedent
from curation.documents.markup.excerpts import language_of
from curation.documents.markup.html import html_words
from curation.documents.markup.page import Notice, Page
from curation.documents.markup.rst.names import (
    ARGUMENT_IS_TEXT,
    CODE,
    CONTENT_MAY_BE_ARGUMENT,
    KNOWN,
    LABELLED,
    LISTS_PAGES,
    TRANSPARENT,
    VERSIONS,
    holds_code,
    is_rule_of_card,
    is_silent,
    label_of,
    said_by_options,
    short_name,
)
from curation.documents.markup.rst.nodes import Labelled, Signature, code
from curation.documents.markup.rst.tables import csv_rows, header_rows, list_rows, table_node

_OPTION = re.compile(r"^:(?P<name>[\w-]+):(?:\s+(?P<value>.*))?$")
_WORD = re.compile(r"^[\w+#-]+$")
# The language may stand alone in the first line below them.
_LANGUAGE_MAY_FOLLOW = frozenset({"code", "code-block", "sourcecode"})
_MARKDOWN = frozenset({"myst", "myst_parser.sphinx_", "markdown", "commonmark", "recommonmark"})
_NOT_A_LANGUAGE = frozenset({"math", "prompt"})
Made = list[nodes.Node]


class CatchAll(Directive):
    """Reads the block of any directive. ``page`` is set in a subclass for each page (see ``for_page``)."""

    has_content = True
    page: Page

    def run(self) -> Made:
        """Nodes for what a reader sees of it."""
        short = self.short = short_name(self.name)
        self._split()
        if short not in KNOWN:
            self.page.unknown.append(Notice(self.name, self.line))
        if is_silent(short, self.argument, any(self.body)):
            self.page.left_out.append(Notice(self.name, self.line))
            if short in LISTS_PAGES:
                self.page.lists(self.body)
            return []
        if (
            short == "only"
            and self.argument
            and set(self.argument.split()) <= {"latex", "man", "texinfo", "or"}
        ):
            self.page.left_out.append(Notice(f"only {self.argument}", self.line))  # the page shows another
            return []
        if self.state.__class__.__name__ == "SubstitutionDef":
            words = self.given.get("alt", "") if short in {"image", "figure"} else self.argument
            return [nodes.inline("", words)]
        if short in CODE:
            return self._code()
        if holds_code(short, list(self.body)):
            made = self.placed(code("\n".join(dedent(list(self.body))), ""))
            return [*self.paragraph(self.argument), made]
        reader = _READERS.get(short)
        return reader(self) if reader else self._described()

    # The block

    def _split(self) -> None:
        """Tell the argument, the options and the content of the directive's block apart."""
        lines = list(self.content)
        beside = bool(lines) and self.content_offset < self.lineno  # text beside the two colons
        at = 0
        if beside:
            at = 1
            while at < len(lines) and lines[at].strip() and not _OPTION.match(lines[at].strip()):
                at += 1
            if self.short in CONTENT_MAY_BE_ARGUMENT | VERSIONS.keys():
                at = 1
        elif self.short in _LANGUAGE_MAY_FOLLOW and len(lines) > 1 and not lines[1].strip():
            at = 1 if self.content_offset == self.lineno and _WORD.match(lines[0]) else 0
        self.argument = "\n".join(line.strip() for line in lines[:at])
        self.given: dict[str, str] = {}
        if self.content_offset <= self.lineno:
            at = self._options(lines, at)
        while at < len(lines) and not lines[at].strip():
            at += 1
        self.body: StringList = self.content[at:]
        for number, text in enumerate(list(self.body)):
            if is_rule_of_card(self.short, text):
                self.body[number] = ""
        self.body_offset = self.content_offset + at
        source, line = self.state_machine.get_source_and_line(self.lineno)
        self.source: str = source or ""
        self.line: int = line or self.lineno

    def _options(self, lines: Sequence[str], at: int) -> int:
        name = ""
        while at < len(lines):
            found = _OPTION.match(lines[at])
            if found:
                name = found["name"]
                self.given[name] = found["value"] or ""
            elif name and lines[at][:1].isspace() and lines[at].strip():
                self.given[name] += " " + lines[at].strip()
            else:
                break
            at += 1
        return at

    def parse(self, lines: StringList, offset: int, titles: bool = False) -> Made:
        """The nodes of ``lines``; headings are allowed where ``titles`` says so."""
        holder = nodes.Element()
        holder.document = self.state.document
        if titles:
            memo = self.state.memo
            styles, level = memo.title_styles, memo.section_level
            memo.title_styles, memo.section_level = [], 0
            try:
                self.state.nested_parse(lines, offset, holder, match_titles=True)
            finally:
                memo.title_styles, memo.section_level = styles, level
        else:
            self.state.nested_parse(lines, offset, holder)
        return list(holder.children)

    def parsed(self, titles: bool = False) -> Made:
        return self.parse(self.body, self.body_offset, titles)

    def paragraph(self, text: str) -> Made:
        """``text`` with its inline markup, as a paragraph; nothing for no text."""
        if not text.strip():
            return []
        inline, messages = self.state.inline_text(text, self.lineno)
        return [self.placed(nodes.paragraph(text, "", *inline)), *messages]

    def placed(self, node: Any) -> Any:
        """``node`` on the line of the directive."""
        node.source, node.line = self.source or None, self.line
        return node

    def labelled(self, label: str, children: Made) -> Made:
        """``children`` behind ``label``, whose inline markup is read."""
        made = Labelled("", *children)
        made["label"] = nodes.inline("", "", *self.state.inline_text(label, self.lineno)[0])
        return [self.placed(made)]

    # Kinds of directives

    def _code(self) -> Made:
        words, _, rest = self.argument.partition(" ")
        caption = self.given.get("caption", "") or (rest if self.short == "code-tab" else "")
        lines = dedent(list(self.body)) or ([self.argument] if self.argument else [])
        language = words if any(self.body) and self.short not in _NOT_A_LANGUAGE else ""
        label = f"{caption.rstrip(':')}:" if caption else ""
        made = self.placed(code("\n".join(lines), language))
        made.line += max(self.body_offset - self.lineno + 1, 0) if any(self.body) else 0
        return [*self.paragraph(label), made]

    def _parsed_literal(self) -> Made:
        inline, _ = self.state.inline_text("\n".join(dedent(list(self.body))), self.lineno)
        return [self.placed(code("".join(node.astext() for node in inline), ""))]

    def _image(self) -> Made:
        return [self.placed(nodes.image(alt=self.given.get("alt", "")))]

    def _figure(self) -> Made:
        return [*self._image(), *self.parsed()]

    def _raw(self) -> Made:
        if not self.argument.startswith("html"):
            self.page.left_out.append(Notice(f"raw {self.argument}", self.line))
            return []
        made = self.placed(nodes.paragraph("", html_words("\n".join(self.body)), lines=True))
        return [made] if made.astext() else []

    def _list_table(self) -> Made:
        holder = nodes.Element("", *self.parsed())
        rows = list_rows(holder)
        if not rows:
            return [*self.paragraph(self.argument), *holder.children]
        return [*self.paragraph(self.argument), self.placed(table_node(rows, header_rows(self.given)))]

    def _csv_table(self) -> Made:
        lines = list(self.body)
        if self.given.get("file"):
            chain = self.chain()
            found = self.page.include(self.given["file"], self.line, chain)
            lines = found.text.split("\n") if found else lines
        rows = csv_rows(lines, self.given)
        head = header_rows(self.given) + bool(self.given.get("header"))
        cells = [
            [self.parse(StringList(cell.split("\n"), "cell"), self.body_offset) for cell in row]
            for row in rows
        ]
        return [*self.paragraph(self.argument), self.placed(table_node(cells, head))]

    def _include(self) -> Made:
        """The file's lines in the place of the directive; as code where its options say so."""
        target = self.argument
        if target.startswith("<") and target.endswith(">"):  # docutils' own lists of characters
            return self._insert(_standard(target[1:-1]), (*self.chain(), target))
        found = self.page.include(target, self.line, self.chain(), self.given)
        if found is None:
            return []
        if "literal" in self.given or "code" in self.given:
            return [self.placed(code(found.text.strip("\n"), self.given.get("code", "")))]
        if self.given.get("parser", "") in _MARKDOWN or target.lower().endswith((".md", ".markdown")):
            return [self.placed(nodes.raw("", found.text, format="markdown", chain=found.chain))]
        return self._insert(found.text, found.chain)

    def _insert(self, text: str, chain: tuple[str, ...]) -> Made:
        lines = string2lines(text, tab_width=8, convert_whitespace=True)
        self.state_machine.insert_input(lines, "\n".join(chain))
        return []

    def _literal_include(self) -> Made:
        """The file, or the part that its options choose, as a code block."""
        found = self.page.include(self.argument, self.line, self.chain(), self.given)
        if found is None:
            return []
        language = self.given.get("language", "") or language_of(self.argument)
        caption = self.given.get("caption", "")
        label = self.paragraph(f"{caption}:") if caption else []
        return [*label, self.placed(code(found.text.strip("\n"), language))]

    def _described(self) -> Made:
        short = self.short
        if short in VERSIONS:
            return self.labelled(label_of(short, self.argument), self.parsed())
        if short in CONTENT_MAY_BE_ARGUMENT:
            body, offset = (
                (self.content[:1] + self.body, self.content_offset)
                if self.argument
                else (self.body, self.body_offset)
            )
            return self.labelled(label_of(short, ""), self.parse(body, offset))
        label = label_of(self.name, self.argument)
        if short in LABELLED:
            return self.labelled(label, self.parsed()) if label else self.parsed()
        if short in TRANSPARENT and (not label or short in ARGUMENT_IS_TEXT):
            lead = self.paragraph(label) if short in ARGUMENT_IS_TEXT else []
            return [*lead, *self.parsed(titles=short in {"only", "ifconfig"})]
        lines = [
            nodes.inline("", "", *self.state.inline_text(text.replace("\\", "\\\\"), self.lineno)[0])
            for text in filter(None, label.split("\n"))
        ]
        signature = self.placed(Signature("", "", *lines))
        said = [made for words in said_by_options(short, self.given) for made in self.paragraph(words)]
        return [signature, Labelled("", *said, *self.parsed(), label=None, tight=True)]

    def chain(self) -> tuple[str, ...]:
        """The files from the page to the one in which this directive stands."""
        return tuple(self.source.split("\n")) if self.source else (self.page.path,)


_READERS: dict[str, Callable[[Any], Made]] = {
    "image": CatchAll._image,
    "figure": CatchAll._figure,
    "raw": CatchAll._raw,
    "parsed-literal": CatchAll._parsed_literal,
    "list-table": CatchAll._list_table,
    "csv-table": CatchAll._csv_table,
    "include": CatchAll._include,
    "literalinclude": CatchAll._literal_include,
}


@cache
def _standard(name: str) -> str:
    path = Path(states.__file__).parent / "include" / Path(name).name
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def for_page(page: Page) -> type[CatchAll]:
    """The catch-all directive that notes in ``page`` what it meets."""
    return type("PageDirective", (CatchAll,), {"page": page})
