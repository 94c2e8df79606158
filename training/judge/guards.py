"""What must hold beside the verdict: a better mean is no use to those whose questions got worse."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pydantic import BaseModel, ConfigDict

from training.judge.comparison import Comparison
from training.judge.intervals import ROUNDING, Interval, classify, mean_interval, share_interval
from training.judge.slices import Slice
from training.settings import GateSettings

LATENCY = "latency"
# A slower median matters from here on: below it is the clock's noise.
_NOTICEABLE = 0.005  # seconds
# A slice that is so many times its margin lower, and so much, is far below.
_FAR = 2.5
_FAR_AT_LEAST = 0.125
# So few say nothing about a round, whatever their share.
_FEW_REMOVED = 5
_FEW_CONTRADICTED = 2


class Guard(BaseModel):
    """One condition: whether it holds, and the figures behind it, for people."""

    model_config = ConfigDict(frozen=True)

    name: str
    passed: bool
    detail: str


def check_guards(found: Comparison, slices: Sequence[Slice], settings: GateSettings) -> list[Guard]:
    """Every guard that there is something to say about."""
    return [
        *_slices(slices, settings),
        *_known(found, settings),
        *_sets(found, settings),
        *_base(found, settings),
        *_latency(found, settings),
        *_size(found, settings),
        *_refusal(found, settings),
        *_refused(found, settings),
        *_smoke(found, settings),
        *_decisions(found, settings),
        *_removed(found, settings),
        *_contradicted(found, settings),
        *_lost(found, settings),
    ]


def change(found: Comparison, ids: Sequence[str], settings: GateSettings) -> Interval | None:
    """candidate − served over some of the holdout's questions; None when they are too few to tell."""
    wanted = set(ids)
    differences = found.holdout.differences(settings.metric)
    chosen = [
        value
        for question, value in zip(found.holdout.questions, differences, strict=True)
        if question.id in wanted
    ]
    return _interval(chosen, settings) if len(chosen) >= settings.guards.min_queries else None


def _interval(differences: Sequence[float], settings: GateSettings) -> Interval:
    return mean_interval(differences, settings.confidence, settings.resamples, settings.seed)


def _slices(slices: Sequence[Slice], settings: GateSettings) -> Iterator[Guard]:
    counted = [(one, one.change) for one in slices if one.change is not None]
    margin = settings.guards.slice_margin
    dropped = [
        f"{one.by} {one.value} {change}"
        for one, change in counted
        if change.high < -margin or _far_below(one, margin)
    ]
    if dropped:
        yield Guard(
            name="slices", passed=False, detail=f"worse by more than {margin:g}: {', '.join(dropped)}"
        )
    elif counted:
        yield Guard(
            name="slices",
            passed=True,
            detail=f"none of {len(counted)} is worse by more than {margin:g} for certain",
        )


def _far_below(one: Slice, margin: float) -> bool:
    """A drop so large that noise in one of many slices hardly ever makes it (docs/decisions-training.md): certain by the
    slice's own interval is enough."""
    if one.alone is None:
        return False
    return one.alone.high < -ROUNDING and one.alone.estimate < -max(_FAR * margin, _FAR_AT_LEAST)


def _known(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """On the questions that the served release was made with: what was decided since can't have spoilt them."""
    known = change(found, found.known, settings)
    if known is not None:
        yield Guard(
            name="earlier questions",
            passed=classify(known, settings.margin) != "inferior",
            detail=f"{settings.metric} {known} on {known.size} questions that were held out before",
        )


def _sets(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    for one in found.sets:
        if one.kind == "own":
            own = _interval(one.differences(settings.metric), settings)
            yield Guard(
                name=f"test set {one.name}",
                passed=own.size < settings.guards.min_queries or classify(own, settings.margin) != "inferior",
                detail=f"{settings.metric} {own} on {own.size} questions",
            )
        else:
            margin = settings.guards.generic_margin
            kept = _interval(one.differences(settings.metric, old="base"), settings)
            yield Guard(
                name=f"forgetting ({one.name})",
                # A drop that may be none at all passes, and so does one that few questions tell of.
                passed=kept.size < settings.guards.min_queries or kept.estimate >= -margin or kept.high >= 0,
                detail=f"{settings.metric} {kept} against the base model on {kept.size} questions about other things",
            )


def _base(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Many small losses, each within the margin, must not add up to a release that is worse than no training."""
    differences = found.decisive(settings.metric, old="base")
    if not differences:
        return
    gained = _interval(differences, settings)
    yield Guard(
        name="base model",
        passed=gained.size < settings.guards.min_queries or classify(gained, settings.margin) != "inferior",
        detail=f"{settings.metric} {gained} against the untouched base model",
    )


def _latency(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    if found.latency is None:
        return
    old, new = found.latency.served, found.latency.candidate
    limit = settings.guards.latency_ratio
    yield Guard(
        name=LATENCY,
        passed=new <= old * limit or new - old <= _NOTICEABLE,
        detail=f"median query {1000 * old:.1f} → {1000 * new:.1f} ms (at most {limit:g} times)",
    )


def _size(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    limit, size = settings.guards.index_mb, found.vitals.megabytes
    yield Guard(
        name="size",
        passed=not limit or size <= limit,
        detail=f"vectors and model {size:.0f} MB ({f'at most {limit}' if limit else 'no limit'})",
    )


def _refusal(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    old, new = found.vitals.served, found.vitals.candidate
    yield Guard(
        name="refusal",
        passed=new.answered - old.answered <= settings.guards.refusal_drop,
        detail=f"off-topic questions answered {old.answered:.0%} → {new.answered:.0%}",
    )


def _refused(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Who refuses everything answers no off-topic question either: those that it should answer tell."""
    old, new = found.vitals.served, found.vitals.candidate
    if not new.refused or len(old.refused) != len(new.refused):
        return
    risen = _interval(
        [float(now) - float(before) for before, now in zip(old.refused, new.refused, strict=True)], settings
    )
    limit = settings.guards.refused_rise
    certain = risen.size >= settings.guards.min_queries and risen.low > ROUNDING
    passed = not certain or risen.estimate <= limit + ROUNDING
    detail = (
        f"of {risen.size} questions that the bot should answer, {sum(old.refused)} → {sum(new.refused)} would be refused "
        f"(cosines below {old.threshold:g} → {new.threshold:g})"
    )
    if not passed:
        detail += (
            f", more than {limit:.0%} more; set serving.retrieval.min_score lower, or leave it empty, so that each release has "
            "its own threshold, or raise training.gate.guards.refused_rise"
        )
    yield Guard(name="refused questions", passed=passed, detail=detail)


def _smoke(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    guards, now = settings.guards, found.vitals.candidate
    wrong = [f"refuses {text!r}" for text in guards.smoke if now.smoke[text] < now.threshold]
    wrong += [f"answers {text!r}" for text in guards.refuse if now.smoke[text] >= now.threshold]
    if guards.smoke or guards.refuse:
        yield Guard(
            name="smoke questions",
            passed=not wrong,
            detail="; ".join(wrong) or f"all {len(guards.smoke) + len(guards.refuse)} pass",
        )


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
    yield Guard(name="new decisions", passed=not seen.complaint, detail=detail)


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
        detail += f"; {seen.unreviewed} more had never been accepted (serving.retrieval.include_unreviewed is false)"
    if not passed:
        detail += (
            "; look at these chunks in Argilla, leave out who judged them wrongly (--without-annotator), or, if all of them are "
            "useless, raise training.gate.guards.removed_share"
        )
    yield Guard(name="removed chunks", passed=passed, detail=detail)


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
            f" (such as {seen.examples[0]!r}; at most {limit:.0%} may); look at the conflicts in the report and correct one "
            "answer or the other in Argilla, leave out who rejected the chunks (--without-annotator), or, if both are "
            "meant, raise training.gate.guards.contradicted_share"
        )
    yield Guard(name="contradicted chunks", passed=passed, detail=detail)


def _lost(found: Comparison, settings: GateSettings) -> Iterator[Guard]:
    """Held-out questions whose chunk left the index left the holdout; here the candidate has 0 on them."""
    lost = [-one.served[settings.metric] for one in found.coverage.lost]
    if not lost:
        return
    change = _interval([*found.holdout.differences(settings.metric), *lost], settings)
    yield Guard(
        name="lost questions",
        passed=change.size < settings.guards.min_queries or classify(change, settings.margin) != "inferior",
        detail=f"{settings.metric} {change} with {len(lost)} held-out questions whose chunk leaves the index counted as 0",
    )
