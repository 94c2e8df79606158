"""The queries of a chunk that are kept from a model's answers, with a reason for everything dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from curation.synthesis.cleaning import fault, sameness, tidy
from curation.synthesis.prompts import EXAMPLE_QUERIES

UNPARSED = "unparsed"


@dataclass(frozen=True)
class Pair:
    """``positive`` is None when it was malformed, ``negative`` empty when there is none."""

    positive: str | None
    negative: str
    malformed: tuple[str, ...]


def check_pair(positive: str | None, negative: str | None, source: str, small_model: bool) -> Pair:
    """Clean what was parsed from one answer (None: nothing was). ``source``: topic and text asked about."""
    first, second = tidy(positive or ""), tidy(negative or "")
    reason = fault(first, source, small_model, copied=EXAMPLE_QUERIES if small_model else ())
    if reason:
        return Pair(None, "", (reason if positive else UNPARSED,))
    if not second:
        return Pair(first, "", ())
    if sameness(second) == sameness(first):
        return Pair(first, "", ("negative: same as positive",))
    negative_reason = fault(second, source, small_model=False)
    if negative_reason:
        return Pair(first, "", (f"negative: {negative_reason}",))
    return Pair(first, second, ())


def check_variations(
    queries: Sequence[str], positive: str, negative: str, source: str, small_model: bool
) -> tuple[list[str], Counter[str]]:
    """The variations worth keeping, tidied, and why the others are not. Those that repeat another query of
    the chunk are dropped too."""
    source = f"{source}\n{positive}"
    seen = {sameness(positive)} | ({sameness(negative)} if negative else set())
    kept: list[str] = []
    malformed: Counter[str] = Counter()
    for raw in queries:
        query = tidy(raw)
        reason = fault(query, source, small_model, first=False, copied=EXAMPLE_QUERIES if small_model else ())
        if not reason and sameness(query) in seen:
            reason = "duplicate"
        if reason:
            malformed[reason] += 1
        else:
            seen.add(sameness(query))
            kept.append(query)
    return kept, malformed
