"""``include`` and ``literalinclude``: the file's lines go into the page, or into a code block."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any, Protocol

from docutils import nodes
from docutils.parsers.rst import states
from docutils.statemachine import string2lines

from curation.documents.markup.excerpts import language_of
from curation.documents.markup.page import Page
from curation.documents.markup.rst.nodes import code

_MARKDOWN = frozenset({"myst", "myst_parser.sphinx_", "markdown", "commonmark", "recommonmark"})


class Including(Protocol):
    """What including needs of the directive."""

    argument: str
    given: dict[str, str]
    line: int
    page: Page
    state_machine: Any

    def chain(self) -> tuple[str, ...]: ...

    def placed(self, node: Any) -> Any: ...

    def paragraph(self, text: str) -> list[nodes.Node]: ...


def include(directive: Including) -> list[nodes.Node]:
    """Put the file's lines in the place of the directive; as code where its options say so."""
    target = directive.argument
    if target.startswith("<") and target.endswith(">"):  # docutils' own lists of characters
        _insert(directive, _standard(target[1:-1]), (*directive.chain(), target))
        return []
    found = directive.page.include(target, directive.line, directive.chain(), directive.given)
    if found is None:
        return []
    text = found.text
    if "literal" in directive.given or "code" in directive.given:
        return [directive.placed(code(text.strip("\n"), directive.given.get("code", "")))]
    if directive.given.get("parser", "") in _MARKDOWN or target.lower().endswith((".md", ".markdown")):
        return [directive.placed(nodes.raw("", text, format="markdown", chain=found.chain))]
    _insert(directive, text, found.chain)
    return []


def literal_include(directive: Including) -> list[nodes.Node]:
    """The file, or the part that its options choose, as a code block."""
    found = directive.page.include(directive.argument, directive.line, directive.chain(), directive.given)
    if found is None:
        return []
    language = directive.given.get("language", "") or language_of(directive.argument)
    caption = directive.given.get("caption", "")
    label = directive.paragraph(f"{caption}:") if caption else []
    return [*label, directive.placed(code(found.text.strip("\n"), language))]


def _insert(directive: Including, text: str, chain: tuple[str, ...]) -> None:
    lines = string2lines(text, tab_width=8, convert_whitespace=True)
    directive.state_machine.insert_input(lines, "\n".join(chain))


@cache
def _standard(name: str) -> str:
    path = Path(states.__file__).parent / "include" / Path(name).name
    return path.read_text(encoding="utf-8") if path.is_file() else ""
