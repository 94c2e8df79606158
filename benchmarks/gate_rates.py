"""How often the gate lets a change of a known size through: by number of questions, interval, margin and
confidence.

``plain`` is the percentile interval, ``expanded`` the gate's, which is wider for few questions. The
per-question changes of real runs (evaluation.json of a release or run, as many as are given) are drawn from
with replacement; questions that did not change stay so, the others are shifted until the mean change is the
wanted one. So the shape is that of fine-tuning, and only the mean is made up. In the last two columns nothing
changes but one question in ten, or in five, which drops by 0.5 (a mean of -0.05 and -0.10).

    python -m benchmarks gate_rates EVALUATION_JSON ... [--rounds 1000] [--seed 17]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.rows import Row, figure
from training import GateSettings, classify, expanded_interval, mean_interval, read_comparison

QUESTIONS = (10, 15, 20, 30, 50, 100, 200)
CHANGES = (-0.08, -0.05, -0.03, 0.0, 0.02, 0.04, 0.08)
SPARSE = (0.1, 0.2)
DROP = -0.5
# Interval, confidence, margin.
RULES = (
    ("plain", 0.9, 0.0),
    ("plain", 0.9, 0.03),
    ("expanded", 0.9, 0.03),
    ("plain", 0.95, 0.03),
    ("plain", 0.9, 0.05),
)
INTERVALS = {"plain": mean_interval, "expanded": expanded_interval}


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args(arguments)
    changes = np.concatenate(
        [read_comparison(path).holdout.differences(GateSettings().metric) for path in given.files]
    )
    print(
        f"{len(changes)} real changes: mean {changes.mean():+.3f}, standard deviation {changes.std():.3f}, "
        f"{(changes == 0).mean():.0%} unchanged\n"
    )
    columns = {f"{change:+.2f}": _shifted(changes, change) for change in CHANGES}
    columns |= {f"1 in {round(1 / share)}": _sparse(share) for share in SPARSE}
    print("share promoted (superior or non-inferior) for a true mean change of")
    print(
        f"{'questions':>9}{'interval':>10}{'confidence':>12}{'margin':>8}"
        + "".join(f"{one:>8}" for one in columns)
    )
    chance, rows = np.random.default_rng(given.seed), list[Row]()
    for questions in QUESTIONS:
        passed = dict.fromkeys(((rule, one) for rule in RULES for one in columns), 0)
        for one, population in columns.items():
            for number in range(given.rounds):
                drawn = chance.choice(population, questions).tolist()
                found = {
                    (kind, confidence): INTERVALS[kind](drawn, confidence, 400, seed=number)
                    for kind, confidence in {(kind, confidence) for kind, confidence, _ in RULES}
                }
                for kind, confidence, margin in RULES:
                    verdict = classify(found[kind, confidence], margin)
                    passed[(kind, confidence, margin), one] += verdict in ("superior", "non-inferior")
        for rule in RULES:
            shares = "".join(f"{passed[rule, one] / given.rounds:>8.0%}" for one in columns)
            named = f"promoted: {questions} questions, {rule[0]}, confidence {rule[1]:g}, margin {rule[2]:g}"
            rows += [figure(f"{named}, {one}", passed[rule, one] / given.rounds) for one in columns]
            print(f"{questions:>9}{rule[0]:>10}{rule[1]:>12g}{rule[2]:>8g}{shares}", flush=True)
    return rows


def _shifted(changes: npt.NDArray[np.float64], wanted: float) -> npt.NDArray[np.float64]:
    """The changes with another mean: those of 0 stay."""
    moved = changes != 0
    return np.where(moved, changes + (wanted - changes.mean()) / moved.mean(), 0.0)


def _sparse(share: float) -> npt.NDArray[np.float64]:
    """Nothing but a ``share`` of the questions that drop."""
    found = np.zeros(1000)
    found[: round(share * len(found))] = DROP
    return found
