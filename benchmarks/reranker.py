"""Does a reranker pay? Human-written questions: the embedding model alone, and with a cross-encoder trained from the same
decisions.

The same run as benchmarks/retrieval_quality.py (heading triplets, accepted by *simulated* decisions), with
``training.reranker.enabled``. The contest of the run says whether the product would release it; the human questions, which
neither that contest nor any training has seen, say whether it was right. All weights are shown, whatever was decided.

    python benchmarks/reranker.py --eval ../shared/eval [--sets scrapy,django] [--base MODEL] [--epochs N] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

from retrieval_quality import Lines, accept  # beside this script

from curation.corpus import Corpus
from curation.home import Home
from curation.ingest import ingest
from curation.settings import ChunkSettings, SynthesisSettings
from curation.synthesis import synthesize
from curation.triplets import load_triplets
from serving.bootstrap import bootstrap
from serving.release import RerankerInfo
from serving.releases import ReleaseStore
from serving.reranking import Reranker
from serving.retrieval import Retriever, load_release
from serving.settings import EmbeddingSettings, RetrievalSettings, ServingSettings
from serving.tokens import ModelTokenCounter
from training.evaluation import rank, score
from training.gate_settings import GuardSettings
from training.intervals import mean_interval
from training.reranker.contest import WEIGHTS
from training.reranker.fit import fit_reranker
from training.reranker.reading import read
from training.reranker_settings import RerankerSettings
from training.retrain import retrain_from_annotations
from training.settings import GateSettings, TrainingSettings
from training.testsets import TestSet, load_folder

METRIC = "ndcg@10"
# The bot's own: one thread, no reranker of the release's, whose place the measured one takes.
SERVED = ServingSettings(embedding=EmbeddingSettings(threads=1), retrieval=RetrievalSettings(rerank=False))


def measure(name: str, folder: Path, home: Home, chosen: RerankerSettings) -> dict[str, Any]:
    """One test set."""
    serving, lines = ServingSettings(), Lines()
    print(name, flush=True)
    ingest([str(folder / "docs")], home, ChunkSettings(), ModelTokenCounter(serving.embedding.model), lines)
    corpus, store = Corpus.load(home), ReleaseStore(home)
    base = store.ids()[0] if store.ids() else bootstrap(home, corpus, serving, lines).id
    synthesize(home, corpus, SynthesisSettings(), None, lines)
    decisions = [accept(one) for one in load_triplets(home) if one.origin == "heading"]
    store.promote(base)
    # Whatever the gate says of the embedding model: the question here is what the reranker adds to it.
    anything = GateSettings(margin=1.0, guards=GuardSettings(slice_margin=1.0, generic_margin=1.0))
    training = TrainingSettings(reranker=chosen, gate=anything)
    trained: list[Any] = []  # a run throws the weights away where they are not released

    def fit_and_keep(*given: Any) -> Any:
        trained.append(fit_reranker(*given))
        return trained[-1]

    with patch("training.reranker.step.fit_reranker", fit_and_keep):
        summary = retrain_from_annotations(
            home, corpus, training, serving, lambda: decisions, lines, force=True
        )
    if summary.reranker is None or not trained or summary.release_after is None:
        raise SystemExit(f"{name}: no reranker was trained ({summary.verdict})")
    model, _ = trained[-1]
    info = RerankerInfo(
        name="measured",
        candidates=chosen.candidates,
        max_tokens=chosen.max_tokens,
        weight=summary.reranker.verdict.weight or 0.3,
    )
    retriever = load_release(store, summary.release_after, SERVED)
    reranker = Reranker(model, info, SERVED.embedding)
    questions = load_folder(folder)
    per_weight = ask(retriever, reranker, questions)
    alone, added = latency(retriever, reranker, list(questions.queries.values()))
    return {
        "set": name,
        "questions": len(questions.queries),
        "chunks": len(corpus.chunks),
        "verdict": summary.reranker.verdict.model_dump(),
        "pairs": summary.reranker.pairs,
        "fit": trained[-1][1].model_dump(mode="json"),
        "human": per_weight,
        "milliseconds": {"search alone": alone, "with reranker": added},
    }


def ask(retriever: Retriever, reranker: Reranker, questions: TestSet) -> dict[float, list[float]]:
    """Weight → the metric of every question, ranked by file as `clayloop evaluate` does."""
    chunks = retriever.index.chunks()
    texts, asked = list(questions.queries.values()), list(questions.queries)
    paths = [chunk.path for chunk in chunks]
    cosines = retriever.embedder.queries(texts) @ retriever.index.vectors().T
    reading = read(reranker, texts, cosines, lambda _, column: chunks[column].text)
    found = {}
    for weight in WEIGHTS:
        ranked = reading.ordered(cosines, weight) if weight else cosines
        scores = score(questions.qrels, rank(ranked, asked, paths)).questions
        found[weight] = [scores[one][METRIC] for one in asked]
    return found


def latency(retriever: Retriever, reranker: Reranker, questions: list[str]) -> tuple[float, float]:
    """Median milliseconds of a search without and with it, asked in turn, one thread."""
    both = (
        retriever,
        Retriever(retriever.release, retriever.embedder, retriever.index, SERVED, reranker),
    )
    seconds: tuple[list[float], list[float]] = ([], [])
    for text in [*questions[:2], *questions]:
        for one, took in zip(both, seconds, strict=True):
            started = time.perf_counter()
            one.search(text)
            took.append(time.perf_counter() - started)
    alone, with_it = (round(1000 * median(took[2:]), 1) for took in seconds)
    return alone, with_it


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    arguments.add_argument("--eval", type=Path, required=True, help="folder that holds the test sets")
    arguments.add_argument("--sets", default="scrapy")
    arguments.add_argument("--home", type=Path, help="keep state here, one folder a set")
    arguments.add_argument("--base", default="", help="training.reranker.base_model")
    arguments.add_argument("--epochs", type=float, default=RerankerSettings().epochs)
    arguments.add_argument("--learning-rate", type=float, default=RerankerSettings().learning_rate)
    arguments.add_argument("--json", type=Path, help="write the results here")
    given = arguments.parse_args()
    chosen = RerankerSettings(
        enabled=True,
        base_model=given.base,
        epochs=given.epochs,
        learning_rate=given.learning_rate,
        latency_ms=60_000,  # the figure is printed; here the question is whether it is better
    )
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        root = given.home or Path(scratch)
        rows = [measure(name, given.eval / name, Home(root / name), chosen) for name in given.sets.split(",")]
    if given.json:
        given.json.write_text(json.dumps(rows, indent=2) + "\n")
    report(rows, chosen)
    return 0


def report(rows: list[dict[str, Any]], chosen: RerankerSettings) -> None:
    print(
        f"\nSimulated decisions on heading pairs; {chosen.base_model or 'MiniLM with a new head'}, {chosen.epochs:g} epochs, "
        f"learning rate {chosen.learning_rate:g}, {chosen.candidates} candidates, {chosen.max_tokens} tokens, seed {chosen.seed}"
    )
    for row in rows:
        verdict, human = row["verdict"], row["human"]
        alone = human[0.0]
        print(
            f"\n{row['set']}: {row['chunks']} chunks, trained on {row['pairs']}, {row['fit']['seconds']:.0f} s"
        )
        print(f"  the contest   {verdict['reason']}")
        print(
            f"  {'weight':<14}{'set aside':>10}{'human':>10}   difference on {row['questions']} human questions"
        )
        for weight, values in human.items():
            interval = mean_interval([new - old for new, old in zip(values, alone, strict=True)], 0.9)
            print(
                f"  {weight:<14g}{verdict['weights'][weight]:>10.4f}{sum(values) / len(values):>10.4f}   {interval}"
            )
        took = row["milliseconds"]
        print(
            f"  a search      p50 {took['search alone']} ms alone, {took['with reranker']} ms with the reranker (one thread)"
        )


if __name__ == "__main__":
    sys.exit(main())
