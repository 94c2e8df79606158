"""A retrain from end to end on 1,000 accepted triplets and 2,000 chunks: time per step, share spent
computing, memory.

The chunks are those of a test set's documents, the triplets their headings and first sentences, accepted by a
simulated annotator with a negative each. "Passes" are the seconds inside forward and backward passes of the
training and inside the embedding of texts, as a share of the whole retrain.

    python -m benchmarks retrain_speed --eval ../shared/eval [--set django] [--triplets 1000] [--chunks 2000]
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from transformers import Trainer

from benchmarks.rows import Row, at_least, at_most
from benchmarks.simulated import Lines, accept
from curation import Chunk, ChunkSettings, Corpus, Decision, Home, Triplet, ingest
from serving import Embedder, EmbeddingSettings, ModelTokenCounter, ServingSettings, bootstrap
from training import RetrainOptions, TrainingSettings, retrain_from_annotations

MOST_SECONDS = 360.0
LEAST_SHARE = 0.75
MOST_MEMORY = 3.0  # GB
_SENTENCE = re.compile(r"(?<=[.!?])\s+")


def make_decisions(chunks: list[Chunk], number: int) -> list[Decision]:
    """``number`` accepted triplets: each chunk's heading with its place in it, then sentences of the body."""
    decisions: list[Decision] = []
    for turn in range(8):
        for place, chunk in enumerate(chunks):
            sentences = [
                one for one in _SENTENCE.split(" ".join(chunk.body.split())) if 5 <= len(one.split()) <= 40
            ]
            if turn >= len(sentences):
                continue
            negative = chunks[(place + 7) % len(chunks)].heading
            decisions.append(
                accept(
                    Triplet(
                        id=Triplet.make_id(chunk.id, sentences[turn], negative),
                        chunk_id=chunk.id,
                        anchor=chunk.text,
                        positive=sentences[turn],
                        negative=f"{negative} {place}",
                        origin="sentence-pair",
                    )
                )
            )
            if len(decisions) == number:
                return decisions
    return decisions


def first_chunks(home: Home, number: int) -> Corpus:
    everything = Corpus.load(home)
    return Corpus(documents=everything.documents, chunks=everything.chunks[:number])


def prepare(home: Home, docs: Path, chunks: int, serving: ServingSettings) -> None:
    """The documents read, and a first release of their first ``chunks``."""
    ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(serving.embedding.model), Lines())
    bootstrap(home, first_chunks(home, chunks), serving, Lines())


class Watched:
    """Counts the wall seconds inside a method while the block runs."""

    def __init__(self, owner: Any, name: str) -> None:
        self.owner, self.name, self.seconds = owner, name, 0.0
        self.original: Callable[..., Any] = getattr(owner, name)

    def __enter__(self) -> Watched:
        def timed(*given: Any, **named: Any) -> Any:
            started = time.perf_counter()
            try:
                return self.original(*given, **named)
            finally:
                self.seconds += time.perf_counter() - started

        setattr(self.owner, self.name, timed)
        return self

    def __exit__(self, *_: object) -> None:
        setattr(self.owner, self.name, self.original)


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--eval", type=Path, required=True, help="folder that holds the test sets")
    parser.add_argument("--set", default="django")
    parser.add_argument("--triplets", type=int, default=1000)
    parser.add_argument("--chunks", type=int, default=2000)
    parser.add_argument("--threads", type=int, default=0, help="torch threads (0: torch's own choice)")
    given = parser.parse_args(arguments)
    serving = ServingSettings(embedding=EmbeddingSettings(threads=given.threads))
    lines = Lines()
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        home = Home(Path(scratch))
        # In a process of its own, whose memory is not the retrain's.
        preparing = multiprocessing.get_context("spawn").Process(
            target=prepare, args=(home, given.eval / given.set / "docs", given.chunks, serving)
        )
        preparing.start()
        preparing.join()
        if preparing.exitcode:
            raise SystemExit("The documents could not be prepared: see above.")
        corpus = first_chunks(home, given.chunks)
        decisions = make_decisions(corpus.chunks, given.triplets)
        started, used = time.perf_counter(), time.process_time()
        with Watched(Embedder, "_embed") as embedding, Watched(Trainer, "training_step") as training:
            summary = retrain_from_annotations(
                home,
                corpus,
                TrainingSettings(),
                serving,
                lambda: decisions,
                RetrainOptions(lines, force=True),
            )
        seconds, cpu = time.perf_counter() - started, time.process_time() - used
    share = (training.seconds + embedding.seconds) / seconds
    print(f"\n{len(decisions)} triplets, {len(corpus.chunks)} chunks: {summary.verdict}")
    for name, took in summary.seconds.items():
        print(f"  {name:10}{took:8.1f} s")
    print(
        f"  {'all':10}{seconds:8.1f} s, {cpu:.1f} s of processor time; {share:.0%} in passes "
        f"({training.seconds:.0f} s training, {embedding.seconds:.0f} s embedding); "
        f"{summary.peak_memory_mb / 1000:.2f} GB at most"
    )
    return [
        at_most("retrain, seconds", seconds, MOST_SECONDS),
        at_least("retrain, share of the time in passes", share, LEAST_SHARE),
        at_most("retrain, GB at most", summary.peak_memory_mb / 1000, MOST_MEMORY),
    ]
