"""Whether a candidate may be served: a verdict from how sure the difference is, and guards beside it.

``judge`` makes the verdict. The guards follow; each yields its ``Guard``, or nothing where it does not apply.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

from pydantic import BaseModel, ConfigDict, Field

from serving import Asked
from training.judge.comparison import ComparedSet, Comparison, Side, Slice, slices
from training.judge.intervals import (
    ROUNDING,
    Interval,
    classify,
    expanded_interval,
    mean_interval,
    share_interval,
)
from training.judge.questions import HoldoutQuestion
from training.settings import (
    FINE_TUNED,
    GENERIC_MARGIN,
    GUARD_QUERIES,
    INDEX_ONLY,
    REFUSAL_DROP,
    SLICE_MARGIN,
    GateSettings,
    Rung,
    Verdict,
)

LATENCY = "latency"
HEADINGS = "headings"
_NOTICEABLE = 0.005  # seconds: a slower median matters from here on, below it is the clock's noise
# A candidate with a reranker may take so many seconds, whatever the ratio: it reads texts where others
# compare vectors, and whoever sets one knows that. A second is what a visitor waits for an answer to begin
# without wondering.
_RERANKER_SECONDS = 1.0
# A drop so large that noise in one of many slices hardly ever makes it: it needs to be certain by the slice's
# own interval only (docs/measurements/2026-11-gate.md).
_FAR_BELOW = 0.125
# So few say nothing about a round, whatever their share.
_FEW_REMOVED = 5
_FEW_CONTRADICTED = 2
# From so many times gate.min_queries on the mean of an index-only candidate counts, whatever its interval: of
# 20 questions one that is lost takes it below the margin.
_MEAN_TELLS = 2
PHRASES: dict[Verdict, str] = {
    "superior": "better than the served release",
    "non-inferior": "no worse than the served release",
    "inconclusive": "not known to be better or worse than the served release",
    "inferior": "worse than the served release",
    "not-enough": "too few questions to tell",
}


@dataclass(frozen=True)
class Guard:
    """One condition: whether it holds, and the figures behind it, for people."""

    name: str
    passed: bool
    detail: str


class GateVerdict(BaseModel):
    """The answer and the figures behind it. ``base``, ``before`` and ``after`` are means of the deciding
    metric at full dimension, of the untouched base model, the served release and the candidate, over the same
    ``queries`` questions: the holdout's and those of the user's own test sets. ``interval`` is of the mean of
    candidate − served. ``rung`` says what the candidate is; one that is fine-tuned is compared with the
    served model that has everything decided in its index. ``asked``: whose accepted questions that index has.
    ``kinds`` counts the questions that decide: headings (while there are too few others), generated ones, and
    those asked by people; ``cross_fitted`` of them were put to models that were trained without their
    sections. About ``lacking`` more would tell where the verdict is too uncertain.

    ``earlier`` is the same over the holdout questions that the served release was judged by, ``fresh`` over
    those that came since; None where there are too few. That they disagree is a sign that what was decided
    lately is of another kind.
    """

    model_config = ConfigDict(frozen=True)

    promoted: bool
    verdict: Verdict
    reason: str
    rung: Rung = FINE_TUNED
    asked: Asked = "all"
    metric: str
    before: float
    after: float
    queries: int
    kinds: dict[str, int] = Field(default_factory=dict)
    cross_fitted: int = 0
    lacking: int = 0
    base: float = 0.0
    interval: Interval | None = None
    earlier: Interval | None = None
    fresh: Interval | None = None
    guards: list[Guard] = Field(default_factory=list)
    slices: list[Slice] = Field(default_factory=list)

    @property
    def failed(self) -> list[Guard]:
        return [guard for guard in self.guards if not guard.passed]


def judge(found: Comparison, settings: GateSettings, rung: Rung = FINE_TUNED) -> GateVerdict:
    """Promote a candidate that passes every guard and whose verdict is good enough.

    A fine-tuned one needs a verdict among ``settings.promote``. One whose index alone is new holds what
    people decided, so it is served unless it is worse: for certain, or in the mean by more than the margin
    where there are more questions than a couple that changed.
    """
    judging = found.judging(settings.min_queries)
    differences = found.decisive(settings.metric, settings.min_queries)
    parts = slices(found.holdout, settings)
    guards = [*_slices(parts), *(guard for check in _CHECKS for guard in check(found, settings))]
    interval: Interval | None = None
    verdict: Verdict = "not-enough"
    if len(differences) >= settings.min_queries:
        interval = expanded_interval(differences, settings.confidence)
        verdict = classify(interval, settings.margin)
    sound = all(map(math.isfinite, differences))
    may = verdict in settings.promote
    if rung == INDEX_ONLY:
        tells = interval is not None and len(differences) >= _MEAN_TELLS * settings.min_queries
        below = tells and fmean(differences) < -settings.margin
        may = verdict != "inferior" and not below
    earlier, fresh = (
        mean_interval(some, settings.confidence) if len(some) >= GUARD_QUERIES else None
        for some in found.by_age(settings.metric)
    )
    judged = GateVerdict(
        promoted=sound and may and all(guard.passed for guard in guards),
        rung=rung,
        verdict=verdict,
        reason="",
        metric=settings.metric,
        before=_mean(judging, "served", settings.metric),
        after=_mean(judging, "candidate", settings.metric),
        base=_mean(judging, "base", settings.metric),
        queries=len(differences),
        kinds=dict(Counter(_kind(one, asked) for one in judging for asked in one.questions)),
        cross_fitted=sum(len(one.questions) for one in judging if one.kind == "cross-fitted"),
        lacking=_lacking(interval, len(differences), settings),
        interval=interval,
        earlier=earlier,
        fresh=fresh,
        guards=guards,
        slices=parts,
    )
    return judged.model_copy(update={"reason": _reason(judged, settings, may)})


def too_few(queries: int, needed: int) -> str:
    """Why nothing can be promoted with so few questions, and what to do about it."""
    few = {0: "none of the accepted questions", 1: "1 accepted question"}
    have = few.get(queries, f"{queries} accepted questions")
    return (
        f"Not enough to tell: {have} can be asked for the check, and {needed} are needed. Accept more "
        "triplets or conversations, about other sections."
    )


def _kind(one: ComparedSet, asked: HoldoutQuestion) -> str:
    if asked.is_heading:
        return HEADINGS
    return "asked by people" if one.kind == "own" or asked.origin == "conversation" else "generated"


def _mean(judging: Sequence[ComparedSet], side: Side, metric: str) -> float:
    values = [value for one in judging for value in one.values(side, metric)]
    return round(fmean(values), 6) if values else 0.0


def _reason(judged: GateVerdict, settings: GateSettings, may: bool) -> str:
    """Verdict, figures and, where it is not served, why not and what would help. ``may``: the verdict alone
    would let it be served."""
    interval = judged.interval
    complaints = "; ".join(f"{guard.name}: {guard.detail}" for guard in judged.failed)
    if judged.rung == INDEX_ONLY and interval is None:
        if complaints:
            return f"Held back: {complaints}."
        return (
            "Promoted, index only: what was decided is in the index; too few held-out questions "
            f"({judged.queries}) to tell a difference."
        )
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
    if judged.kinds == {HEADINGS: judged.queries}:
        figures += "; judged by headings only"
    else:
        figures += f"; {', '.join(f'{number} {kind}' for kind, number in judged.kinds.items())}"
    if judged.cross_fitted:
        figures += f"; {judged.cross_fitted} put to models that were trained without their sections"
    if (may or judged.verdict in ("superior", "non-inferior")) and complaints:
        return f"Held back, although {PHRASES[judged.verdict]} ({figures}): {complaints}."
    if judged.promoted:
        same = abs(interval.low) < ROUNDING and abs(interval.high) < ROUNDING
        phrase = "as good as the served release" if same else PHRASES[judged.verdict]
        kind = ", index only" if judged.rung == INDEX_ONLY else ""
        return f"Promoted{kind}: {phrase} ({figures})."
    also = f" Also {complaints}." if complaints else ""
    if judged.verdict == "inferior":
        return f"Rejected: worse than the served release ({figures}); it stays.{also}"
    if judged.verdict == "inconclusive" and interval.estimate < 0:
        return f"Rejected: worse than the served release, though not for certain ({figures}); it stays.{also}"
    if judged.verdict == "inconclusive":
        return (
            f"Not promoted: better than the served release, but too uncertain ({figures}). "
            f"{judged.lacking} more held-out questions would tell, about.{also}"
        )
    return f"Not promoted: not surely better than the served release ({figures}).{also}"


def _lacking(interval: Interval | None, queries: int, settings: GateSettings) -> int:
    """About how many more questions would settle a gain: an interval shrinks with the square root of their
    number."""
    if interval is None:
        return settings.min_queries - queries
    if classify(interval, settings.margin) != "inconclusive" or not interval.estimate >= 0:
        return 0
    half = interval.estimate - interval.low
    room = max(interval.estimate + settings.margin, 0.005)
    return max(5, round(interval.size * (half / room) ** 2) - interval.size)


def _not_worse(name: str, differences: Sequence[float], words: str, settings: GateSettings) -> Guard:
    """Holds a candidate that is worse for certain by its ``differences``, unless those are too few. ``words``
    say what the interval is of."""
    interval = mean_interval(differences, settings.confidence)
    passed = interval.size < GUARD_QUERIES or classify(interval, settings.margin) != "inferior"
    return Guard(name, passed, f"{settings.metric} {interval} {words}")


def _slices(parts: Sequence[Slice]) -> Iterator[Guard]:
    counted = [(one, one.change, one.alone) for one in parts if one.change and one.alone]
    dropped = [
        f"{one.by} {one.value} {change}"
        for one, change, alone in counted
        if change.high < -SLICE_MARGIN or (alone.high < -ROUNDING and alone.estimate < -_FAR_BELOW)
    ]
    detail = f"none of {len(counted)} is worse by more than {SLICE_MARGIN:g} for certain"
    if dropped:
        detail = f"worse by more than {SLICE_MARGIN:g}: {', '.join(dropped)}"
    if counted:
        yield Guard("slices", not dropped, detail)


def _earlier(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """On the questions that the served release was judged by: what was decided since can't have spoilt
    them."""
    earlier, _ = found.by_age(settings.metric)
    if len(earlier) >= GUARD_QUERIES:
        words = f"on {len(earlier)} questions that were held out before"
        yield _not_worse("earlier questions", earlier, words, settings)


def _sets(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    for one in found.sets:
        if one.kind == "own":
            words = f"on {len(one.questions)} questions"
            yield _not_worse(f"test set {one.name}", one.differences(settings.metric), words, settings)
        if one.kind != "generic":
            continue
        kept = mean_interval(one.differences(settings.metric, old="base"), settings.confidence)
        # A drop that may be none at all passes, and so does one that few questions tell of.
        passed = kept.size < GUARD_QUERIES or kept.estimate >= -GENERIC_MARGIN or kept.high >= 0
        detail = (
            f"{settings.metric} {kept} against the base model on {kept.size} questions about other things"
        )
        yield Guard(f"forgetting ({one.name})", passed, detail)


def _base(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Many small losses, each within the margin, must not add up to a release that is worse than no
    training."""
    differences = found.decisive(settings.metric, settings.min_queries, old="base")
    if differences:
        yield _not_worse("base model", differences, "against the untouched base model", settings)


def _headings(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Where they do not decide, they must not be lost either."""
    differences = found.holdout.of_kind(is_heading=True).differences(settings.metric)
    if differences and found.judging(settings.min_queries)[0] is not found.holdout:
        words = f"on {len(differences)} headings, which do not decide"
        yield _not_worse(HEADINGS, differences, words, settings)


def _latency(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    if found.latency is None:
        return
    old, new = found.latency.served, found.latency.candidate
    ratio = settings.guards.latency_ratio
    limit, allowed = max(old * ratio, old + _NOTICEABLE), f"at most {ratio:g} times"
    if found.latency.reranks:
        limit = max(limit, _RERANKER_SECONDS)
        allowed += f", or {_RERANKER_SECONDS:g} s with a reranker"
    yield Guard(LATENCY, new <= limit, f"median query {1000 * old:.1f} → {1000 * new:.1f} ms ({allowed})")


def _off_topic(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    old, new = found.served_refusals, found.candidate_refusals
    detail = f"off-topic questions answered {old.answered:.0%} → {new.answered:.0%}"
    yield Guard("refusal", new.answered - old.answered <= REFUSAL_DROP, detail)


def _refused(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """A bot that refuses everything passes ``_off_topic``. Here the questions count that it should answer."""
    old, new = found.served_refusals, found.candidate_refusals
    if not new.refused:
        return
    pairs = zip(old.refused, new.refused, strict=True)
    risen = mean_interval([float(now) - float(before) for before, now in pairs], settings.confidence)
    limit = settings.guards.refused_rise
    certain = risen.size >= GUARD_QUERIES and risen.low > ROUNDING
    passed = not certain or risen.estimate <= limit + ROUNDING
    detail = (
        f"of {risen.size} questions that the bot should answer, {sum(old.refused)} → {sum(new.refused)} "
        f"would be refused (nearness below {old.threshold:g} → {new.threshold:g})"
    )
    if not passed:
        detail += (
            f", more than {limit:.0%} more; set serving.retrieval.min_score lower, or leave it empty, so "
            "that each release has its own threshold, or raise training.gate.guards.refused_rise"
        )
    yield Guard("refused questions", passed, detail)


def _smoke(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    guards, now = settings.guards, found.candidate_refusals
    wrong = [f"refuses {text!r}" for text in guards.smoke if now.smoke[text] < now.threshold]
    wrong += [f"answers {text!r}" for text in guards.refuse if now.smoke[text] >= now.threshold]
    if guards.smoke or guards.refuse:
        detail = "; ".join(wrong) or f"all {len(guards.smoke) + len(guards.refuse)} pass"
        yield Guard("smoke questions", not wrong, detail)


def _out_of_bounds(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """What annotators judged to be out of bounds, and the served release refuses, the candidate refuses."""
    old, now = found.served_refusals, found.candidate_refusals
    own = {*settings.guards.smoke, *settings.guards.refuse}
    refused = [text for text, score in old.smoke.items() if text not in own and score < old.threshold]
    if refused:
        wrong = [f"answers {text!r}" for text in refused if now.smoke[text] >= now.threshold]
        yield Guard("out of bounds", not wrong, "; ".join(wrong) or f"all {len(refused)} are refused")


def _decisions(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    seen = found.decisions
    if not settings.guards.decisions:
        return
    if seen.complaint:
        detail = (
            f"{seen.complaint}; look at the doubtful ones in the report, and leave out who made them "
            "(--without-annotator), or set training.gate.guards.decisions = false if they are meant"
        )
    elif seen.apart is None and seen.chance is None and seen.cited is None:
        detail = f"{seen.pairs} new judged questions are too few to tell whether they are meant"
    else:
        detail = f"{seen.pairs} new judged questions look meant"
    # Where all are wrong in the same way, what a model learns from some is borne out by the others.
    is_blind = seen.may_be_wrong_throughout and any(one.kind == "cross-fitted" for one in found.sets)
    if is_blind and not seen.complaint:
        detail += ", and all could be wrong in the same way: more decisions would tell"
    yield Guard("new decisions", not seen.complaint and not is_blind, detail)


def _removed(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    seen, limit = found.coverage, settings.guards.removed_share
    if not seen.indexed:
        return
    passed = seen.removed <= max(limit * seen.indexed, _FEW_REMOVED)
    why = "were rejected since"
    if seen.unaccepted:
        why = f"leave the index, {seen.unaccepted} of them because they are no longer accepted"
    detail = (
        f"{seen.removed} of {seen.indexed} chunks that are served {why} "
        f"({seen.removed / seen.indexed:.1%}, at most {limit:.0%})"
    )
    if seen.unreviewed:
        never = f"{seen.unreviewed} more had never been accepted"
        detail += f"; {never} (serving.retrieval.include_unreviewed is false)"
    if not passed:
        detail += (
            "; look at these chunks in Argilla, leave out who judged them wrongly (--without-annotator), or, "
            "if all of them are useless, raise training.gate.guards.removed_share"
        )
    yield Guard("removed chunks", passed, detail)


def _contradicted(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """A chunk that answers an accepted question is not useless: one of the two answers is wrong."""
    seen, limit = found.coverage, settings.guards.contradicted_share
    if not seen.rejected:
        return
    share = share_interval(seen.contradicted, seen.rejected, settings.confidence)
    passed = seen.contradicted <= _FEW_CONTRADICTED or share.low <= limit
    detail = f"{seen.contradicted} of {seen.rejected} newly rejected chunks have accepted questions"
    if not passed:
        detail += (
            f" (such as {seen.examples[0]!r}; at most {limit:.0%} may); look at the conflicts in the report "
            "and correct one answer or the other in Argilla, leave out who rejected the chunks "
            "(--without-annotator), or, if both are meant, raise training.gate.guards.contradicted_share"
        )
    yield Guard("contradicted chunks", passed, detail)


def _lost(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Held-out questions whose chunk left the index left the holdout; here the candidate has 0 on them."""
    lost = [-one.served[settings.metric] for one in found.coverage.lost]
    if lost:
        differences = [*found.holdout.differences(settings.metric), *lost]
        words = f"with {len(lost)} held-out questions whose chunk leaves the index counted as 0"
        yield _not_worse("lost questions", differences, words, settings)


_CHECKS: Sequence[Callable[[Comparison, GateSettings], Iterator[Guard]]] = (
    _earlier,
    _sets,
    _base,
    _headings,
    _latency,
    _off_topic,
    _refused,
    _smoke,
    _out_of_bounds,
    _decisions,
    _removed,
    _contradicted,
    _lost,
)
