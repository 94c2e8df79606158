"""What the front matter of a page says to its readers: title, description and other values."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIELD = re.compile(r"^([\w-]+)\s*:\s*(.+?)\s*$")
_KEY = re.compile(r"^[\w.-]+\s*[:=](?:\s|$)")
_VALUE = re.compile(r"^\s+([\w-]+)\s*:\s*(.+?)\s*$")
_MOST_LINES = 400


@dataclass
class FrontMatter:
    """``lines``: how many lines of the file it takes (0: there is none). ``values``: what pages show as
    ``{name}``, a field ``x`` of the page's own as ``page.x``."""

    lines: int = 0
    title: str = ""
    description: str = ""
    values: dict[str, str] = field(default_factory=dict)


def read_front_matter(lines: list[str]) -> FrontMatter:
    """The front matter in YAML (``---``) or TOML (``+++``) at the top of a page, also below blank lines."""
    found = FrontMatter()
    first = next((number for number, line in enumerate(lines[:_MOST_LINES]) if line.strip()), 0)
    mark = lines[first].rstrip() if lines else ""
    inner = lines[first + 1 : first + _MOST_LINES]
    if mark not in {"---", "+++"}:
        return found
    is_loose = first > 0 or not (inner and inner[0].strip())
    if is_loose and not _KEY.match(next(filter(str.strip, inner), "")):
        return found  # a rule, then text
    ends = {mark, "..."} if mark == "---" else {mark}
    end = next((number for number, line in enumerate(inner) if line.rstrip() in ends), None)
    if end is None:
        return found
    found.lines = first + end + 2
    in_values = False
    for line in inner[:end]:
        key = _FIELD.match(line.replace(" = ", ": ", 1) if mark == "+++" else line)
        if key and not key[2].startswith(("|", ">", "{", "[")):
            found.values[f"page.{key[1]}"] = key[2].strip("\"'")
        value = _VALUE.match(line)
        if value and in_values:
            found.values[value[1]] = value[2].strip("\"'")
        elif line.strip() in {"substitutions:", "myst_substitutions:"}:
            in_values = True
        elif line.strip():
            in_values = False
    found.title = found.values.get("page.title", "")
    found.description = found.values.get("page.description", "")
    return found


def without_front_matter(text: str) -> str:
    """What a page says that is included in another."""
    lines = text.split("\n")
    return "\n".join(lines[read_front_matter(lines).lines :])
