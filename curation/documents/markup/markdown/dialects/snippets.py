"""Files that pages include, in the ways of pymdownx, MkDocs' plug-ins, mdBook, VitePress, Hugo and Quarto.

The same lines stand in code blocks, where the file's text takes their place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

from curation.documents.markup.excerpts import language_of
from curation.documents.markup.markdown.context import (
    Context,
    add_block_rule,
    context_of,
    line_at,
    push_code,
    push_included,
    push_paragraph,
)

_OPTION = re.compile(r"(?P<name>[\w-]+)\s*=\s*(?P<quote>[\"'])(?P<value>.*?)(?P=quote)")
_LINES = [
    # pymdownx: --8<-- "file.md:section", "file.md:3:5"
    re.compile(r"^-+8<-+[ \t]+(?P<quote>[\"'])(?P<path>[^\"'\n]+)(?P=quote)\s*$"),
    # markdown-include and mdx_include: {! file.md !}, {!> file.py[ln:1-3] !}
    re.compile(r"^\{!>?\s*(?P<path>[^\n!]+?)\s*!\}(?P<hl>\{[^{}]*\})?\s*$"),
    # FastAPI's: {* ../../file.py ln[1:3] hl[2] *}
    re.compile(r"^\{\*\s*(?P<code>\S+)(?P<options>[^*\n]*)\*\}\s*$"),
    # mdBook: {{#include file.rs:2:10}}, {{#rustdoc_include file.rs:anchor}}
    re.compile(r"^\{\{#(?:rustdoc_|playground\s+)?include\s+(?P<path>[^\s}]+)\s*\}\}\s*$"),
    # VitePress: <<< @/snippets/file.js{1,3 js:line-numbers} [label], <!--@include: ./part.md-->
    re.compile(r"^<<<[ \t]*(?P<code>@?[\w./\\-]+)(?P<region>#[\w-]+)?[^\n]*$"),
    re.compile(r"^<!--[ \t]*@include:[ \t]*(?P<path>[^\s{>]+?)(?:\{[^}]*\})?[ \t]*-->\s*$"),
    # mkdocs-include-markdown, Jekyll, Quarto, Hugo
    re.compile(
        r"^\{%-?\s*include(?:-markdown|_relative)?\s+(?P<quote>[\"']?)(?P<path>[^\s\"'%]+)(?P=quote)"
        r"(?P<options>[^%\n]*)%\}\s*$"
    ),
    re.compile(
        r"^\{\{[<%]-?\s*(?:include|readfile)\s+(?:file=)?(?P<quote>[\"']?)(?P<path>[^\s\"'>%]+)(?P=quote)"
        r"[^>%\n]*[>%]\}\}\s*$"
    ),
]
_STARTS = ("-", "{", "<")
_RANGE = re.compile(r"ln\[(?P<first>\d*)[:-]?(?P<last>\d*)\]")
_SHOWN = re.compile(r"^(\s*);(?=-+8<-)")  # a line that shows how to include
_BLOCK = re.compile(r"^-+8<-+\s*$")
_MARKDOWN = (".md", ".markdown", ".mdx", ".qmd", ".txt")


@dataclass(frozen=True)
class Wanted:
    """A file, and which part of it. ``verbatim``: as code, also outside of code blocks."""

    path: str
    options: Mapping[str, str] = field(default_factory=dict)
    verbatim: bool = False


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, "-{<", _snippet)


def wanted(line: str) -> Wanted | None:
    """The file that a line includes; None for a line that includes none."""
    line = line.strip()
    if not line.startswith(_STARTS):
        return None
    for pattern in _LINES:
        found = pattern.match(line)
        if found:
            return _wanted(found.groupdict(""))
    return None


def _wanted(given: Mapping[str, str]) -> Wanted:
    path = given.get("path") or given.get("code", "")
    options: dict[str, str] = {}
    for option in _OPTION.finditer(given.get("options", "")):
        renamed = {"start": "start-after", "end": "end-before"}.get(option["name"], option["name"])
        options[renamed] = option["value"]
    lines = _RANGE.search(path + " " + given.get("options", ""))
    if lines:
        options["lines"] = f"{lines['first'] or 1}-{lines['last']}"
        path = path.replace(lines[0], "")
    path, _, part = path.partition(":") if "://" not in path else (path, "", "")
    numbers = re.fullmatch(r"(\d*):?(\d*)", part)
    if part and numbers:
        single = ":" not in part
        options["lines"] = part if single else f"{numbers[1] or 1}-{numbers[2]}"
    options["section"] = "" if numbers else part
    options["section"] = options["section"] or given.get("region", "").lstrip("#")
    return Wanted(path.removeprefix("@"), options, bool(given.get("code")))


def code_with_includes(context: Context, code: str, number: int) -> str:
    """``code`` with the files that its lines include."""
    if not any(mark in code for mark in ("8<", "{!", "{*", "{{#", "<<<")):
        return code
    lines: list[str] = []
    for line in code.split("\n"):
        want = wanted(line)
        found = context.include(want.path, number, want.options) if want else None
        lines += found.text.strip("\n").split("\n") if found else ([] if want else [_SHOWN.sub(r"\1", line)])
    return "\n".join(lines)


def _snippet(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if not line.startswith(_STARTS):
        return False
    end, wants = first + 1, [wanted(line)]
    if _BLOCK.match(line.strip()):  # --8<--, one file a line, --8<--
        while end < last and not _BLOCK.match(line_at(state, end).strip()):
            end += 1
        names = [line_at(state, number).strip() for number in range(first + 1, end)]
        end += 1
        wants = [wanted(f'--8<-- "{name}"') for name in names if name and not name.startswith(";")]
    elif wants == [None]:
        return False
    if silent:
        return True
    for want in wants:
        _put(state, want, first)
    state.line = min(end, last)
    return True


def _put(state: StateBlock, want: Wanted | None, number: int) -> None:
    if want is None:
        return
    if want.path.lower().endswith((".html", ".liquid")):  # a template: what it is given is text
        context_of(state).left_out(f"include of {want.path}", number)
        for name in ("title", "content", "text"):
            push_paragraph(state, want.options.get(name, ""), number)
        return
    found = context_of(state).include(want.path, number, want.options)
    if found is None:
        return
    if want.verbatim or not want.path.lower().endswith(_MARKDOWN):
        push_code(state, found.text.strip("\n"), language_of(want.path), number)
    else:
        push_included(state, found, number)
