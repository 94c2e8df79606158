"""Nodes that docutils lacks: what the catch-all directive makes of Sphinx's directives."""

from __future__ import annotations

from docutils import nodes


class Labelled(nodes.General, nodes.Element):
    """Content behind the words of its ``label``: an admonition, a tab, what is new in a version."""


class Signature(nodes.General, nodes.TextElement):
    """The argument of a directive that describes something: a function, a setting, an option."""


class Code(nodes.General, nodes.Element):
    """``code``, verbatim, in a ``language`` that may be empty."""


def code(text: str, language: str) -> Code:
    return Code(code=text, language=language)
