"""MyST: Sphinx's directives in fences (backticks, tildes, colons), roles, targets and comments.

A directive means what it means in reStructuredText (``markup/rst/names.py``).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from mdit_py_plugins.myst_role import myst_role_plugin

from curation.documents.markup.blocks import dedent
from curation.documents.markup.html import html_words
from curation.documents.markup.markdown.context import (
    add_block_rule,
    as_label,
    context_of,
    cut_lines,
    labelled,
    line_at,
    push_code,
    push_included,
    push_label,
    push_markdown,
    push_paragraph,
)
from curation.documents.markup.rst.names import (
    CODE,
    CONTENT_MAY_BE_ARGUMENT,
    KNOWN,
    LABELLED,
    LISTS_PAGES,
    VERSIONS,
    holds_code,
    is_rule_of_card,
    is_silent,
    label_of,
    said_by_options,
    short_name,
)
from curation.documents.markup.rst.tables import csv_rows, header_rows
from curation.words import word_set

_FENCE = re.compile(
    r"^(?P<mark>`{3,}(?=[^`\n]*$)|~{3,}|:{3,})[ \t]*\{(?P<name>[A-Za-z][\w:.+-]*)\}"
    r"[ \t]*(?P<argument>[^\n]*)$"
)
_DIRECTIVE = re.compile(r"^\.\. (?P<name>[A-Za-z][\w:+-]*)::(?:[ \t]+(?P<argument>[^\n]*))?$")
_OPTION = re.compile(r"^:(?P<name>[\w-]+):(?:\s+(?P<value>.*))?$")
_YAML = re.compile(r"^(?P<name>[\w-]+)\s*:\s*(?P<value>.*?)\s*$")
_NO_TEXT = re.compile(
    r"^(?::(?:orphan|nosearch|nocomments|hide-toc):|\([\w:./ -]+\)=|%(?: .*)?|\+\+\+(?:\s.*)?)\s*$"
)
# ```{python} of R Markdown and Quarto is code, not a directive.
_LANGUAGES = word_set("python r bash sh julia sql js ojs dot java cpp rust go stan css html observable")
_ARGUMENT_IS_CODE = word_set(
    "math prompt mermaid parsed-literal productionlist console command-output program-output"
)
_MYST_ONLY = word_set(
    "eval-rst iframe embed aside blockquote exercise solution proof theorem lemma definition tableofcontents "
    "image figure figure-md grid-item-card button card-header card-footer mermaid glue anywidget bokeh-plot "
    "toc margin myst"
)
# Their argument is a name or an address, which the page does not show.
_ARGUMENT_IS_NAME = word_set("iframe embed figure-md glue anywidget solution button-link button-ref")


@dataclass
class _Directive:
    """A fence's parts. ``at`` is the line on which the content begins."""

    name: str
    argument: str
    options: dict[str, str]
    content: list[str]
    first: int
    at: int

    @property
    def short(self) -> str:
        return short_name(self.name)


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, "`~:", _directive)
    add_block_rule(md, ".", _restructuredtext)
    add_block_rule(md, "(%+:", _no_text)
    md.use(myst_role_plugin)


def _no_text(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if line[:1] not in {"(", "%", "+", ":"} or not _NO_TEXT.match(line):
        return False
    if not silent:
        if line[:1] == "(":
            state.push("label", "", 0).meta = {"name": line.rstrip()[1:-2]}
        state.line = first + 1
    return True


def _directive(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if line[:3] not in {"```", "~~~", ":::"}:
        return False
    found = _FENCE.match(line)
    if not found:
        return False
    if silent:
        return True
    end = _end(state, first, last, found["mark"])
    lines = cut_lines(state, first + 1, end, state.sCount[first])
    _read(state, _parts(found, lines, first), end)
    state.line = min(end + 1, last)
    return True


def _restructuredtext(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    """A directive as reStructuredText writes it, with indented content: docstrings that became Markdown."""
    found = _DIRECTIVE.match(line_at(state, first))
    if not found:
        return False
    if silent:
        return True
    end = first + 1
    while end < last and (state.isEmpty(end) or state.sCount[end] > state.sCount[first]):
        end += 1
    lines = cut_lines(state, first + 1, end, state.sCount[first])
    blank = next((at for at, line in enumerate(lines) if line.strip()), 0)
    given = _parts(found, [*lines[:blank], *dedent(lines)], first, has_options=not blank)
    _read(state, given, end)
    state.line = end
    return True


def _parts(found: re.Match[str], lines: list[str], first: int, has_options: bool = True) -> _Directive:
    given = _Directive(found["name"], (found["argument"] or "").strip(), {}, [], first, first + 1)
    skip = _options(lines, given) if has_options else 0
    given.content, given.at = lines[skip:], first + 1 + skip
    return given


def _end(state: StateBlock, first: int, last: int, mark: str) -> int:
    """The line of the closing fence; the last line where there is none."""
    nested = 0
    for number in range(first + 1, last):
        line = line_at(state, number).rstrip()
        if state.sCount[number] < state.blkIndent and not state.isEmpty(number):
            return number
        if not line.startswith(mark) or state.is_code_block(number):
            continue
        if set(line) == {mark[0]}:
            if not nested:
                return number
            nested -= 1
        elif mark[0] == ":" and len(line) - len(line.lstrip(":")) == len(mark):
            nested += 1
    return last


def _options(lines: list[str], given: _Directive) -> int:
    """Read the options at the top, in either way; how many lines they take."""
    at = 0
    while at < len(lines) and not lines[at].strip():
        at += 1
    if at < len(lines) and lines[at].strip() == "---":
        end = next((n for n in range(at + 1, len(lines)) if lines[n].strip() == "---"), None)
        if end is not None:
            for line in lines[at + 1 : end]:
                if found := _YAML.match(line):
                    given.options[found["name"]] = _unquoted(found["value"])
            return end + 1
    name = ""
    while at < len(lines):
        if found := _OPTION.match(lines[at].strip()):
            name = found["name"]
            given.options[name] = _unquoted(found["value"] or "")
        elif name and lines[at][:1].isspace() and lines[at].strip():
            given.options[name] += " " + lines[at].strip()
        else:
            break
        at += 1
    return at


def _unquoted(value: str) -> str:
    value = value.strip()
    whole = value[:1] in {'"', "'"} and value.find(value[0], 1) == len(value) - 1
    return value[1:-1] if whole else value


def _read(state: StateBlock, given: _Directive, end: int) -> None:
    context, short = context_of(state), given.short
    if short in _LANGUAGES and given.name == short:
        push_code(state, "\n".join(given.content), short, given.first)
        return
    if short not in KNOWN | _MYST_ONLY:
        context.unknown(given.name, given.first)
    if is_silent(short, given.argument, any(given.content)) or short in {"toc", "tableofcontents"}:
        context.left_out(given.name, given.first)
        if short in LISTS_PAGES:
            context.page.lists(given.content)
    elif short == "eval-rst":
        token = state.push("rst", "", 0)
        token.map, token.content = [given.at, end], "\n".join(given.content)
    elif short in CODE or short == "parsed-literal":
        _code(state, given)
    elif short not in _MYST_ONLY and holds_code(short, given.content):
        push_paragraph(state, given.argument, given.first)
        push_code(state, "\n".join(given.content), "", given.at)
    elif short in {"include", "literalinclude"}:
        _include(state, given)
    elif short in {"image", "figure"}:
        push_paragraph(state, given.options.get("alt", ""), given.first)
        push_markdown(state, given.content if short == "figure" else [], given.at)
    elif short == "raw":
        words = html_words("\n".join(given.content)) if given.argument.startswith("html") else ""
        push_paragraph(state, words, given.first)
    elif short == "csv-table":
        _csv_table(state, given)
    elif short == "list-table":
        push_paragraph(state, given.argument, given.first)
        token = state.push("list_table_open", "table", 1)
        token.map, token.meta = [given.first, end], {"header": header_rows(given.options)}
        push_markdown(state, given.content, given.at)
        state.push("list_table_close", "table", -1)
    else:
        _text(state, given, end)


def _text(state: StateBlock, given: _Directive, end: int) -> None:
    short, at = given.short, given.at
    content = ["" if is_rule_of_card(short, line) else line for line in given.content]
    if short in CONTENT_MAY_BE_ARGUMENT:
        if given.argument:
            content, at = [given.argument, *content], at - 1
        label = label_of(short, "")
    elif short in VERSIONS or short in LABELLED:
        label = label_of(short, given.argument)
    elif short in _ARGUMENT_IS_NAME and (any(content) or not short.startswith("button")):
        label = "Solution" if short == "solution" else ""
    else:
        push_paragraph(state, label_of(given.name, given.argument), given.first)
        for words in said_by_options(short, given.options):
            push_paragraph(state, words, given.first)
        label = ""
    if short.endswith("card"):
        push_label(state, given.options.get("header", ""), given.first)
    if label and not any(content):
        push_paragraph(state, label.rstrip(":"), given.first)
        return
    with labelled(state, as_label(label), given.first, end):
        push_markdown(state, content, at)
    if short.endswith("card"):
        push_paragraph(state, given.options.get("footer", ""), given.first)


def _code(state: StateBlock, given: _Directive) -> None:
    caption = given.options.get("caption", "") or given.options.get("filename", "")
    push_label(state, caption, given.first)
    is_code = given.short in _ARGUMENT_IS_CODE
    language = "" if is_code else given.argument.split(" ")[0]
    if any(given.content):
        push_code(state, "\n".join(given.content), language, given.at)
    elif is_code and given.argument:
        push_code(state, given.argument, "", given.first)
    elif given.argument:
        context_of(state).left_out(given.name, given.first)


def _include(state: StateBlock, given: _Directive) -> None:
    found = context_of(state).include(given.argument, given.first, given.options)
    if found is None:
        return
    if given.short == "literalinclude" or {"literal", "code"} & given.options.keys():
        push_label(state, given.options.get("caption", ""), given.first)
        language = given.options.get("language") or given.options.get("code", "")
        push_code(state, found.text.strip("\n"), language, given.first)
    elif given.argument.lower().endswith(".rst"):
        token = state.push("rst", "", 0)
        token.map, token.content, token.meta = [given.first, given.at], found.text, {"chain": found.chain}
    else:
        push_included(state, found, given.first)


def _csv_table(state: StateBlock, given: _Directive) -> None:
    push_paragraph(state, given.argument, given.first)
    lines = [line for line in given.content if line.strip()]
    if given.options.get("file"):
        found = context_of(state).include(given.options["file"], given.first)
        lines = found.text.split("\n") if found else lines
    rows = csv_rows(lines, given.options)
    width = max(map(len, rows), default=0)
    if width and not (given.options.get("header") or header_rows(given.options)):
        rows.insert(0, [])
    table = ["|" + "|".join(map(_in_cell, [*row, *[""] * (width - len(row))])) + "|" for row in rows]
    push_markdown(state, [*table[:1], "|---" * width + "|", *table[1:]] if width else [], given.first)


def _in_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
