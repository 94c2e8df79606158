"""Comparisons with figures of one's choice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from training.judge.comparison import ComparedSet, Comparison, Kind, Latency, PerDimension, RefusalRates
from training.judge.evaluate import METRICS, Scores
from training.judge.gate import judge
from training.judge.questions import HoldoutQuestion
from training.settings import GateSettings

REFUSES = RefusalRates(threshold=0.3, answered=0.05)


def compared(
    served: Sequence[float],
    candidate: Sequence[float],
    base: Sequence[float] | None = None,
    kind: Kind = "holdout",
    name: str = "holdout",
    questions: Sequence[HoldoutQuestion] | None = None,
    sizes: Sequence[int] = (384, 64),
) -> ComparedSet:
    """A set whose questions have these values in every metric."""
    asked = list(questions or (question(number) for number in range(len(served))))
    return ComparedSet(
        name=name,
        kind=kind,
        questions=asked,
        base=_scores(asked, base or served, sizes),
        served=_scores(asked, served, sizes),
        candidate=_scores(asked, candidate, sizes),
    )


def question(number: int, **more: str) -> HoldoutQuestion:
    return HoldoutQuestion(
        id=f"q{number}", text=more.pop("text", f"question {number}?"), right=[f"c{number}"], **more
    )  # type: ignore[arg-type]


def comparison(
    holdout: ComparedSet,
    sets: Sequence[ComparedSet] = (),
    earlier: Sequence[str] = (),
    latency: tuple[float, float] = (0.01, 0.01),
    served: RefusalRates = REFUSES,
    candidate: RefusalRates = REFUSES,
) -> Comparison:
    """One in which nothing but the holdout speaks against the candidate, unless said otherwise."""
    return Comparison(
        release_before="r0001-00000000",
        base_model="package:none",
        holdout=holdout,
        earlier=list(earlier),
        sets=list(sets),
        served_refusals=served,
        candidate_refusals=candidate,
        latency=Latency(served=latency[0], candidate=latency[1]),
    )


def failures(found: Comparison, **gate: Any) -> dict[str, str]:
    """The guards that hold a candidate back, and why, for a comparison whose verdict could be promoted."""
    verdict = judge(found, GateSettings(promote=["superior", "non-inferior"], **gate))
    assert verdict.promoted == (not verdict.failed)
    if verdict.failed:
        assert "Held back, although" in verdict.reason
    return {guard.name: guard.detail for guard in verdict.failed}


def _scores(
    questions: Sequence[HoldoutQuestion], values: Sequence[float], sizes: Sequence[int]
) -> PerDimension:
    rows = {one.id: dict.fromkeys(METRICS, value) for one, value in zip(questions, values, strict=True)}
    mean = sum(values) / len(values) if values else 0.0
    return {size: Scores(metrics=dict.fromkeys(METRICS, mean), questions=rows) for size in sizes}
