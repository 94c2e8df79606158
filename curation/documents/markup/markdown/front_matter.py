"""What the front matter of a page says to its readers: title, description and other values."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from typing import Any

import yaml

from curation.documents.markup.blocks import one_line

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_KEY = re.compile(r"^[\w.-]+\s*[:=](?:\s|$)")
_SAID = ("subtitle", "description", "abstract")
_MOST_LINES = 400
_MOST_CHARACTERS = 20_000


@dataclass
class FrontMatter:
    """``lines``: how many lines of the file it takes (0: there is none). ``said``: what a page shows below
    its title. ``values``: what pages show as ``{name}``, a field ``x`` of the page's own as ``page.x``.
    ``data`` is all of it."""

    lines: int = 0
    title: str = ""
    said: list[str] = field(default_factory=list)
    values: dict[str, str] = field(default_factory=dict)
    data: dict[Any, Any] = field(default_factory=dict)


def read_front_matter(lines: list[str]) -> FrontMatter:
    """The front matter in YAML (``---``) or TOML (``+++``) at the top of a page, also below blank lines."""
    found = FrontMatter()
    first = next((number for number, line in enumerate(lines[:_MOST_LINES]) if line.strip()), 0)
    mark = lines[first].rstrip() if lines else ""
    inner = lines[first + 1 : first + _MOST_LINES]
    if mark not in {"---", "+++"}:
        return found
    ends = {mark, "..."} if mark == "---" else {mark}
    end = next((number for number, line in enumerate(inner) if line.rstrip() in ends), None)
    if end is None:
        return found
    text = "\n".join(inner[:end])[:_MOST_CHARACTERS]
    data = read_yaml(text) if mark == "---" else _read_toml(text)
    start = next(filter(str.strip, inner), "")
    is_loose = first > 0 or not inner[0].strip() or not data
    if is_loose and start != inner[end] and not _KEY.match(start):
        return found  # text between two rules
    found.lines, found.data = first + end + 2, data
    found.values = {f"page.{key}": text for key, text in _texts(data).items()}
    for holder in (data, data.get("myst")):
        for name in ("substitutions", "myst_substitutions"):
            found.values |= _texts(holder.get(name) if isinstance(holder, dict) else None)
    found.title = found.values.get("page.title", "")
    parts = data.get("parts")  # of MyST
    given = [found.values, {f"page.{key}": text for key, text in _texts(parts).items()}]
    said = [holder.get(f"page.{key}", "") for holder in given for key in _SAID]
    found.said = list(dict.fromkeys(filter(None, said)))
    return found


def read_yaml(text: str) -> dict[Any, Any]:
    """What ``text`` says by name; nothing where it is no YAML."""
    try:
        found = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _read_toml(text: str) -> dict[Any, Any]:
    try:
        found: dict[Any, Any] = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError):
        return {}
    return found


def _texts(values: Any) -> dict[str, str]:
    """What of ``values`` can be shown in a line."""
    if not isinstance(values, dict):
        return {}
    texts = {str(key): str(it) for key, it in values.items() if isinstance(it, (str, int, float))}
    return {key: one_line(text) for key, text in texts.items() if "```" not in text}


def without_front_matter(text: str) -> str:
    """What a page says that is included in another."""
    lines = text.split("\n")
    return "\n".join(lines[read_front_matter(lines).lines :])
