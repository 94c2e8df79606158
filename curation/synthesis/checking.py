"""The queries of a chunk that are kept from a model's answers, with a reason for everything dropped."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from curation.records.triplet import QueryStyle
from curation.synthesis.cleaning import fault, sameness, tidy
from curation.synthesis.prompts import EXAMPLE_QUERIES
from curation.synthesis.styles import STYLES

UNPARSED = "unparsed"


@dataclass(frozen=True)
class Pair:
    """``positive`` is None when it was malformed, ``negative`` empty when there is none."""

    positive: str | None
    negative: str
    malformed: tuple[str, ...]


def check_pair(
    positive: str | None,
    negative: str | None,
    source: str,
    small_model: bool,
    style: QueryStyle = "question",
    accepted: Sequence[str] = (),
) -> Pair:
    """Clean what was parsed from one answer (None: nothing was). ``source``: topic and text asked about;
    ``accepted``: the queries of other texts that the model was shown."""
    first, second = tidy(positive or ""), tidy(negative or "")
    copied = (*EXAMPLE_QUERIES, *accepted) if small_model else accepted
    reason = fault(first, source, small_model, copied=copied)
    if not reason and (small_model or style != "question") and not STYLES[style].fits(first):
        reason = "not a query" if style == "question" else "other style"
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
        reason = fault(query, source, small_model, copied=EXAMPLE_QUERIES if small_model else ())
        if not reason and sameness(query) in seen:
            reason = "duplicate"
        if reason:
            malformed[reason] += 1
        else:
            seen.add(sameness(query))
            kept.append(query)
    return kept, malformed
