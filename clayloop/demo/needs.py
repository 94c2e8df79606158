"""What the demo's visitors want to know (README.md here: how the needs were written, and by whom)."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from importlib.resources import files

from pydantic import BaseModel, ConfigDict, Field

NEEDS_FILE = "needs.jsonl"


class Need(BaseModel):
    """One need in two wordings, ``a`` and ``b``, and the ``paths`` of all pages that answer it.

    ``section`` is the heading in the first of them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(alias="_id")
    a: str
    b: str
    paths: tuple[str, ...]
    section: str = ""


def load_needs() -> list[Need]:
    """The needs of distilabel's users."""
    lines = files(__package__).joinpath(NEEDS_FILE).read_text(encoding="utf-8").splitlines()
    return [Need.model_validate_json(line) for line in lines if line.strip()]


def answered_by(needs: Iterable[Need], paths: Container[str]) -> list[Need]:
    """The needs that at least one of the documents at ``paths`` answers."""
    return [need for need in needs if any(path in paths for path in need.paths)]


def halves(needs: Sequence[Need]) -> tuple[Sequence[Need], Sequence[Need]]:
    """Those that visitors ask and annotators judge, every second one from the first on, and the others."""
    return needs[::2], needs[1::2]
