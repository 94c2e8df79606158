"""What visitors say of a canary, beside the release that is served to the others."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from curation import ArgillaSettings, ReleaseTraffic, read_release_traffic
from serving import Canary
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


def read_canary(client: rg.Argilla, settings: ArgillaSettings, running: Canary, served: str) -> CanaryReport:
    """How the canary does since the day it began, beside the release that is ``served``. Raises
    ArgillaError."""
    days = running.since.date(), datetime.now(timezone.utc).date()
    canary, beside = (read_release_traffic(client, settings, one, *days) for one in (running.release, served))
    return judge_canary(canary, beside)


def judge_canary(canary: ReleaseTraffic, served: ReleaseTraffic) -> CanaryReport:
    """The canary stands first in each pair."""
    from scipy.stats import fisher_exact

    both = (canary, served)
    rated = all(one.up + one.down for one in both)
    p = float(fisher_exact([[one.up, one.down] for one in both]).pvalue) if rated else None
    liked = tuple(_share(one.up, one.up + one.down) for one in both)
    verdict: Liking = "not known yet"
    if p is not None and p < 1 - _CONFIDENCE:
        more = canary.up * (served.up + served.down) > served.up * (canary.up + canary.down)
        verdict = "liked more" if more else "liked less"
    return CanaryReport(
        canary=canary,
        served=served,
        refused=tuple(_share(one.refused, one.asked) for one in both),
        liked=liked,
        p=p,
        verdict=verdict,
    )


def _share(count: int, of: int) -> Interval | None:
    return share_interval(count, of, _CONFIDENCE) if of else None
