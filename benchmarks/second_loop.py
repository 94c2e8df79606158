"""What conversations add: a first loop on section headings, a second one that also learns from what people
asked the bot.

For each test set (shared/eval/README.md): ingest, bootstrap; round 1 retrains on heading triplets that a
*simulated* annotator accepts. Then the human questions are split into folds by a stable hash. For each fold,
the questions of the *other* folds are put to the bot of round 1; its answer is accepted where its first
source is a chunk of the right file, else rejected, and the first source of the right file is named, if there
is one among the four (``--silent``: never). Round 2 retrains on both rounds' decisions, through the product's
own `retrain_from_annotations`. The fold's own questions, which nobody ever asked, judge. So each question
judges once as unseen, and is asked in all other folds (``asked``: seen in training, shown apart).

With ``--again``, round 1 is done a second time with another seed and without any conversation: what chance
alone changes.

    python -m benchmarks second_loop --eval ../shared/eval [--sets scrapy] [--folds 3] [--again] [--silent]
        [--pages 0] [--json FILE]

``--pages N`` keeps the files that answer a question and N others (by a stable hash): django's 5,965 chunks
take too long.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

from benchmarks.loop_figures import Result, Round, Side, Sides, Values, means, report, told
from benchmarks.options import parser_over_sets
from benchmarks.rows import Row
from benchmarks.simulated import Project, converse
from curation import Decision, Home, TestSet, load_folder, place_named_sources
from serving import Retriever, ServingSettings
from training import FitSettings, RetrainSummary, SearchModel, TrainingSettings, evaluate_set

SMALL = 64  # dimensions


def spread(names: Sequence[str]) -> list[str]:
    """``names`` in an order that hangs on nothing but themselves."""
    return sorted(names, key=lambda name: hashlib.sha256(f"second loop\t{name}".encode()).hexdigest())


def folds_of(questions: Sequence[str], folds: int) -> list[list[str]]:
    """The questions in ``folds`` parts of the same size, give or take one."""
    ordered = spread(questions)
    return [ordered[number::folds] for number in range(folds)]


def some_pages(folder: Path, test_set: TestSet, others: int, copy: Path) -> Path:
    """The docs themselves, or (``others`` > 0) a copy with the files that answer a question and so many
    others."""
    docs = folder / "docs"
    if not others:
        return docs
    right = {path for answers in test_set.qrels.values() for path in answers}
    files = [path.relative_to(docs).as_posix() for path in docs.rglob("*") if path.is_file()]
    for name in [*right, *spread([name for name in files if name not in right])[:others]]:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(docs / name, copy / name)
    return copy


class Loop:
    """One test set, with its base release served."""

    def __init__(self, name: str, folder: Path, home: Home, pages: int) -> None:
        self.name, self.test_set = name, load_folder(folder)
        with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
            docs = some_pages(folder, self.test_set, pages, Path(scratch))
            self.project = Project.begin(docs, home, ServingSettings())

    def retrain(self, home: Home, turns: Sequence[Decision], seed: int) -> RetrainSummary:
        """On the headings and ``turns``."""
        training = TrainingSettings(fit=FitSettings(seed=seed))
        return self.project.retrain(home, [*self.project.headings, *turns], training, force=True)

    def score(self, retriever: Retriever) -> Side:
        """What the release makes of every question, at full dimension and at a small one."""
        sizes = [retriever.embedder.dimension, SMALL]
        model = SearchModel(retriever.embedder, retriever.index.space())
        found = evaluate_set(model, self.test_set, retriever.index.chunks(), sizes)
        return {size: dict(scores.questions) for size, scores in found.items()}


def measure(loop: Loop, folds: int, seed: int, with_again: bool, silent: bool) -> Result:
    """Both loops on one set."""
    started = time.monotonic()
    sides: Sides = {"base": loop.score(loop.project.served(loop.project.home))}
    first = loop.retrain(loop.project.home, [], seed)
    bot = loop.project.served(loop.project.home)
    sides["r1"] = loop.score(bot)
    seen: dict[int, dict[str, list[Values]]] = {size: {} for size in sides["r1"]}
    sides["r2"] = {size: {} for size in sides["r1"]}
    rounds = []
    for number, fold in enumerate(folds_of(list(loop.test_set.queries), folds), start=1):
        others = [key for key in loop.test_set.queries if key not in fold]
        turns = [converse(bot, loop.project.corpus, loop.test_set, key, silent) for key in others]
        accepted = sum(turn.verdict == "accepted" for turn in turns)
        placed = place_named_sources(turns, loop.project.corpus.chunks)
        named = sum(bool(turn.named_source) for turn in placed)
        home = loop.project.copied(f"fold{number}")
        summary = loop.retrain(home, turns, seed)
        for size, questions in loop.score(loop.project.served(home)).items():
            sides["r2"][size].update({key: questions[key] for key in fold})
            for key in others:
                seen[size].setdefault(key, []).append(questions[key])
        shutil.rmtree(home.root)
        done = Round(number, fold, len(turns), accepted, named, summary.outcome, summary.total_seconds)
        rounds.append(done)
        print(f"  {told(done, sides)}", flush=True)
    sides["seen"] = {size: {key: means(found) for key, found in rows.items()} for size, rows in seen.items()}
    if with_again:
        chance = loop.project.copied("again")
        loop.retrain(chance, [], seed + 1)
        sides["again"] = loop.score(loop.project.served(chance))
        shutil.rmtree(chance.root)
    learned = first.examples.get("train", 0)
    took = round(time.monotonic() - started)
    return Result(loop.name, len(loop.project.corpus.chunks), learned, first.outcome, rounds, sides, took)


def main(arguments: Sequence[str]) -> list[Row]:
    parser = parser_over_sets("second_loop", __doc__, "scrapy")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="measure chance too")
    parser.add_argument("--silent", action="store_true", help="annotators never name a better source")
    parser.add_argument("--pages", type=int, default=0, help="other files to keep (0: all)")
    parser.add_argument("--seed", type=int, default=17)
    given = parser.parse_args(arguments)
    results = []
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for name in given.sets.split(","):
            print(name, flush=True)
            loop = Loop(name, given.eval / name, Home(Path(scratch) / name), given.pages)
            results.append(measure(loop, given.folds, given.seed, given.again, given.silent))
    return report(results)
