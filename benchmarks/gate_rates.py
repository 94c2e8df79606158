"""How often the gate lets a change of a known size through: by number of questions, margin and confidence.

The per-question changes of real runs (evaluation.json of a release or run, as many as are given) are drawn from with
replacement; questions that did not change stay so, the others are shifted until the mean change is the wanted one. So the
shape is that of fine-tuning, and only the mean is made up.

    python benchmarks/gate_rates.py EVALUATION_JSON ... [--rounds 1000] [--seed 17]
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training.comparison import read_comparison
from training.gate_settings import GateSettings
from training.intervals import classify, mean_interval

QUESTIONS = (15, 30, 50, 100, 200)
CHANGES = (-0.08, -0.05, -0.03, 0.0, 0.02, 0.04, 0.08)
RULES = ((0.9, 0.0), (0.9, 0.03), (0.95, 0.03), (0.9, 0.05))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("files", type=Path, nargs="+")
    parser.add_argument("--rounds", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args()
    changes = np.concatenate(
        [read_comparison(path).holdout.differences(GateSettings().metric) for path in given.files]
    )
    print(
        f"{len(changes)} real changes: mean {changes.mean():+.3f}, standard deviation {changes.std():.3f}, "
        f"{(changes == 0).mean():.0%} unchanged\n"
    )
    print("share promoted (superior or non-inferior) for a true mean change of")
    print(
        f"{'questions':>9}{'confidence':>12}{'margin':>8}" + "".join(f"{change:>+8.2f}" for change in CHANGES)
    )
    chance = np.random.default_rng(given.seed)
    for questions in QUESTIONS:
        passed = dict.fromkeys(((rule, change) for rule in RULES for change in CHANGES), 0)
        for change in CHANGES:
            shifted = _shifted(changes, change)
            for number in range(given.rounds):
                drawn = chance.choice(shifted, questions).tolist()
                found = {
                    confidence: mean_interval(drawn, confidence, 400, seed=number)
                    for confidence in {confidence for confidence, _ in RULES}
                }
                for confidence, margin in RULES:
                    verdict = classify(found[confidence], margin)
                    passed[(confidence, margin), change] += verdict in ("superior", "non-inferior")
        for rule in RULES:
            shares = "".join(f"{passed[rule, change] / given.rounds:>8.0%}" for change in CHANGES)
            print(f"{questions:>9}{rule[0]:>12g}{rule[1]:>8g}{shares}", flush=True)
    return 0


def _shifted(changes: npt.NDArray[np.float64], wanted: float) -> npt.NDArray[np.float64]:
    """The changes with another mean: those of 0 stay."""
    moved = changes != 0
    return np.where(moved, changes + (wanted - changes.mean()) / moved.mean(), 0.0)


if __name__ == "__main__":
    sys.exit(main())
