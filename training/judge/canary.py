"""What visitors say of a canary, beside the release that is served to the others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel

from curation import ArgillaSettings, ReleaseTraffic, StateError, read_preferences, read_release_traffic
from serving import Canary
from training.judge.intervals import Interval, share_interval

if TYPE_CHECKING:
    import argilla as rg

_CONFIDENCE = 0.95

Liking = Literal["liked more", "liked less", "not known yet"]


class CanaryReport(BaseModel):
    """Both releases' traffic in the same time. The shares are None where there is nothing to count; ``p`` is
    Fisher's exact test (1922) of thumbs up and down, two-sided.

    Where both are interleaved, ``preferred`` is the share of the conversations with a vote that prefer the
    canary's passages, and ``p`` the sign test's.
    """

    canary: ReleaseTraffic
    served: ReleaseTraffic
    refused: tuple[Interval | None, Interval | None]
    liked: tuple[Interval | None, Interval | None]
    preferred: Interval | None = None
    interleaved: bool = False
    p: float | None
    verdict: Liking

    @property
    def words(self) -> str:
        """What visitors say, in a sentence or two."""
        if self.preferred is not None:
            share = f"{self.preferred.percent} of {self.preferred.size} conversations with a vote"
            return (
                f"The canary: {self.verdict}. {share} preferred its passages (sign test, p = {self.p:.2f})."
            )
        if self.p is None and self.interleaved:
            return "Which one visitors like more is not known yet: no conversation with both has a vote."
        if self.p is None:
            return "Which one visitors like more is not known yet: one of them has no votes."
        return f"The canary: {self.verdict} (Fisher's exact test, p = {self.p:.2f})."


def read_canary(client: rg.Argilla, settings: ArgillaSettings, running: Canary, served: str) -> CanaryReport:
    """How the canary does since it began, beside the release that is ``served``. Raises ArgillaError."""
    canary, beside = (
        read_release_traffic(client, settings, one, running.since) for one in (running.release, served)
    )
    votes = read_preferences(client, settings, running.release, served) if running.interleave else None
    return judge_canary(canary, beside, votes)


def check_binding(client: rg.Argilla, settings: ArgillaSettings, running: Canary, served: str) -> None:
    """Raise StateError where a ``binding`` canary is surely liked less than the ``served`` release."""
    found = read_canary(client, settings, running, served)
    if found.verdict == "liked less":
        raise StateError(
            f"{running.release} is not served to all. {found.words}",
            "`clayloop releases canary --off` ends it; then it can be promoted all the same.",
        )


def judge_canary(
    canary: ReleaseTraffic, served: ReleaseTraffic, votes: tuple[int, int] | None = None
) -> CanaryReport:
    """The canary stands first in each pair. ``votes``: how many conversations preferred either one's passages
    where both are interleaved; thumbs then judge neither as a whole."""
    from scipy.stats import binomtest, fisher_exact

    both = (canary, served)
    liked = tuple(_share(one.up, one.up + one.down) for one in both)
    p = more = None
    if votes is not None:
        more = votes[0] > votes[1]
        p = float(binomtest(votes[0], sum(votes)).pvalue) if any(votes) else None
    elif all(one.up + one.down for one in both):
        more = canary.up * (served.up + served.down) > served.up * (canary.up + canary.down)
        p = float(fisher_exact([[one.up, one.down] for one in both]).pvalue)
    verdict: Liking = "not known yet"
    if p is not None and p < 1 - _CONFIDENCE:
        verdict = "liked more" if more else "liked less"
    return CanaryReport(
        canary=canary,
        served=served,
        refused=tuple(_share(one.refused, one.asked) for one in both),
        liked=liked,
        preferred=_share(votes[0], sum(votes)) if votes else None,
        interleaved=votes is not None,
        p=p,
        verdict=verdict,
    )


def _share(count: int, of: int) -> Interval | None:
    return share_interval(count, of, _CONFIDENCE) if of else None
