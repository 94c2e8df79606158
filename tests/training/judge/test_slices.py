"""The slices of the holdout: what they are, and which drops hold a candidate."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest

from tests.training.judge.comparisons import compared, comparison, failures, question
from training.judge.comparison import Comparison, sections_of
from training.judge.gate import judge
from training.judge.questions import HoldoutQuestion
from training.settings import GateSettings


def test_a_slice_that_gets_worse_holds_a_better_mean() -> None:
    asked = [question(number, section="faq" if number % 3 == 0 else "howto") for number in range(90)]
    before = [0.5] * 90
    after = [0.2 if number % 3 == 0 else 0.8 for number in range(90)]
    failed = failures(comparison(compared(before, after, questions=asked)))
    assert set(failed) == {"slices"}
    assert "section faq -0.300" in failed["slices"]
    few = [question(number, section="faq" if number < 19 else "howto") for number in range(90)]
    after = [0.2 if number < 19 else 0.8 for number in range(90)]
    assert failures(comparison(compared(before, after, questions=few))) == {}


def test_a_slice_that_only_wavers_is_noise() -> None:
    """Thirty slices of twenty questions without any true change: none is held against the candidate."""
    chance = np.random.default_rng(3)
    asked = [question(number, section=f"part {number % 30}") for number in range(600)]
    before = chance.uniform(0.3, 0.7, 600)
    after = before + chance.normal(0.02, 0.15, 600)
    assert failures(comparison(compared(before.tolist(), after.tolist(), questions=asked))) == {}


def test_a_slice_far_below_is_seen_among_many() -> None:
    """Its interval, at a twentieth of the doubt, reaches above the margin; the drop is no noise all the
    same."""
    chance = np.random.default_rng(5)
    asked = [question(number, section=f"part {number % 20}") for number in range(400)]
    before = np.full(400, 0.5)
    bad = np.arange(400) % 20 == 7
    moved = chance.normal(0, 0.25, 20)

    def dropped(by: float) -> Comparison:
        after = before + 0.03
        after[bad] = 0.5 - by + moved - moved.mean()
        return comparison(compared(before.tolist(), after.tolist(), questions=asked))

    found = dropped(0.14)
    one = next(part for part in judge(found, GateSettings()).slices if part.value == "part 7")
    assert one.change is not None and one.change.high > -0.05
    assert "section part 7" in failures(found)["slices"]
    assert failures(dropped(0.12)) == {}


def _asked(path: str, count: int) -> list[HoldoutQuestion]:
    return [question(0, path=path, section=path.split("/")[0]) for _ in range(count)]


@pytest.mark.parametrize(
    ("paths", "sections"),
    [
        ({"docs/a.md": 20, "docs/b.md": 25}, {"docs/a.md": 20, "docs/b.md": 25}),
        (
            {"docs/guide/a.md": 15, "docs/guide/b.md": 9, "docs/ref/c.md": 30},
            {"docs/guide": 24, "docs/ref": 30},
        ),
        (
            {"README.md": 3, "docs/a/x.md": 20, "docs/b/y.md": 20},
            {"README.md": 3, "docs/a": 20, "docs/b": 20},
        ),
        ({"guide/a.md": 20, "ref/b.md": 20}, {"guide": 20, "ref": 20}),
        ({"docs/a/x.md": 5, "docs/b/y.md": 6}, {"docs/a": 5, "docs/b": 6}),
        ({"docs/a.md": 7}, {"docs/a.md": 7}),
    ],
)
def test_sections_are_the_first_folders_that_tell_documents_apart(
    paths: dict[str, int], sections: dict[str, int]
) -> None:
    asked = [one for path, count in paths.items() for one in _asked(path, count)]
    assert Counter(sections_of(asked)) == sections


def test_a_folder_for_everything_hides_no_slice() -> None:
    asked = [
        question(number, section="docs", path=f"docs/{'faq' if number % 3 else 'api'}.md")
        for number in range(90)
    ]
    after = [0.8 if number % 3 else 0.2 for number in range(90)]
    failed = failures(comparison(compared([0.5] * 90, after, questions=asked)))
    assert "section docs/api.md -0.300" in failed["slices"]
