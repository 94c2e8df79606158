"""What is said of a canary that nobody has voted on yet."""

from __future__ import annotations

from curation import ReleaseTraffic
from training.judge.canary import judge_canary


def test_without_a_vote_the_words_fit_what_is_counted() -> None:
    canary = ReleaseTraffic(release="r0002", asked=3, refused=0, up=1, down=0)
    served = ReleaseTraffic(release="r0001", asked=4, refused=0, up=1, down=0)
    mixed = judge_canary(canary, served, votes=(0, 0))
    assert mixed.words.endswith("no conversation with both has a vote.")
    apart = judge_canary(canary, served.model_copy(update={"up": 0}))
    assert apart.words.endswith("one of them has no votes.")
