"""Whether a candidate may be served: a verdict from how sure the difference is, and guards beside it."""

from __future__ import annotations

import math
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from training.judge.comparison import Comparison, Side, at
from training.judge.guards import Guard, change, check_guards
from training.judge.intervals import ROUNDING, Interval, classify, expanded_interval
from training.judge.slices import Slice, slices
from training.settings import GateSettings, Verdict

_NOT_ENOUGH: Verdict = "not-enough"
_PHRASES: dict[Verdict, str] = {
    "superior": "better than the served release",
    "non-inferior": "not worse than the served release by more than the margin",
    "inconclusive": "not known to be better or worse than the served release",
}


class GateVerdict(BaseModel):
    """The answer and the figures behind it. ``base``, ``before`` and ``after`` are means of the deciding
    metric at full dimension, of the untouched base model, the served release and the candidate, over the same
    ``queries`` questions: the holdout's and those of the user's own test sets. ``interval`` is of the mean of
    candidate − served.

    ``earlier`` is the same over the holdout questions that the served release was judged by, ``fresh`` over
    those that came since; None where there are too few. That they disagree is a sign that what was decided
    lately is of another kind.
    """

    model_config = ConfigDict(frozen=True)

    promoted: bool
    verdict: Verdict
    reason: str
    metric: str
    before: float
    after: float
    queries: int
    base: float = 0.0
    interval: Interval | None = None
    earlier: Interval | None = None
    fresh: Interval | None = None
    guards: list[Guard] = Field(default_factory=list)
    slices: list[Slice] = Field(default_factory=list)

    @property
    def failed(self) -> list[Guard]:
        return [guard for guard in self.guards if not guard.passed]


def judge(found: Comparison, settings: GateSettings) -> GateVerdict:
    """Promote a candidate whose verdict is among ``settings.promote`` and that passes every guard."""
    differences = found.decisive(settings.metric)
    parts = slices(found.holdout, settings)
    guards = check_guards(found, parts, settings)
    interval, verdict = None, _NOT_ENOUGH
    if len(differences) >= settings.min_queries:
        interval = expanded_interval(differences, settings.confidence)
        verdict = classify(interval, settings.margin)
    sound = all(map(math.isfinite, differences))
    earlier = set(found.earlier)
    judged = GateVerdict(
        promoted=sound and verdict in settings.promote and all(guard.passed for guard in guards),
        verdict=verdict,
        reason="",
        metric=settings.metric,
        before=_mean(found, "served", settings.metric),
        after=_mean(found, "candidate", settings.metric),
        base=_mean(found, "base", settings.metric),
        queries=len(differences),
        interval=interval,
        earlier=change(found, found.earlier, settings),
        fresh=change(found, [one.id for one in found.holdout.questions if one.id not in earlier], settings),
        guards=guards,
        slices=parts,
    )
    return judged.model_copy(update={"reason": _reason(judged, settings)})


def _mean(found: Comparison, side: Side, metric: str) -> float:
    values = [row[metric] for one in found.deciding for row in at(one.side(side)).questions.values()]
    return round(fmean(values), 6) if values else 0.0


def _reason(judged: GateVerdict, settings: GateSettings) -> str:
    """Verdict, figures and, where it is not served, why not and what would help."""
    interval = judged.interval
    if interval is None:
        return too_few(judged.queries, settings.min_queries)
    if not math.isfinite(interval.estimate):
        return (
            f"Rejected: {judged.metric} is not a number on some of {judged.queries} held-out questions; "
            "the served release stays. The candidate's model or a test set is damaged."
        )
    figures = (
        f"{judged.metric} {judged.before:.3f} → {judged.after:.3f} on {judged.queries} held-out questions, "
        f"{interval} at {settings.confidence:.0%}"
    )
    complaints = "; ".join(f"{guard.name}: {guard.detail}" for guard in judged.failed)
    if judged.verdict in settings.promote and complaints:
        return f"Held back, although {_PHRASES[judged.verdict]} ({figures}): {complaints}."
    if judged.promoted:
        same = abs(interval.low) < ROUNDING and abs(interval.high) < ROUNDING
        phrase = "as good as the served release" if same else _PHRASES[judged.verdict]
        return f"Promoted: {phrase} ({figures})."
    also = f" Also {complaints}." if complaints else ""
    if judged.verdict == "inferior":
        return f"Rejected: worse than the served release ({figures}); it stays.{also}"
    if judged.verdict == "inconclusive" and interval.estimate < 0:
        return f"Rejected: worse than the served release, though not for certain ({figures}); it stays.{also}"
    if judged.verdict == "inconclusive":
        return (
            f"Not promoted: better than the served release, but too uncertain ({figures}). More accepted "
            f"triplets would tell: about {_needed(interval, settings)} held-out questions.{also}"
        )
    return f"Not promoted: {_PHRASES[judged.verdict]}, and the settings ask for more ({figures}).{also}"


def _needed(interval: Interval, settings: GateSettings) -> int:
    """About how many questions would settle a gain: an interval shrinks with the square root of their
    number."""
    half = interval.estimate - interval.low
    room = max(interval.estimate + settings.margin, 0.005)
    return max(interval.size + 5, round(interval.size * (half / room) ** 2))


def too_few(queries: int, needed: int) -> str:
    """Why nothing can be promoted with so few questions, and what to do about it."""
    have = {0: "none of the accepted questions is", 1: "1 accepted question is"}.get(
        queries, f"{queries} accepted questions are"
    )
    return (
        f"Not enough to tell: {have} held out for the check, and {needed} are needed. "
        f"Accept more triplets: about one in five chunks is held out."
    )
