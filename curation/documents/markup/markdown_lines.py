"""Dialects of Markdown (MkDocs, MyST, Docusaurus), rewritten line by line into plain CommonMark.

Every input line gives exactly one output line, so that the parser's line numbers are the file's. Rewritten
are: front matter, admonitions and tabs (``!!! note``, ``??? note``, ``=== "Tab"``), whose indented content
would otherwise be read as code, colon and brace fences (``:::note``, ```` ```{note} ````), mkdocstrings'
``::: module``, and snippets, imports and targets that only a renderer needs.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from curation.documents.markup.blocks import expand_margin

_FRONT_FIELD = re.compile(r"^(title|description)\s*:\s*(.+?)\s*$")
_INDENTED = re.compile(
    r"^(?P<pad> *)(?:(?:!!!|\?\?\?\+?) +(?P<type>[\w-]+)?(?P<classes>[ \w-]*?)|===[!+]?)"
    r'(?: *"(?P<title>.*)")?[ \t]*$'
)
_FENCE = re.compile(r"^(?P<pad>[ >]*(?:(?:[-*+]|\d{1,9}[.)]) +)*)(?P<fence>`{3,}|~{3,})(?P<info>.*)$")
_BRACED = re.compile(r"^\{(?P<name>[A-Za-z][\w:.-]*)\}[ \t]*(?P<rest>.*)$")
_COLONS = re.compile(r"^(?P<pad> *):{3,}[ \t]*(?P<rest>.*)$")
_DROPPED = re.compile(
    r"^\s*(?:-+8<-+.*|;-+8<-+.*|\[TOC\]|\[\[toc\]\]|\[\[_TOC_\]\]|\([\w:.-]+\)=|import .+ from ['\"].+['\"];?"
    r"|\{:?\s*[.#][^{}]*\})\s*$"
)
_NESTED_MARKERS = re.compile(r"^(?:\s*(?:[>+*-]|\d{1,9}[.)])(?=[\s>])\s*|>){24,}")
_OPTION = re.compile(r"^\s*:[\w-]+:(?:\s.*)?$")
_CODE_LIKE = frozenset(
    {"code", "code-block", "code-cell", "sourcecode", "ipython", "doctest", "prompt", "mermaid", "math"}
)
_SILENT = frozenset({"toctree", "contents", "tableofcontents", "bibliography", "raw", "include"})


@dataclass
class PreparedMarkdown:
    """CommonMark with the line count of the file, and what its front matter says of the page."""

    text: str
    title: str = ""
    description: str = ""


@dataclass
class _Fence:
    """An open fence. A container is not kept: its closing line goes, and its content is read as Markdown."""

    mark: str
    keep: bool = True
    silent: bool = False
    in_options: bool = False


@dataclass
class _State:
    # (least indentation of the content, columns to take away from it)
    containers: list[tuple[int, int]] = field(default_factory=list)
    fences: list[_Fence] = field(default_factory=list)
    options_deeper_than: int | None = None


def prepare(text: str) -> PreparedMarkdown:
    """Rewrite ``text`` (line breaks already ``\\n``) to CommonMark, keeping the number of lines."""
    lines = text.split("\n")
    prepared = PreparedMarkdown("")
    body = _take_front_matter(lines, prepared)
    state = _State()
    out = [""] * body
    out.extend(_rewrite(line, state) for line in lines[body:])
    prepared.text = "\n".join(out)
    return prepared


def _take_front_matter(lines: list[str], prepared: PreparedMarkdown) -> int:
    """The index of the first line after the front matter (0 when there is none)."""
    if not lines or lines[0].rstrip() not in {"---", "+++"}:
        return 0
    mark = lines[0].rstrip()
    for number, line in enumerate(lines[1:400], start=1):
        if line.rstrip() == mark or (mark == "---" and line.rstrip() == "..."):
            break
        if number == 1 and not line.strip():
            return 0  # a rule, then text
    else:
        return 0
    for line in lines[1:number]:
        found = _FRONT_FIELD.match(line.replace(" = ", ": ", 1) if mark == "+++" else line)
        if found and not found[2].startswith(("|", ">", "{", "[")):
            setattr(prepared, found[1], found[2].strip("\"'"))
    return number + 1


def _rewrite(line: str, state: _State) -> str:
    raw, line = line, expand_margin(line, 4)
    indent = len(line) - len(line.lstrip(" "))
    if not line.strip():
        return ""
    while state.containers and indent < state.containers[-1][0]:
        state.containers.pop()
        # a code fence left open inside a container ends with it
        if state.fences and state.fences[-1].keep:
            state.fences.pop()
    dedent = state.containers[-1][1] if state.containers else 0
    rest = line[min(dedent, indent) :]
    if state.fences:
        verbatim = raw if not state.containers else rest
        answer = _inside_fence(rest, verbatim, state)
        if answer is not None:
            return answer
    if state.options_deeper_than is not None:
        if indent > state.options_deeper_than:
            return ""
        state.options_deeper_than = None
    return _outside_code(rest, indent, dedent, state)


def _inside_fence(rest: str, verbatim: str, state: _State) -> str | None:
    """The line for what stands in the innermost fence; None when it is to be read as Markdown."""
    fence = state.fences[-1]
    bare = rest.lstrip(" >").rstrip()
    if bare and set(bare) == {fence.mark[0]} and len(bare) >= len(fence.mark):
        state.fences.pop()
        return rest if fence.keep else ""
    if fence.keep:
        return verbatim
    if fence.silent:
        return ""
    if fence.in_options:
        if _OPTION.match(rest):
            return ""
        fence.in_options = False
    return None


def _outside_code(rest: str, indent: int, dedent: int, state: _State) -> str:
    if _DROPPED.match(rest):
        return ""
    if found := _INDENTED.match(rest):
        state.containers.append((indent + 4, dedent + 4))
        label = found["title"] if found["title"] is not None else (found["type"] or "").capitalize()
        return _label(found["pad"], label) if label else ""
    if found := _FENCE.match(rest):
        return _open_fence(found, state)
    if found := _COLONS.match(rest):
        return _colon_line(found, indent, state)
    return _NESTED_MARKERS.sub("> ", rest)


def _open_fence(found: re.Match[str], state: _State) -> str:
    mark, info = found["fence"], found["info"].strip()
    if mark[0] == "`" and "`" in info:
        return found.string  # a code span that is written like a fence
    braced = _BRACED.match(info)
    if braced is None:
        state.fences.append(_Fence(mark))
        return found.string
    name, rest = braced["name"], braced["rest"]
    if name in _CODE_LIKE or (not rest and name[:1].isalpha() and name in {"python", "bash", "r"}):
        state.fences.append(_Fence(mark))
        return f"{found['pad']}{mark}{rest.split(' ')[0] if name.startswith(('code', 'source')) else ''}"
    state.fences.append(_Fence(mark, keep=False, silent=name in _SILENT, in_options=True))
    return "" if name in _SILENT else _container_label(found["pad"], name, rest)


def _colon_line(found: re.Match[str], indent: int, state: _State) -> str:
    rest = found["rest"].strip()
    if not rest:
        return ""
    braced = _BRACED.match(rest)
    name, _, title = rest.partition(" ")
    if braced:
        return (
            ""
            if braced["name"] in _SILENT
            else _container_label(found["pad"], braced["name"], braced["rest"])
        )
    if "." in name or not title:
        state.options_deeper_than = indent  # mkdocstrings: options follow, indented
    if "." in name:
        return f"{found['pad']}{rest}"
    return _container_label(found["pad"], name, title.strip("[]"))


def _container_label(pad: str, name: str, title: str) -> str:
    return _label(pad, title or name.capitalize())


def _label(pad: str, words: str) -> str:
    return f"{pad}**{words}**" if words.endswith((".", ":", "?", "!")) else f"{pad}**{words}:**"
