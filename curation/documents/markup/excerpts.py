"""The part of an included file that options choose: lines, a section, what stands between two texts, a
function."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Mapping, Sequence


class NoSuchPartError(Exception):
    """The file has no such part: what was looked for."""


_CHOOSING = (
    "section",
    "pyobject",
    "lines",
    "start-line",
    "end-line",
    "start-after",
    "start-at",
    "end-before",
    "end-at",
)
# Marks of pymdownx, mdBook, VitePress and MkDocs around a section.
_SECTION = (
    r"(?:-+8<-+\s*\[{kind}:\s*{name}\]|ANCHOR{kind}:\s*{name}\b|#{kind}region\s+{name}\b|\[{kind}:{name}\])"
)
_LANGUAGES = {
    "py": "python",
    "js": "javascript",
    "ts": "typescript",
    "sh": "bash",
    "yml": "yaml",
    "rs": "rust",
}
_NO_LANGUAGE = frozenset({"", "inc", "rst", "txt"})


def part_name(options: Mapping[str, str]) -> str:
    """The options that choose a part, in one line; "" when the whole file is wanted."""
    return " ".join(f"{name}={options[name]}" for name in _CHOOSING if options.get(name))


def excerpt(text: str, options: Mapping[str, str]) -> str:
    """The part of ``text`` that Sphinx's and docutils' options choose.

    ``section``, ``pyobject``, ``lines`` (``1,3-5,20-``), ``start-line``, ``end-line``, ``start-after``,
    ``start-at``, ``end-before``, ``end-at``, ``dedent``. Raises NoSuchPartError.
    """
    if options.get("section"):
        text = _section(text, options["section"])
    if options.get("pyobject"):
        text = _object(text, options["pyobject"].strip())
    lines = text.split("\n")
    if options.get("lines"):
        lines = chosen(lines, options["lines"])
    first, last = _number(options.get("start-line")), _number(options.get("end-line"))
    lines = lines[first:last] if first is not None or last is not None else lines
    lines = _between(lines, options)
    if "dedent" in options:
        width = _number(options["dedent"])
        if width is None:
            return textwrap.dedent("\n".join(lines))
        lines = [line[min(width, len(line) - len(line.lstrip())) :] for line in lines]
    return "\n".join(lines)


def chosen(lines: Sequence[str], ranges: str) -> list[str]:
    """The lines that ``ranges`` (``1,3-5,20-``) name, counted from 1."""
    found: list[str] = []
    for part in ranges.split(","):
        first, dash, last = part.strip().partition("-")
        start = _number(first) if first.strip() else 1
        end = _number(last) if last.strip() else (None if dash else start)
        if start is None or (last.strip() and end is None):
            raise NoSuchPartError(f"lines {ranges}")
        found += lines[max(start - 1, 0) : end]
    return found


def language_of(path: str) -> str:
    """The language of a code file, by its name; "" where that says none."""
    suffix = path.rpartition("/")[2].rpartition(".")[2].lower()
    return "" if suffix in _NO_LANGUAGE or "." not in path else _LANGUAGES.get(suffix, suffix)


def _section(text: str, name: str) -> str:
    begin, end = (
        re.compile(_SECTION.format(kind=kind, name=re.escape(name)))
        for kind in ("(?:start)?", "(?:end|_END)")
    )
    lines = text.split("\n")
    first = next((at for at, line in enumerate(lines) if begin.search(line) and not end.search(line)), None)
    if first is None:
        raise NoSuchPartError(f"no section {name}")
    last = next((at for at in range(first + 1, len(lines)) if end.search(lines[at])), len(lines))
    return "\n".join(lines[first + 1 : last])


def _number(text: str | None) -> int | None:
    try:
        return int(text or "")
    except ValueError:
        return None


def _between(lines: list[str], options: Mapping[str, str]) -> list[str]:
    for name, inside in (("start-after", 1), ("start-at", 0)):
        if options.get(name):
            at = _position(lines, options[name])
            lines = _behind(lines, at, options[name]) if inside else lines[at:]
    for name, inside in (("end-before", 0), ("end-at", 1)):
        if options.get(name):
            at = _position(lines, options[name])
            lines = lines[: at + inside]
    return lines


def _behind(lines: list[str], at: int, text: str) -> list[str]:
    """What comes after the line ``at``. A file in one paragraph may go on in the same line."""
    rest = lines[at].split(text, 1)[1]
    marker = not rest.strip(" -=#*/>")
    return lines[at + 1 :] if marker else [rest, *lines[at + 1 :]]


def _position(lines: Sequence[str], text: str) -> int:
    for number, line in enumerate(lines):
        if text in line:
            return number
    raise NoSuchPartError(f"no line with {text!r}")


def _object(text: str, name: str) -> str:
    """The source of the Python class or function ``name`` (``Class.method``)."""
    try:
        body: list[ast.stmt] = ast.parse(text).body
    except (SyntaxError, ValueError, RecursionError) as error:
        raise NoSuchPartError(f"{name}: the file is not Python") from error
    found: ast.stmt | None = None
    for part in name.split("."):
        kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
        found = next((one for one in body if isinstance(one, kinds) and one.name == part), None)
        if not isinstance(found, kinds):
            raise NoSuchPartError(f"no {name}")
        body = found.body
    assert isinstance(found, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))  # noqa: S101
    start = min([found.lineno, *(one.lineno for one in found.decorator_list)])
    return "\n".join(text.split("\n")[start - 1 : found.end_lineno])
