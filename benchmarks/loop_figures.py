"""What two loops come to: figures per side, size and question, their tables, and how sure a gain is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from benchmarks.rows import Row
from training import Interval, mean_interval

METRICS = ("ndcg@10", "mrr@10")
CONFIDENCE = 0.9
Values = Mapping[str, float]  # metric → value
Side = dict[int, dict[str, Values]]  # dimension → question id → …
Sides = dict[str, Side]


@dataclass(frozen=True)
class Round:
    """Round 2 of one fold: the questions that judge it, what was asked and accepted, where a better source
    was named, what the gate said."""

    fold: int
    judges: Sequence[str]
    asked: int
    accepted: int
    named: int
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Result:
    """Of one set. ``learned`` counts the headings that round 1 trained on, ``first`` is its outcome;
    ``sides`` are base, r1, again, "r2" (each question when nobody had asked it) and "seen" (when somebody
    had)."""

    name: str
    chunks: int
    learned: int
    first: str
    rounds: Sequence[Round]
    sides: Sides
    seconds: float


def means(found: Sequence[Values]) -> Values:
    """Of one question in several folds."""
    return {name: fmean(one[name] for one in found) for name in METRICS}


def told(one: Round, sides: Sides) -> str:
    """A fold on one line."""
    full = max(sides["base"])
    figures = [mean(sides, side, full, "ndcg@10", one.judges) for side in ("base", "r1", "r2")]
    return (
        f"fold {one.fold}: {one.asked} asked, {one.accepted} accepted, {one.named} with a "
        f"better source named, {one.outcome} after {one.seconds:.0f} s; NDCG@10 of {len(one.judges)} unseen "
        f"{' → '.join(f'{figure:.3f}' for figure in figures)}"
    )


def together(results: Sequence[Result]) -> Sides:
    """The sides of all sets as of one."""
    first = results[0].sides
    return {
        side: {
            size: {
                f"{one.name} {key}": values
                for one in results
                for key, values in one.sides[side][size].items()
            }
            for size in first[side]
        }
        for side in first
    }


def change(sides: Sides, side: str, size: int, metric: str) -> Interval:
    """Of ``side`` against the release of round 1, over all questions."""
    old, new = sides["r1"][size], sides[side][size]
    return mean_interval([new[key][metric] - old[key][metric] for key in old], CONFIDENCE)


def mean(sides: Sides, side: str, size: int, metric: str, keys: Sequence[str] = ()) -> float:
    """Over ``keys``, or over all questions."""
    rows = sides[side][size]
    return fmean(rows[key][metric] for key in keys or rows)


def report(results: Sequence[Result]) -> list[Row]:
    """Print the tables; whether round 2 gains on questions that nobody asked, over all sets, at full
    dimension."""
    for one in results:
        print(
            f"\n{one.name}: {one.chunks} chunks, round 1 on {one.learned} headings "
            f"({one.first}), {one.seconds} s"
        )
        for done in one.rounds:
            print(f"  {told(done, one.sides)}")
        _table(one.sides)
    sides = together(results)
    full = max(sides["base"])
    if len(results) > 1:
        print(f"\nall {len(sides['r1'][full])} questions together")
        _table(sides)
    print()
    gain = change(sides, "r2", full, "ndcg@10")
    print(f"r2 against round 1, {gain.size} questions that nobody had asked, NDCG@10: {gain}")
    what = "change of NDCG@10 by conversations, questions that nobody had asked"
    return [Row(what=what, ours=gain.estimate, bar=0.0, ok=gain.estimate > 0)]


def _table(sides: Sides) -> None:
    others = [name for name in sides if name not in ("base", "r1")]
    print(f"  {'':<16}{'base':>7}{'r1':>7}" + "".join(f"  {f'{name} (− r1)':<31}" for name in others))
    for size in sorted(sides["base"], reverse=True):
        for metric in METRICS:
            means = "".join(f"{mean(sides, side, size, metric):7.3f}" for side in ("base", "r1"))
            changes = "".join(
                f"  {f'{mean(sides, side, size, metric):.3f} ({change(sides, side, size, metric)})':<31}"
                for side in others
            )
            print(f"  {f'{metric}, {size} d':<16}{means}{changes}")
