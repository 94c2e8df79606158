"""Containers between colons or slashes: Docusaurus, VitePress, Pandoc (``:::``), Nuxt (``::``), pymdownx
(``///``), and the directives within lines (``:badge[New]{color="red"}``) of Nuxt and of remark.

The name and the title become a label, the content is read as Markdown. ``::: package.module`` of
mkdocstrings shows what is made from code, and is left out.
"""

from __future__ import annotations

import re

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline

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
from curation.documents.markup.markdown.dialects.attributes import given_words, words_of_items
from curation.documents.markup.markdown.front_matter import FrontMatter, read_front_matter
from curation.documents.markup.rst.names import ADMONITIONS
from curation.words import word_set

_MARK = re.compile(r"^(?P<mark>:{2,}|/{3,})(?:[ \t]*(?P<rest>.*?))?[ \t]*(?:(?<=[ \w}\])]):{3,})?$")
_CODE_FENCE = re.compile(r"^(`{3,}|~{3,})")
_TITLED = re.compile(r"^(?P<name>[\w-]+)[ \t]*\[(?P<title>.*)\](?:\{.*\})?$")
_ATTRIBUTES = re.compile(r"\s*\{[^{}]*\}\s*$")
_DIRECTIVE = re.compile(r"\{[A-Za-z]")
_MOST_CHARACTERS = 2_000
_MARKS = ("::", "///")
_OF_NUXT = re.compile(r"^(?P<name>[a-z][\w-]*)(?:\[[^\]]*\])?(?:\{.*\})?$")
_SLOT = re.compile(r"^\s*#[a-z][\w-]*(?:\{.*\})?\s*$")
_IN_A_LINE = re.compile(r":[a-z][\w-]*(?:\[(?P<words>[^\[\]\n]*)\](?:\{[^{}\n]*\})?|\{[^{}\n]*\})")
_COMPONENT = re.compile(r"^[\w-]+\{")
_CLASS = re.compile(r"\.(?:callout-)?([\w-]+)")
_TITLE = re.compile(r"\b(?:title|label)=(?:\"([^\"]*)\"|'([^']*)')")
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
    md.inline.ruler.before("link", "text_directive", _text_directive)


def _container(state: StateBlock, first: int, last: int, silent: bool) -> bool:
    found = _mark(line_at(state, first))
    if not found or not _may_be(found["mark"], found["rest"] or ""):
        return False
    context, rest = context_of(state), (found["rest"] or "").strip()
    end = _ends(state, context).get(first)
    if found["mark"] == "::" and end is None and rest.isidentifier():
        return False  # ::before of CSS
    if silent:
        return True
    state.line = first + 1
    if not rest:
        return True  # the end of a container that none began
    if end is not None and end <= last:
        _read(state, first, end, rest)
    else:
        _read_open(state, first, last, rest)
    return True


def _mark(line: str) -> re.Match[str] | None:
    return _MARK.match(line) if line.startswith(_MARKS) and len(line) <= _MOST_CHARACTERS else None


def _may_be(mark: str, rest: str) -> bool:
    """A ``{name}`` is a directive of MyST's."""
    if mark == "::":
        return not rest or _OF_NUXT.match(rest) is not None
    if mark[0] == ":":
        return not _DIRECTIVE.match(rest)
    return not rest or re.match(r"^[\w-]+(?:\s*\|.*)?$", rest) is not None


def _read(state: StateBlock, first: int, end: int, rest: str) -> None:
    """A container with an end. A component of Nuxt may have front matter and marks of its slots."""
    line, front, at = line_at(state, first), FrontMatter(), 0
    lines = cut_lines(state, first + 1, end, state.sCount[first])
    if line.startswith("/"):
        while at < len(lines) and (
            _OPTION_OF_PYMDOWNX.match(lines[at]) or (at == 0 and not lines[0].strip())
        ):
            at += 1
        at = 0 if not any(lines[:at]) else at
    else:
        front = read_front_matter(lines)
        lines, at = ["" if _SLOT.match(one) else one for one in lines], front.lines
    is_component = bool(front.lines) or not line.startswith(":::")
    label = front.title or front.values.get("page.label", "")
    label = as_label(label or _label(rest, is_component and line[0] == ":"))
    given = given_words(rest) if line[0] == ":" and is_component and "{" in rest else []
    if not label and given and given[0].endswith(":"):  # a field's name and type
        label = given.pop(0)
    elif given and given[0] == label:
        given.pop(0)
    elif given and len(given[0]) > len(label) > 0 and given[0].startswith(label):
        given[0] = given[0].removeprefix(label).strip()
    with labelled(state, label, first, end):
        for words in given + front.said:
            push_paragraph(state, words, first)
        push_markdown(state, [f"- {words}" for words in words_of_items(front.data)], first)
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


def _label(rest: str, is_component: bool = False) -> str:
    """The words that stand for ``name title``, ``name[title]``, ``name | title``, ``{.class}`` and
    ``name{title="…"}``. Of the names of components only those of notes say something."""
    given = _TITLE.search(rest) if "{" in rest else None
    if given:
        return given[1] or given[2] or ""
    titled = _TITLED.match(rest)
    if titled:
        return titled["title"].strip()
    if rest.startswith("{"):  # {.callout-note} of Pandoc and Quarto
        return next((one for one in _CLASS.findall(rest) if one in ADMONITIONS), "").capitalize()
    is_component = is_component or bool(_COMPONENT.match(rest))
    rest = _ATTRIBUTES.sub("", rest)
    name, _, title = rest.partition("|") if "|" in rest else rest.partition(" ")
    name, title = name.strip(" ."), title.strip()
    if title and name not in _WITHOUT_TITLE:
        return title
    if not name or name.lower() in _WITHOUT_LABEL or (is_component and name not in ADMONITIONS):
        return ""
    return name.replace("-", " ").capitalize()


def _text_directive(state: StateInline, silent: bool) -> bool:
    """``:badge[New]{color="red"}``, ``:icon{name="x"}``: the words between brackets."""
    before = state.src[state.pos - 1 : state.pos] if state.pos else " "
    found = _IN_A_LINE.match(state.src, state.pos) if before.isspace() or before in "(*_" else None
    if not found:
        return False
    if not silent:
        state.push("text", "", 0).content = found["words"] or ""
    state.pos = found.end()
    return True


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
        found = _mark(line)
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
