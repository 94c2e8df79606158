"""What the front matter of a page says to its readers: title, description and the values of its own."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_FIELD = re.compile(r"^(title|description)\s*:\s*(.+?)\s*$")
_VALUE = re.compile(r"^\s+([\w-]+)\s*:\s*(.+?)\s*$")
_MOST_LINES = 400


@dataclass
class FrontMatter:
    """``lines``: how many lines of the file it takes (0: there is none)."""

    lines: int = 0
    title: str = ""
    description: str = ""
    values: dict[str, str] = field(default_factory=dict)


def read_front_matter(lines: list[str]) -> FrontMatter:
    """The front matter in YAML (``---``) or TOML (``+++``) at the top of a page."""
    found = FrontMatter()
    mark = lines[0].rstrip() if lines else ""
    if mark not in {"---", "+++"}:
        return found
    for number, line in enumerate(lines[1:_MOST_LINES], start=1):
        if line.rstrip() == mark or (mark == "---" and line.rstrip() == "..."):
            break
        if number == 1 and not line.strip():
            return found  # a rule, then text
    else:
        return found
    found.lines = number + 1
    in_values = False
    for line in lines[1:number]:
        key = _FIELD.match(line.replace(" = ", ": ", 1) if mark == "+++" else line)
        if key and not key[2].startswith(("|", ">", "{", "[")):
            setattr(found, key[1], key[2].strip("\"'"))
        value = _VALUE.match(line)
        if value and in_values:
            found.values[value[1]] = value[2].strip("\"'")
        elif line.strip() in {"substitutions:", "myst_substitutions:"}:
            in_values = True
        elif line.strip():
            in_values = False
    return found


def without_front_matter(text: str) -> str:
    """What a page says that is included in another."""
    lines = text.split("\n")
    return "\n".join(lines[read_front_matter(lines).lines :])
