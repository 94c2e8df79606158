"""Searching inside the bot process: a question in, the best chunks out, embedding included.

A release over ROWS chunks is bootstrapped from the documents (when there are fewer chunks, the rest are
copies with vectors disturbed by noise, seed 17, so that the index has its full size; the questions are really
embedded). Each section heading is asked once, after a warm-up, one after the other and then from several
threads.

    python -m benchmarks search_latency [--docs ../shared/eval/scrapy/docs] [--rows 7000] [--questions 200]
    [--json FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from benchmarks.rows import Row, at_most, figure
from curation import Chunk, ChunkSettings, Corpus, Home, ingest
from serving import (
    Embedder,
    EmbeddingSettings,
    ModelTokenCounter,
    ReleaseOrigin,
    ReleaseParts,
    ReleaseStore,
    Retriever,
    SearchSpace,
    ServingSettings,
    build_release,
    heading_questions,
    load_release,
    truncate_vectors,
)

WANTED_MS = 50.0
SEED = 17


def make_release(home: Home, docs: Path, rows: int, embedded: int, settings: ServingSettings) -> list[Chunk]:
    """Publish and promote a release over exactly ``rows`` chunks, of which ``embedded`` get their real
    vectors."""
    if not docs.is_dir():
        sys.exit(f"There is no folder {docs}: give one with documents, --docs FOLDER.")
    ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(settings.embedding.model))
    real = Corpus.load(home).chunks
    real = real[:: max(1, len(real) // embedded)][:embedded]
    embedder = Embedder(settings.embedding.model, settings.embedding)
    vectors = embedder.documents([chunk.text for chunk in real])
    chosen = np.arange(rows) % len(real)
    noise = np.random.default_rng(SEED).normal(scale=0.03, size=(rows, embedder.dimension)).astype(np.float32)
    noise[: len(real)] = 0
    chunks = [real[number].model_copy(update={"id": f"{row:032x}"}) for row, number in enumerate(chosen)]
    store = ReleaseStore(home)
    folder = store.staging("benchmark")
    vectors = truncate_vectors(vectors[chosen] + noise, embedder.dimension)
    origin = ReleaseOrigin(base_model=settings.embedding.model)
    draft = build_release(
        folder, ReleaseParts(embedder, chunks, SearchSpace.plain(vectors)), origin, settings
    )
    store.promote(store.publish(folder, draft).id)
    return real


def measure(retriever: Retriever, questions: list[str], k: int, threads: int) -> list[float]:
    """Milliseconds of each search."""

    def ask(question: str) -> float:
        started = time.perf_counter()
        retriever.search(question, k)
        return (time.perf_counter() - started) * 1000

    if threads == 1:
        return [ask(question) for question in questions]
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(ask, questions))


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--docs", type=Path, default=Path("../shared/eval/scrapy/docs"))
    parser.add_argument("--rows", type=int, default=7000)
    parser.add_argument(
        "--embedded", type=int, default=500, help="chunks with real vectors; the rest are disturbed copies"
    )
    parser.add_argument("--questions", type=int, default=200)
    parser.add_argument("-k", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1, help="torch threads; the bot uses one")
    options = parser.parse_args(arguments)
    settings = ServingSettings(embedding=EmbeddingSettings(threads=options.threads))
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        chunks = make_release(home, options.docs, options.rows, options.embedded, settings)
        retriever = load_release(ReleaseStore(home), None, settings)
        headings = heading_questions(chunks)
        questions = [headings[number % len(headings)] for number in range(options.questions)]
        measure(retriever, questions[:20], options.k, 1)
        alone = measure(retriever, questions, options.k, 1)
        together = measure(retriever, questions, options.k, 4)
    figures = {
        f"search, {name} at once, p{share}, ms": float(np.percentile(taken, share))
        for name, taken in {"one": alone, "four": together}.items()
        for share in (50, 95)
    }
    print(f"Search in the process, {options.rows} chunks, top {options.k}, embedding included, seed {SEED}")
    for name, milliseconds in figures.items():
        print(f"  {name}: {milliseconds:.1f} ({len(questions)} questions)")
    (first, p50), *others = figures.items()
    return [at_most(first, p50, WANTED_MS), *(figure(name, value) for name, value in others)]
