"""Docstrings as text that the reader of their markup understands, whatever their style."""

from __future__ import annotations

import re
from typing import Any

from curation.records.document import Markup

_RESTRUCTUREDTEXT = re.compile(
    r"(?<!`)``(?!`)|:[\w:+-]+:`|^\s*\.\. [\w:-]+::|^\s*:(?:param|type|returns?|rtype|raises?)\b|::$|`_", re.M
)
_QUIET = {"warnings": False}


def readable_docstring(member: Any) -> tuple[str, Markup]:
    """An object's docstring, sections of Google's and numpy's style written out as lists."""
    import griffe

    docstring = member.docstring
    if docstring is None:
        return "", "markdown"
    text = str(docstring.value)
    is_markdown = "```" in text or not _RESTRUCTUREDTEXT.search(text)
    markup: Markup = "markdown" if is_markdown else "restructuredtext"
    try:
        style = griffe.infer_docstring_style(docstring)[0]
        sectioned = style in {griffe.Parser.google, griffe.Parser.numpy}
        sections = docstring.parse(style, **_QUIET) if sectioned else []
        parts = [_written(section, markup) for section in sections]
    except Exception:  # of a docstring that its style's parser does not take the text is kept
        return text, markup
    return "\n\n".join(filter(None, parts)) or text, markup


def _written(section: Any, markup: Markup) -> str:
    kind = str(section.kind.value)
    value = section.value
    if kind == "text":
        return str(value)
    if kind == "admonition":
        return f"{section.title or value.kind}: {value.contents}"
    if kind == "deprecated":
        return f"Deprecated since {value.version}: {value.description}"
    if kind == "examples":
        shown = [str(text) if part.value == "text" else _listing(str(text), markup) for part, text in value]
        return "\n\n".join(["Examples:", *shown])
    if not isinstance(value, list):
        return str(value)
    title = section.title or kind.capitalize()
    return "\n".join([f"{title}:", "", *map(_item, value)])


def _item(element: Any) -> str:
    name = str(getattr(element, "name", "") or "")
    kind = str(getattr(element, "annotation", "") or "")
    what = " ".join(str(element.description or "").split())
    label = f"{name} ({kind})" if name and kind else name or kind
    return f"- {label}: {what}" if label else f"- {what}"


def _listing(text: str, markup: Markup) -> str:
    if markup == "markdown":
        return f"```python\n{text}\n```"
    return "::\n\n" + "\n".join(f"    {line}" for line in text.splitlines())
