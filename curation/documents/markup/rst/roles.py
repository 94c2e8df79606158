"""What a reader sees of a role: the catch-all for interpreted text."""

from __future__ import annotations

import re
from typing import Any

from docutils import nodes
from docutils.parsers.rst.states import Inliner
from docutils.utils import unescape

from curation.documents.markup.blocks import MOST_INLINE
from curation.documents.markup.html import html_words
from curation.documents.markup.references import LABEL, PAGE, mark
from curation.words import word_set

_TITLED = re.compile(r"^(?P<title>.*\S)\s*<(?P<target>[^<>]+)>$", re.DOTALL)
_ROLE_IN_TICKS = re.compile(r"^:([a-z][\w:+-]*):`([^`]+)`?$")
_ACCELERATOR = re.compile(r"&(?=\w)")
_NUMBER = re.compile(r"^#?\d+(?:\.\d+)*(?:, *#?\d+(?:\.\d+)*)*$")
# `.Kiln.fire`: without a role, a name that Sphinx looks for in every module
_NAME_ANYWHERE = re.compile(r"^\.(?=[A-Z]\w*(?:\.\w+)*(?:\(\))?$)")

# Roles whose text is a name in code: shown in backticks, as the rendered page shows it.
_CODE = word_set(
    """
    class meth func attr data exc mod const obj type option envvar program command file code literal kbd
    samp setting signal reqmeta templatetag templatefilter lookup djadmin djadminopt ttag tfilter cls
    method function attribute module exception property any
    """
)
_OF_PYTHON = word_set("class meth func attr data exc mod const obj type property")
_HIDDEN = frozenset({"raw-latex", "latex"})
# They show the title of what they lead to.
_REFERENCES = {"doc": PAGE, "ref": LABEL, "numref": LABEL}


def role_text(name: str, text: str) -> tuple[str, bool]:
    """The words that a role with ``text`` shows, and whether they are code."""
    kind = name.rsplit(":", 1)[-1].lower()
    if not kind and (inner := _ROLE_IN_TICKS.match(text)):  # `:pr:`12`, with a backtick too many
        return role_text(inner[1], inner[2])
    titled = _TITLED.match(text)
    if titled and kind not in {"code", "literal", "samp", "abbr", "math"}:
        return titled["title"], False
    if kind in _REFERENCES and not text.startswith("!"):
        return mark(_REFERENCES[kind], " ".join(text.split())), False
    if kind in {"pep", "rfc"}:
        return f"{kind.upper()} {text.replace('#section-', ' section ').partition('#')[0]}", False
    if _NUMBER.match(text) and kind not in _CODE | {"sub", "sup", "subscript", "superscript", "math", ""}:
        return f"{kind} {text}", False  # :issue:`12` says nothing without its name
    if kind == "abbr" and (found := re.match(r"^(.*?)\s*\((.*)\)$", text, re.DOTALL)):
        return f"{found[1]} ({found[2]})", False
    if kind in {"guilabel", "menuselection"}:
        return _ACCELERATOR.sub("", text), False
    if kind in {"raw-html", "html"}:
        return html_words(text), False
    if kind in _HIDDEN:
        return "", False
    shown = text.lstrip("!")
    if kind in _OF_PYTHON:
        shown = shown.lstrip(".") or shown  # :class:`.Kiln` is looked for in every module
    elif not kind:
        shown = _NAME_ANYWHERE.sub("", shown)
    if shown.startswith("~"):
        shown = shown[1:].rsplit(".", 1)[-1]
    if kind in {"file", "samp"}:
        shown = shown.replace("{", "").replace("}", "")
    return shown, kind in _CODE or not kind


def catch_all_inliner() -> Inliner:
    """Inline markup with every role known. (A subclass won't do: docutils reads ``vars`` of the class.)"""
    inliner = Inliner()
    inliner.interpreted = _interpreted  # type: ignore[method-assign]
    of_docutils = inliner.parse

    def parse(text: str, *others: Any) -> tuple[list[nodes.Node], list[Any]]:
        return ([nodes.Text(text)], []) if len(text) > MOST_INLINE else of_docutils(text, *others)

    inliner.parse = parse  # type: ignore[assignment, method-assign]
    return inliner


def _interpreted(rawsource: str, text: str, role: str, lineno: int) -> tuple[list[Any], list[Any]]:
    shown, is_code = role_text(role or "", unescape(text))
    node = nodes.literal(rawsource, shown) if is_code else nodes.inline(rawsource, shown)
    return [node], []
