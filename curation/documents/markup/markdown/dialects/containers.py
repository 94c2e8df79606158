"""Containers between colons or slashes: Docusaurus, VitePress, Pandoc (``:::``), pymdownx (``///``).

The name and the title become a label, the content is read as Markdown. ``::: package.module`` of
mkdocstrings shows what is made from code, and is left out.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock

from curation.documents.markup.markdown.context import (
    Context,
    add_block_rule,
    as_label,
    context_of,
    cut_lines,
    labelled,
    line_at,
    push_markdown,
    push_paragraph,
)
from curation.documents.markup.rst.names import ADMONITIONS
from curation.words import word_set

_MARK = re.compile(r"^(?P<mark>:{3,}|/{3,})(?:[ \t]*(?P<rest>.*?))?[ \t]*(?:(?<=[ \w}\])]):{3,})?$")
_CODE_FENCE = re.compile(r"^(`{3,}|~{3,})")
_TITLED = re.compile(r"^(?P<name>[\w-]+)[ \t]*\[(?P<title>.*)\](?:\{.*\})?$")
_ATTRIBUTES = re.compile(r"\s*\{[^{}]*\}\s*$")
_DIRECTIVE = re.compile(r"\{[A-Za-z]")
_CLASS = re.compile(r"\.(?:callout-)?([\w-]+)")
_TITLE = re.compile(r"\btitle=(?:\"([^\"]*)\"|'([^']*)')")
_MODULE = re.compile(r"^[A-Za-z_]\w*(?:\.\w+)+$")
_OPTIONS_OF_MKDOCSTRINGS = re.compile(
    r"^\s+(?:handler|options|selection|rendering|inherited_members|members|show_\w+|heading_level)\s*:"
)
_OPTION_OF_PYMDOWNX = re.compile(r"^ {4,}[a-z][\w-]*:(?: .*)?$")
# Blocks of pymdownx: what follows their names is an element, an id or a number.
_WITHOUT_TITLE = word_set("html caption figure-caption table-caption define")
_WITHOUT_LABEL = _WITHOUT_TITLE | word_set(
    "code-group tabs tab-set group raw div row column columns container grid card-group api-table steps"
)


def dialect(md: MarkdownIt) -> None:
    add_block_rule(md, ":/", _container)


def _container(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    line = line_at(state, first)
    if line[:3] not in {":::", "///"}:
        return False
    found = _MARK.match(line)
    if not found or not _may_be(found["mark"], found["rest"] or ""):
        return False
    if silent:
        return True
    context, rest = context_of(state), (found["rest"] or "").strip()
    state.line = first + 1
    if not rest:
        return True  # the end of a container that none began
    end = _ends(state, context).get(first)
    if end is not None and end <= last:
        _read(state, first, end, rest)
    else:
        _read_open(state, first, last, rest)
    return True


def _may_be(mark: str, rest: str) -> bool:
    """A ``{name}`` is a directive of MyST's."""
    if mark[0] == ":":
        return not _DIRECTIVE.match(rest)
    return not rest or re.match(r"^[\w-]+(?:\s*\|.*)?$", rest) is not None


def _read(state: StateBlock, first: int, end: int, rest: str) -> None:
    """A container with an end."""
    label = _label(rest)
    lines = cut_lines(state, first + 1, end, state.sCount[first])
    at = 0
    if line_at(state, first).startswith("/"):
        while at < len(lines) and (
            _OPTION_OF_PYMDOWNX.match(lines[at]) or (at == 0 and not lines[0].strip())
        ):
            at += 1
        at = 0 if not any(lines[:at]) else at
    with labelled(state, as_label(label), first, end):
        push_markdown(state, lines[at:], first + 1 + at)
    state.line = end + 1


def _read_open(state: StateBlock, first: int, last: int, rest: str) -> None:
    """A line without an end: its content goes on as if it were not there."""
    if _MODULE.match(rest) or _options_follow(state, first, last):
        context_of(state).left_out("mkdocstrings", first)
        state.line = _behind_options(state, first, last)
        return
    push_paragraph(state, as_label(_label(rest)), first)


def _options_follow(state: StateBlock, first: int, last: int) -> bool:
    text = state.src[state.bMarks[first + 1] : state.eMarks[first + 1]] if first + 1 < last else ""
    return bool(_OPTIONS_OF_MKDOCSTRINGS.match(text))


def _behind_options(state: StateBlock, first: int, last: int) -> int:
    if not _options_follow(state, first, last):
        return first + 1
    at = first + 1
    while at < last and (state.sCount[at] > state.sCount[first] and not state.isEmpty(at)):
        at += 1
    return at


def _label(rest: str) -> str:
    """The words that stand for ``name title``, ``name[title]``, ``name | title``, ``{.class}``."""
    if rest.startswith("{"):  # {.callout-note title="Hot"} of Pandoc and Quarto
        given = _TITLE.search(rest)
        kind = next((one for one in _CLASS.findall(rest) if one in ADMONITIONS), "")
        return given[1] or given[2] or "" if given else kind.capitalize()
    titled = _TITLED.match(rest)
    if titled:
        return titled["title"].strip()
    rest = _ATTRIBUTES.sub("", rest)
    name, _, title = rest.partition("|") if "|" in rest else rest.partition(" ")
    name, title = name.strip(" ."), title.strip()
    if title and name not in _WITHOUT_TITLE:
        return title
    return "" if name.lower() in _WITHOUT_LABEL or not name else name.replace("-", " ").capitalize()


def _ends(state: StateBlock, context: Context) -> dict[int, int]:
    """Where each container of this text ends, by the line it begins on: found in one pass."""
    known = context.ends.get(state.src)
    if known is None:
        known = context.ends[state.src] = _find_ends(state)
    return known


def _find_ends(state: StateBlock) -> dict[int, int]:
    ends: dict[int, int] = {}
    open_: list[tuple[str, int]] = []
    fence = ""
    for number, raw in enumerate(state.src.split("\n")):
        line = raw.lstrip(" >\t")
        code = _CODE_FENCE.match(line)
        if fence:
            if code and line.startswith(fence) and not line.strip(fence[0] + " "):
                fence = ""
            continue
        if code:
            fence = code[1]
            continue
        found = _MARK.match(line) if line[:3] in {":::", "///"} else None
        if not found:
            continue
        mark = found["mark"]
        if (found["rest"] or "").strip():
            open_.append((mark, number))
            continue
        at = next((at for at in range(len(open_) - 1, -1, -1) if mark.startswith(open_[at][0])), None)
        if at is not None:
            ends[open_[at][1]] = number
            del open_[at:]
    return ends
