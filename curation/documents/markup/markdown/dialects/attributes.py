"""The words that a component of JSX is given: ``title="…"``, and data such as ``content={[{name: '…'}]}``."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from curation.documents.markup.blocks import one_line
from curation.documents.markup.markdown.context import as_label

_KEYS = (
    "label|title|summary|heading|header|caption|alt|name|path|query|body|type|default|description|text"
    "|content|message|subtitle|answer|question"
)
_GIVEN = re.compile(
    rf"(?<![\w-])[\"']?(?P<key>{_KEYS})[\"']?\s*[:=]\s*\{{?\s*"
    r"(?P<quote>[\"'`])(?P<value>(?:\\.|(?!(?P=quote)).)*)(?P=quote)",
    re.DOTALL,
)
_LABELS = ("label", "title", "summary", "heading", "header", "caption", "question")
_NAMES = ("name", "path", "query", "body")
_TEXTS = ("subtitle", "description", "text", "content", "message", "answer")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


def given_words(tag: str) -> list[str]:
    """What a component says by its attributes, an item of its data each: a label and a text, or the name, the
    type and the description of a parameter."""
    items: list[dict[str, str]] = [{}]
    for found in _GIVEN.finditer(tag):
        key, value = found["key"], one_line(_ESCAPED.sub(_plain, found["value"]))
        if key in items[-1] or (key == "name" and items[-1]):
            items.append({})
        is_code = tag.startswith("<Snippet") or (found["quote"] == "`" and "{" in value)
        if is_code and value and key in _TEXTS and "`" not in value:
            value = f"`{value}`"  # also code that stands in a string of its own kind because it holds quotes
        if value and not (key == "type" and tag.startswith("<Badge")):  # a colour
            items[-1][key] = value
    return [words for item in items if (words := _words(item))]


def words_of_items(data: Mapping[Any, Any]) -> list[str]:
    """The same of the items that lie in ``data``, which a component is given as YAML."""
    found: list[str] = []
    inner = [one for value in data.values() for one in (value if isinstance(value, list) else [value])]
    for item in inner:
        if isinstance(item, dict):
            texts = {key: one_line(text) for key, text in item.items() if isinstance(text, str)}
            words = _words({key: text for key, text in texts.items() if key in _KEYS.split("|")})
            found += [words.removesuffix(":")] if words else []
            found += words_of_items(item)
    return found


def _plain(escape: re.Match[str]) -> str:
    return " " if escape[1] in "nrt\n" else escape[1]


def _words(item: dict[str, str]) -> str:
    label = next((item[key] for key in _LABELS if key in item), "")
    text = " ".join(item[key] for key in _TEXTS if key in item)
    name = next((item[key] for key in _NAMES if key in item), "")
    if name and "type" in item:
        default = f", default {item['default']}" if "default" in item else ""
        label = f"`{name}` ({item['type']}{default})"
    elif "type" in item and text and not label:
        label = item["type"]
    if label:
        return f"{as_label(label)} {text}".rstrip()
    return text or item.get("alt", "")
