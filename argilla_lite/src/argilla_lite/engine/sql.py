"""A piece of SQL with its parameters, so that values never get into the text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Sql:
    """SQL text with positional parameters, in order."""

    text: str
    parameters: tuple[object, ...] = ()

    def __add__(self, other: Sql) -> Sql:
        return Sql(f"{self.text} {other.text}", self.parameters + other.parameters)


NOTHING = Sql("0")
EVERYTHING = Sql("1")


def marks(values: Sequence[object]) -> Sql:
    """`(?, ?, …)` for IN."""
    return Sql("(" + ", ".join("?" * len(values)) + ")", tuple(values))


def join(separator: str, parts: Sequence[Sql]) -> Sql:
    """The parts in brackets with a separator between them."""
    return Sql(
        separator.join(f"({part.text})" for part in parts),
        tuple(parameter for part in parts for parameter in part.parameters),
    )


def json_path(*keys: str) -> str:
    """A JSON path to a member, whatever its name."""
    return "$" + "".join('."' + key.replace('"', '\\"') + '"' for key in keys)


def hex_id(value: object) -> str:
    """A UUID as SQLAlchemy stores it in SQLite; other text unchanged, so that it matches nothing."""
    return str(value).replace("-", "").lower()
