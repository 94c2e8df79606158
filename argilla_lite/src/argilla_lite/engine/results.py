"""What a query finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Hit:
    """A record that was found: id as 32 hexadecimal digits; score, None when the records were sorted."""

    record_id: str
    score: float | None


@dataclass(frozen=True)
class Page:
    """Some of the hits, in order, and how many there are in all."""

    hits: list[Hit]
    total: int
