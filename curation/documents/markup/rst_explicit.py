"""Explicit markup of reStructuredText (behind two dots): directives, footnotes, targets, comments."""

from __future__ import annotations

import re
from typing import Protocol

from curation.documents.markup.blocks import Kind, dedent
from curation.documents.markup.html import html_words
from curation.documents.markup.rst_directives import (
    CODE,
    CONTENT_MAY_BE_ARGUMENT,
    SILENT,
    argument_lines,
    label_of,
    split_directive,
)
from curation.documents.markup.rst_inline import rst_inline_to_text
from curation.documents.markup.rst_lines import Lines

EXPLICIT = re.compile(r"^\.\.(?: +|$)")
DIRECTIVE = re.compile(r"^(?:\|(?P<sub>[^|]+)\| +)?(?P<name>[A-Za-z][\w:.+-]*?) ?::(?:\s+(?P<argument>.*))?$")
_TARGET = re.compile(r"^_(?:`[^`]+`|[^:]|\\:)*:(?:\s|$)|^__(?: |$)")
_FOOTNOTE = re.compile(r"^\[(?P<label>#?[\w.-]*|\*)\]\s+(?P<text>.*)$")


class Scanner(Protocol):
    """What explicit markup needs of the scanner that found it."""

    substitutions: dict[str, str]

    def add(self, kind: Kind, text: str, state: Lines, line: int, language: str = "") -> None: ...

    def nested(
        self, lines: list[str], first: int, state: Lines, prefix: str, tight: bool = False
    ) -> None: ...

    def clean(self, text: str) -> str: ...


class ExplicitMarkup:
    """Reads the construct that the scanner stands on, and adds what a reader would see of it."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner

    def read(self, state: Lines) -> None:
        line = state.peek(0)
        rest = line[2:].strip()
        start = state.number
        state.at += 1
        if not rest and not state.peek(0):
            return  # an empty comment consumes nothing
        _, taken = state.take_indented()
        footnote = _FOOTNOTE.match(rest)
        directive = DIRECTIVE.match(rest)
        if _TARGET.match(rest):
            return
        if directive and not directive["sub"]:
            self._directive(directive, taken, start, state)
        elif footnote:
            body = " ".join([footnote["text"], *(part.strip() for part in taken)])
            self._scanner.add(
                "prose", f"[{footnote['label'].lstrip('#')}] {self._scanner.clean(body)}", state, start
            )

    def _directive(self, found: re.Match[str], taken: list[str], start: int, state: Lines) -> None:
        name = found["name"]
        short = name.rsplit(":", 1)[-1].lower()
        argument = (found["argument"] or "").strip()
        lines = dedent(taken)
        skipped = next((number for number, line in enumerate(taken) if line), 0)
        more = argument_lines(lines) if skipped == 0 and argument and label_of(short, "x") == "x" else 0
        argument = "\n".join([argument, *(line.strip() for line in lines[:more])])
        options, content_at = split_directive(lines, more) if skipped == 0 else ({}, 0)
        content = lines[content_at:]
        first = start + 1 + skipped + content_at
        if short in SILENT and short not in {"image"}:
            return
        if short in {"image", "figure"}:
            self._add_words(options.get("alt", ""), state, start)
            if short == "image":
                return
            argument = ""
        if short == "raw":
            self._add_words(
                html_words("\n".join(content)) if argument.startswith("html") else "", state, start
            )
            return
        if short in CODE:
            caption = options.get("caption", "")
            self._add_words(self._scanner.clean(caption) + ":" if caption else "", state, start)
            code = dedent(content) if content else ([argument] if argument else [])
            language = argument.split(" ")[0] if content and short not in {"math", "prompt"} else ""
            self._scanner.add("code", "\n".join(code), state, first, language=language)
            return
        if short == "csv-table":
            self._add_words(self._scanner.clean(argument), state, start)
            self._scanner.add("table", "\n".join(line for line in content if line), state, first)
            return
        self._labelled(short, argument, content, first, start, state)

    def _labelled(
        self, short: str, argument: str, content: list[str], first: int, start: int, state: Lines
    ) -> None:
        label = label_of(short, argument)
        if short in CONTENT_MAY_BE_ARGUMENT:
            if argument:
                content, first = [argument, *content], start
        elif label == argument and label:  # a signature or a title: a line of its own
            self._scanner.add(
                "directive", "\n".join(map(self._signature, argument.split("\n"))), state, start
            )
            self._scanner.nested(content, first, state, "", tight=True)
            return
        prefix, state.prefix = state.prefix, ""
        tight, state.tight = state.tight, False
        if label and not any(content):
            label = label.rstrip(":")
        label = f"{prefix}{self._scanner.clean(label)} " if label else prefix
        self._scanner.nested(content, first, state, label, tight)

    def _add_words(self, text: str, state: Lines, line: int) -> None:
        if text.strip():
            self._scanner.add("prose", text.strip(), state, line)

    def _signature(self, text: str) -> str:
        return rst_inline_to_text(text.replace("\\", "\\\\"), self._scanner.substitutions)
