"""What the demo measured."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from clayloop.demo.visitors import Answered, Found

Shares = tuple[float, float]
"""Before and after, from 0 to 1."""


class Gain(BaseModel):
    """How often a page that answers the need was the first source, and among the sources."""

    needs: int
    right_first: Shares
    right_among: Shares


class AskedAgain(BaseModel):
    """The second wordings of the needs that were annotated, and of the others."""

    annotated: Gain
    others: Gain


class DemoReport(BaseModel):
    """What `clayloop demo --json` writes.

    ``accepted`` counts triplets, ``affirmed`` the conversations whose first source was right or whose right
    source was named. ``verdict`` is the retrain's outcome, ``reason`` what it says about it. ``before`` and
    ``after`` hold the second wording of every need. ``asked_again`` is None where no needs are known.
    ``seconds`` has each step, ``peak_memory_mb`` is of all processes.
    """

    source: str
    documents: int = 0
    chunks: int = 0
    triplets: int = 0
    annotated: int = 0
    accepted: int = 0
    conversations: int = 0
    affirmed: int = 0
    release_before: str | None = None
    release_after: str | None = None
    verdict: str = ""
    reason: str = ""
    ndcg_at_10_before: float | None = None
    ndcg_at_10_after: float | None = None
    asked_again: AskedAgain | None = None
    seconds: dict[str, float] = {}
    peak_memory_mb: float = 0.0
    visitors: list[Answered] = []
    before: list[Found] = []
    after: list[Found] = []

    def as_json(self) -> dict[str, Any]:
        """With the metrics under their field names."""
        values = self.model_dump(mode="json")
        values["ndcg@10_before"] = values.pop("ndcg_at_10_before")
        values["ndcg@10_after"] = values.pop("ndcg_at_10_after")
        values["ndcg@10"] = {"before": values["ndcg@10_before"], "after": values["ndcg@10_after"]}
        return values


def asked_again(
    before: Sequence[Found], after: Sequence[Found], annotated: Collection[str]
) -> AskedAgain | None:
    """Compare the same needs ``before`` and ``after``; ``annotated`` holds the ids of those that were. None
    where either half is empty."""

    def gain(is_annotated: bool) -> Gain | None:
        stages = [
            [found.right for found in stage if (found.need in annotated) == is_annotated]
            for stage in (before, after)
        ]
        count = len(stages[0])
        if not count:
            return None
        first, last = ((places.count(1), sum(place > 0 for place in places)) for places in stages)
        right_first, right_among = (
            (round(old / count, 4), round(new / count, 4)) for old, new in zip(first, last, strict=True)
        )
        return Gain(needs=count, right_first=right_first, right_among=right_among)

    of_annotated, of_others = gain(True), gain(False)
    if of_annotated is None or of_others is None:
        return None
    return AskedAgain(annotated=of_annotated, others=of_others)
