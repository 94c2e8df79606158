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

    python benchmarks/second_loop.py --eval ../shared/eval [--sets scrapy] [--folds 3] [--again] [--silent]
        [--pages 0] [--json FILE]

``--pages N`` keeps the files that answer a question and N others (by a stable hash): django's 5,965 chunks
take too long.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.loop_figures import Result, Round, Side, Sides, Values, means, report, told
from benchmarks.retrieval_quality import Lines
from curation import (
    BEST_SOURCE,
    NO_SOURCE,
    ChunkSettings,
    Corpus,
    DatasetName,
    Decision,
    Home,
    SynthesisSettings,
    Triplet,
    Turn,
    Vote,
    acceptance_verdict,
    ingest,
    load_triplets,
    synthesize,
)
from serving import (
    BotSettings,
    ModelTokenCounter,
    ReleaseStore,
    Retriever,
    ServingSettings,
    answer_question,
    bootstrap,
    load_release,
)
from training import (
    FitSettings,
    RetrainOptions,
    RetrainSummary,
    SearchModel,
    TestSet,
    TrainingSettings,
    evaluate_set,
    load_folder,
    retrain_from_annotations,
)

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


def decision(
    dataset: DatasetName,
    record: str,
    values: dict[str, str],
    fields: dict[str, str],
    metadata: dict[str, str | int | float],
) -> Decision:
    """What one simulated annotator's ``values`` come to, by the product's own rules."""
    verdict, reason = acceptance_verdict(dataset, values, {})
    votes = tuple(
        Vote(
            question=name,
            value=value,
            annotator="simulated",
            annotator_id="simulated",
            response_id=f"simulated-{record}",
        )
        for name, value in values.items()
    )
    return Decision(
        record_id=record,
        dataset=dataset,
        values=values,
        votes=votes,
        agreement=1.0,
        verdict=verdict,
        reason=reason,
        fields=fields,
        metadata=metadata,
    )


def accept(triplet: Triplet) -> Decision:
    """Every heading is accepted."""
    return decision(
        "triplets",
        triplet.id,
        {"is_positive_relevant": "yes", "is_negative_irrelevant": "yes"},
        {"anchor": triplet.anchor, "positive": triplet.positive, "negative": triplet.negative},
        {"chunk_id": triplet.chunk_id, "origin": triplet.origin},
    )


def converse(retriever: Retriever, test_set: TestSet, key: str, silent: bool) -> Decision:
    """Ask the bot a question, without a language model, judge its first source by the qrels, and name a
    better one unless ``silent``.

    A refusal is wrong, since the documents answer every question of a test set; it names no chunk.
    """
    question = test_set.queries[key]
    *_, reply = answer_question(retriever, None, question, (), BotSettings())
    turn = Turn(
        conversation_id=f"second-loop-{key}",
        turn=0,
        question=question,
        answer=reply.text,
        cited=tuple(hit.chunk.id for hit in reply.hits),
        refused=reply.refused,
        score=reply.score,
        release_id=retriever.release.id,
        created_at=datetime(2026, 1, 1, tzinfo=timezone.utc),
    )
    right = [hit.chunk.path in test_set.qrels[key] for hit in reply.hits]
    correct = any(right[:1])
    values = {"is_response_correct": "yes" if correct else "no", "out_of_guardrails": "no"}
    if right and not correct and not silent:
        values[BEST_SOURCE] = str(right.index(True) + 1) if any(right) else NO_SOURCE
    # As curation.argilla.conversations stores a turn.
    metadata: dict[str, str | int | float] = {
        "conv_id": turn.conversation_id,
        "turn": turn.turn,
        "release": turn.release_id,
        "refused": "yes" if turn.refused else "no",
        "sources": len(turn.cited),
        "score": turn.score,
        "question": turn.question,
    }
    if turn.cited:
        metadata["chunk_id"] = turn.cited[0]
        metadata["cited"] = " ".join(turn.cited)
    return decision(
        "conversations",
        turn.id,
        values,
        {"instruction": turn.question, "response": turn.answer},
        metadata,
    )


class Loop:
    """One test set, ingested, with its base release served."""

    def __init__(self, name: str, folder: Path, home: Home, pages: int) -> None:
        self.name, self.home, self.serving = name, home, ServingSettings()
        self.test_set = load_folder(folder)
        with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
            docs = some_pages(folder, self.test_set, pages, Path(scratch))
            ingest(
                [str(docs)], home, ChunkSettings(), ModelTokenCounter(self.serving.embedding.model), Lines()
            )
        self.corpus = Corpus.load(home)
        self.base = bootstrap(home, self.corpus, self.serving, Lines()).id
        synthesize(home, self.corpus, SynthesisSettings(), None, Lines())
        self.headings = [accept(one) for one in load_triplets(home) if one.origin == "heading"]

    def retrain(self, home: Home, decisions: Sequence[Decision], seed: int) -> RetrainSummary:
        """The product's retrain; ``home`` serves the result if its gate promotes it."""
        training = TrainingSettings(fit=FitSettings(seed=seed))
        summary = retrain_from_annotations(
            home,
            self.corpus,
            training,
            self.serving,
            lambda: list(decisions),
            RetrainOptions(Lines(), force=True),
        )
        print(f"    {summary.verdict}", flush=True)
        return summary

    def served(self, home: Home) -> Retriever:
        return load_release(ReleaseStore(home), None, self.serving)

    def score(self, retriever: Retriever) -> Side:
        """What the release makes of every question, at full dimension and at a small one."""
        sizes = [retriever.embedder.dimension, SMALL]
        model = SearchModel(retriever.embedder, retriever.index.vectors())
        found = evaluate_set(model, self.test_set, retriever.index.chunks(), sizes)
        return {size: dict(scores.questions) for size, scores in found.items()}

    def copied(self, name: str) -> Home:
        """The home as it is now, to go on from."""
        copy = self.home.root.with_name(f"{self.home.root.name}-{name}")
        shutil.copytree(self.home.root, copy)
        return Home(copy)


def measure(loop: Loop, folds: int, seed: int, with_again: bool, silent: bool) -> Result:
    """Both loops on one set."""
    started = time.monotonic()
    sides: Sides = {"base": loop.score(loop.served(loop.home))}
    first = loop.retrain(loop.home, loop.headings, seed)
    bot = loop.served(loop.home)
    sides["r1"] = loop.score(bot)
    seen: dict[int, dict[str, list[Values]]] = {size: {} for size in sides["r1"]}
    sides["r2"] = {size: {} for size in sides["r1"]}
    rounds = []
    for number, fold in enumerate(folds_of(list(loop.test_set.queries), folds), start=1):
        others = [key for key in loop.test_set.queries if key not in fold]
        turns = [converse(bot, loop.test_set, key, silent) for key in others]
        accepted = sum(turn.verdict == "accepted" for turn in turns)
        named = sum(bool(turn.named_source) for turn in turns)
        home = loop.copied(f"fold{number}")
        summary = loop.retrain(home, [*loop.headings, *turns], seed)
        for size, questions in loop.score(loop.served(home)).items():
            sides["r2"][size].update({key: questions[key] for key in fold})
            for key in others:
                seen[size].setdefault(key, []).append(questions[key])
        shutil.rmtree(home.root)
        done = Round(number, fold, len(turns), accepted, named, summary.outcome, summary.total_seconds)
        rounds.append(done)
        print(f"  {told(done, sides)}", flush=True)
    sides["seen"] = {size: {key: means(found) for key, found in rows.items()} for size, rows in seen.items()}
    if with_again:
        chance = loop.copied("again")
        loop.retrain(chance, loop.headings, seed + 1)
        sides["again"] = loop.score(loop.served(chance))
        shutil.rmtree(chance.root)
    learned = first.examples.get("train", 0)
    took = round(time.monotonic() - started)
    return Result(loop.name, len(loop.corpus.chunks), learned, first.outcome, rounds, sides, took)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder that holds the test sets")
    parser.add_argument("--sets", default="scrapy")
    parser.add_argument("--folds", type=int, default=3)
    parser.add_argument("--again", action="store_true", help="measure chance too")
    parser.add_argument("--silent", action="store_true", help="annotators never name a better source")
    parser.add_argument("--pages", type=int, default=0, help="other files to keep (0: all)")
    parser.add_argument("--seed", type=int, default=17)
    parser.add_argument("--json", type=Path, help="write the results here")
    given = parser.parse_args()
    results = []
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        for name in given.sets.split(","):
            print(name, flush=True)
            loop = Loop(name, given.eval / name, Home(Path(scratch) / name), given.pages)
            results.append(measure(loop, given.folds, given.seed, given.again, given.silent))
    if given.json:
        given.json.write_text(json.dumps([asdict(one) for one in results], indent=1) + "\n")
    return report(results)


if __name__ == "__main__":
    sys.exit(main())
