"""What visitors say of a canary, beside the release that is served to the others."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from curation import ArgillaSettings, ReleaseTraffic, read_release_traffic
from serving import ReleaseStore
from training.judge.intervals import Interval, share_interval

if TYPE_CHECKING:
    import argilla as rg

_CONFIDENCE = 0.95

Liking = Literal["liked more", "liked less", "not known yet"]


class CanaryReport(BaseModel):
    """Both releases' traffic in the same days. The shares are None where there is nothing to count; ``p`` is
    Fisher's exact test (1922) of thumbs up and down, two-sided."""

    canary: ReleaseTraffic
    served: ReleaseTraffic
    refused: tuple[Interval | None, Interval | None]
    liked: tuple[Interval | None, Interval | None]
    p: float | None
    verdict: Liking


def read_canary(client: rg.Argilla, settings: ArgillaSettings, store: ReleaseStore) -> CanaryReport | None:
    """How the running canary does, since the day it began; None where none is running. Raises ArgillaError,
    and StateError where no release is served."""
    running = store.marks.read().canary
    if running is None:
        return None
    days = running.since.date(), datetime.now(timezone.utc).date()
    canary, served = (
        read_release_traffic(client, settings, one, *days) for one in (running.release, store.current().id)
    )
    return judge_canary(canary, served)


def judge_canary(
    canary: ReleaseTraffic, served: ReleaseTraffic, confidence: float = _CONFIDENCE
) -> CanaryReport:
    """The canary stands first in each pair. ``confidence`` is how sure the test has to be."""
    from scipy.stats import fisher_exact

    both = (canary, served)
    rated = all(one.up + one.down for one in both)
    p = float(fisher_exact([[one.up, one.down] for one in both]).pvalue) if rated else None
    liked = tuple(_share(one.up, one.up + one.down, confidence) for one in both)
    verdict: Liking = "not known yet"
    if p is not None and p < 1 - confidence:
        more = canary.up * (served.up + served.down) > served.up * (canary.up + canary.down)
        verdict = "liked more" if more else "liked less"
    return CanaryReport(
        canary=canary,
        served=served,
        refused=tuple(_share(one.refused, one.asked, confidence) for one in both),
        liked=liked,
        p=p,
        verdict=verdict,
    )


def _share(count: int, of: int, confidence: float) -> Interval | None:
    return share_interval(count, of, confidence) if of else None
