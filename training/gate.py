"""Whether a candidate may be served."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, ConfigDict

from training.settings import GateSettings

# Sums of the same numbers in another order differ by less than this.
_ROUNDING = 1e-9


class GateVerdict(BaseModel):
    """The answer and the figures behind it. ``before`` and ``after`` are the deciding metric at full dimension, of the
    served release and of the candidate, over the same ``queries`` questions."""

    model_config = ConfigDict(frozen=True)

    promoted: bool
    reason: str
    metric: str
    before: float
    after: float
    queries: int


def judge(
    before: Mapping[str, float], after: Mapping[str, float], queries: int, settings: GateSettings
) -> GateVerdict:
    """Promote when the candidate is not worse than the served release by more than ``settings.margin``.

    ``before`` and ``after`` map metrics to means over the holdout. Raises KeyError for a metric that was not measured.
    """
    metric = settings.metric
    old, new = before[metric], after[metric]
    change = new - old
    figures = f"{metric} {old:.3f} → {new:.3f} on {queries} held-out questions"
    if queries < settings.min_queries:
        promoted, reason = False, too_few(queries, settings.min_queries)
    elif change >= -settings.margin - _ROUNDING:
        promoted = True
        if abs(change) < _ROUNDING:
            reason = f"Promoted: as good as the served release ({figures})."
        elif change > 0:
            reason = f"Promoted: better than the served release ({figures})."
        else:
            reason = f"Promoted: worse only within the margin of {settings.margin:g} ({figures})."
    else:
        promoted, reason = False, f"Rejected: worse than the served release ({figures}); it stays."
    return GateVerdict(
        promoted=promoted, reason=reason, metric=metric, before=old, after=new, queries=queries
    )


def too_few(queries: int, needed: int) -> str:
    """Why nothing can be promoted with so few questions, and what to do about it."""
    have = {0: "none of the accepted questions is", 1: "1 accepted question is"}.get(
        queries, f"{queries} accepted questions are"
    )
    return (
        f"Not enough to tell: {have} held out for the check, and {needed} are needed. "
        f"Accept more triplets: about one in five chunks is held out."
    )
