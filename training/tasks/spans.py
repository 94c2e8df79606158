"""Labelled spans of a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def without_overlaps(spans: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The spans in their order, without those that overlap a longer one (or an earlier one as long): a token
    has but one label."""
    kept: list[Mapping[str, Any]] = []
    for span in sorted(spans, key=lambda one: (one["start"] - one["end"], one["start"])):
        if all(span["end"] <= other["start"] or other["end"] <= span["start"] for other in kept):
            kept.append(span)
    return [dict(one) for one in sorted(kept, key=lambda one: int(one["start"]))]
