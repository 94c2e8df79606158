"""Inline nodes as readable text: what a reader sees, not what a builder needs."""

from __future__ import annotations

import re
from collections.abc import Iterable

from docutils import nodes

from curation.documents.markup.blocks import one_line
from curation.documents.markup.html import html_words
from curation.documents.markup.rst.roles import role_text

_DEEPEST = 8
# reStructuredText does not nest inline markup, but people write *see :func:`f`* all the same.
_NESTED_ROLE = re.compile(r":(?P<name>[a-z][\w:+-]*):`(?P<text>[^`\n]+)`?")


class InlineText:
    """Reads inline nodes with the substitutions of one document."""

    def __init__(self, document: nodes.document) -> None:
        self._definitions = {name.casefold(): node for name, node in document.substitution_defs.items()}

    def __call__(self, nodes_: Iterable[nodes.Node], depth: int = 0) -> str:
        """The text of ``nodes_`` on one line; literals in backticks."""
        return one_line("".join(self._text(node, depth) for node in nodes_))

    def _text(self, node: nodes.Node, depth: int) -> str:
        if isinstance(node, nodes.Text):
            return _NESTED_ROLE.sub(_role, str(node.astext()))
        if isinstance(node, nodes.literal):
            return _literal(node.astext())
        if isinstance(node, (nodes.footnote_reference, nodes.citation_reference)):
            label = node.astext() or node.get("refname", "")
            return f"[{label}]" if label else ""
        if isinstance(node, nodes.substitution_reference):
            name = node.astext()
            found = self._definitions.get(name.casefold())
            if found is None or depth >= _DEEPEST:
                return str(name)
            return "".join(self._text(child, depth + 1) for child in found.children)
        if isinstance(node, nodes.image):
            return str(node.get("alt", ""))
        if isinstance(node, nodes.raw):
            return html_words(node.astext()) if "html" in node.get("format", "") else ""
        if isinstance(node, nodes.system_message):
            return ""
        return "".join(self._text(child, depth) for child in node.children)


def _literal(text: str) -> str:
    inner = one_line(text)
    return f"`{inner}`" if "`" not in inner else f"`` {inner} ``"


def _role(found: re.Match[str]) -> str:
    shown, is_code = role_text(found["name"], found["text"])
    return _literal(shown) if is_code else shown
