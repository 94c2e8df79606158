"""The commented clayloop.toml that `clayloop init` writes, made from the settings models."""

from __future__ import annotations

import json
import textwrap
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from clayloop.settings import Settings

_INTRO = """\
# clayloop's settings. Every key is here with its default; remove the "# " in front of one to change it.
# Environment variables win over this file: CLAYLOOP_ and the path in capitals, joined by two underscores,
# for example CLAYLOOP_CURATION__ARGILLA__URL. Keep secrets there rather than here.
"""

# For the keys that have no default: something valid to start from.
_EXAMPLES = {"few_shot": "true", "min_score": "0.2"}


def settings_template() -> str:
    """The whole file, valid TOML, with every key commented out at its default."""
    return _INTRO + "".join(_table("", Settings))


def _table(prefix: str, model: type[BaseModel]) -> list[str]:
    parts: list[str] = []
    own = {name: field for name, field in model.model_fields.items() if not _is_section(field)}
    if prefix and own:
        parts.append(f"\n[{prefix}]\n")
        if model.__doc__:
            parts[-1] = f"\n# {model.__doc__.strip().splitlines()[0]}\n[{prefix}]\n"
    for name, field in own.items():
        comment = textwrap.fill(
            field.description or "", 108, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
        default = field.get_default(call_default_factory=True)
        if default is None:
            parts.append(f"{comment}\n# Not set; to set it: {name} = {_EXAMPLES[name]}\n")
        else:
            parts.append(f"{comment}\n# {name} = {_toml(default)}\n")
    for name, field in model.model_fields.items():
        if _is_section(field):
            assert isinstance(field.annotation, type)  # noqa: S101 - what _is_section has just checked
            parts.extend(_table(f"{prefix}.{name}" if prefix else name, field.annotation))
    return parts


def _is_section(field: FieldInfo) -> bool:
    return isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SecretStr):
        return '""'
    if isinstance(value, (int, float, dict)):
        return str(value)
    if isinstance(value, list):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(str(value), ensure_ascii=False)  # a path, an address
