"""Searching inside the bot process: a question in, the best chunks out, embedding included.

Two releases over ROWS chunks are made from the documents (when there are fewer chunks, the rest are copies
with vectors disturbed by noise, seed 17, so that the index has its full size; the questions are really
embedded): one with the chunks alone, one with two pieces and an accepted question for each as well. Each
section heading is asked of both in turn, after a warm-up, one after the other and then from several threads.
Beside them stand the least that a search can do (the question encoded by torch in float32 with one thread,
and one product with the same vectors) and what the tutorial's Database class does (the same encoding with
torch's own threads, and LanceDB's search over the same rows).

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
from statistics import median

import numpy as np

from benchmarks.rows import Row, at_least, at_most, figure
from curation import ChunkSettings, Corpus, Home, ingest
from serving import (
    Embedder,
    EmbeddingSettings,
    IndexedQuestion,
    Leads,
    ModelTokenCounter,
    ReleaseOrigin,
    ReleaseParts,
    ReleaseStore,
    Retriever,
    SearchSpace,
    ServingSettings,
    Vectors,
    build_release,
    heading_questions,
    lead_questions,
    load_release,
    truncate_vectors,
)

WANTED_MS = 50.0
BARE, TUTORIAL = 1.3, 2.5
MOST_MORE = 1.5
PIECES = 2
SEED = 17


class Releases:
    """The two releases, and the chunks that are real."""

    def __init__(self, home: Home, docs: Path, rows: int, embedded: int, settings: ServingSettings) -> None:
        if not docs.is_dir():
            sys.exit(f"There is no folder {docs}: give one with documents, --docs FOLDER.")
        ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(settings.embedding.model))
        real = Corpus.load(home).chunks
        self.real = real[:: max(1, len(real) // embedded)][:embedded]
        self._chance = np.random.default_rng(SEED)
        embedder = Embedder(settings.embedding.model, settings.embedding)
        vectors = embedder.documents([chunk.text for chunk in self.real])
        chosen = np.arange(rows) % len(self.real)
        copies = [self.real[one].model_copy(update={"id": f"{row:032x}"}) for row, one in enumerate(chosen)]
        plain = SearchSpace.plain(self._disturbed(vectors[chosen]))
        asked = [
            IndexedQuestion(
                text=f"{one.heading} {row}", chunk_id=one.id, dataset="triplets", record_id=str(row)
            )
            for row, one in enumerate(copies)
        ]
        leads = self._disturbed(np.repeat(vectors[chosen], PIECES, axis=0))
        full = SearchSpace(plain.chunks, Leads.ordered(leads, np.repeat(np.arange(rows), PIECES)))
        asked, full = lead_questions(embedder, copies, full, asked)
        store = ReleaseStore(home)
        origin = ReleaseOrigin(base_model=settings.embedding.model)
        made = []
        for parts in (ReleaseParts(embedder, copies, plain), ReleaseParts(embedder, copies, full, asked)):
            folder = store.staging("benchmark", empty=True)
            made.append(store.publish(folder, build_release(folder, parts, origin, settings)).id)
        self.alone, self.full = (load_release(store, release, settings, quick=True) for release in made)
        self.vectors, self.texts = plain.chunks, [chunk.text for chunk in copies]

    def _disturbed(self, vectors: Vectors) -> Vectors:
        noise = self._chance.normal(scale=0.03, size=vectors.shape).astype(np.float32)
        return truncate_vectors(vectors + noise, vectors.shape[1])


def measure(retrievers: Sequence[Retriever], questions: list[str], k: int, threads: int) -> list[list[float]]:
    """Milliseconds of each search, of each retriever. No text is asked twice: it would be remembered."""

    def ask(number: int) -> list[float]:
        taken = []
        for retriever in retrievers:
            started = time.perf_counter()
            retriever.search(f"{questions[number]} {threads} {number}", k)
            taken.append((time.perf_counter() - started) * 1000)
        return taken

    with ThreadPoolExecutor(threads) as pool:
        return [list(column) for column in zip(*pool.map(ask, range(len(questions))), strict=True)]


def measure_others(
    releases: Releases, questions: Sequence[str], k: int, settings: ServingSettings, folder: Path
) -> list[list[float]]:
    """Milliseconds of the least search and of the tutorial's, of each question."""
    import lancedb
    import torch

    model = Embedder(settings.embedding.model, settings.embedding).model
    rows = [
        {"vector": vector, "text": text}
        for vector, text in zip(releases.vectors, releases.texts, strict=True)
    ]
    table = lancedb.connect(str(folder)).create_table("docs", data=rows)
    threads = torch.get_num_threads()

    def least(question: str) -> None:
        torch.set_num_threads(1)
        scores = releases.vectors @ model.encode([question], normalize_embeddings=True)[0]
        np.argpartition(scores, -k)

    def tutorial(question: str) -> None:
        torch.set_num_threads(threads)
        table.search(model.encode([question])[0]).limit(k).to_list()

    taken: list[list[float]] = [[], []]
    for question in questions:
        for times, search in zip(taken, (least, tutorial), strict=True):
            started = time.perf_counter()
            search(question)
            times.append((time.perf_counter() - started) * 1000)
    return [times[5:] for times in taken]  # the first ones warm up


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
        releases = Releases(Home(Path(folder)), options.docs, options.rows, options.embedded, settings)
        headings = heading_questions(releases.real)
        questions = [headings[number % len(headings)] for number in range(options.questions)]
        both = (releases.alone, releases.full)
        measure(both, ["warm up"] * 20, options.k, 1)
        alone, full = measure(both, questions, options.k, 1)
        _, together = measure(both, questions, options.k, 4)
        least, tutorial = measure_others(releases, questions, options.k, settings, Path(folder) / "lance")
    print(f"Search in the process, {options.rows} chunks, top {options.k}, embedding included, seed {SEED}")
    more = f"with {PIECES * options.rows} pieces and {options.rows} questions"
    rows = [
        at_most("search, one at once, p50, ms", median(full), WANTED_MS),
        at_most(f"search {more} against the chunks alone, p50, ms", median(full), MOST_MORE, median(alone)),
        at_most("search / bare encoding and one product, p50, ms", median(full), BARE, median(least)),
        at_least("the tutorial's Database class / search, p50, ms", median(tutorial), TUTORIAL, median(full)),
        figure("search, one at once, p95, ms", float(np.percentile(full, 95))),
    ]
    return [
        *rows,
        *(
            figure(f"search, four at once, p{share}, ms", float(np.percentile(together, share)))
            for share in (50, 95)
        ),
    ]
