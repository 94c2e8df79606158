"""What a chunk costs as there are more of them: time and memory of each stage.

The vectors are precomputed: those of 200 real sections of the documents multiplied with small
noise (seed 17), and texts are made of words with the frequencies of a language, a tenth of them near copies
of others. Each stage runs in a process of its own, whose peak memory is told beside its time; times are
those of the processor, so that other work on the machine counts less. The stages: chunks that nearly equal
others; the steps between decisions and training rows (a decision for each tenth chunk); accepted questions
that lead to chunks (one for each tenth); the index; questions asked of it, against exact search.

    python -m benchmarks scale [--rows 10000,100000] [--stages …] [--docs FOLDER] [--json FILE]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from hashlib import shake_128
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import NamedTuple, cast

import numpy as np
import pyarrow as pa

from benchmarks.dedup import make_rows
from benchmarks.rows import Row, at_least, at_most, figure
from benchmarks.scale_ray import long_texts, ray_rows
from curation import (
    CHUNK_SCHEMA,
    Chunk,
    ChunkSettings,
    Corpus,
    DedupSettings,
    Home,
    PeakMemory,
    chunks_in,
    group,
    ingest,
)
from serving import (
    ChunkIndex,
    Embedder,
    EmbeddingSettings,
    IndexedQuestion,
    ModelTokenCounter,
    SearchSpace,
    Vectors,
    build_index,
    lead_questions,
    truncate_vectors,
)
from training import (
    LedgerRow,
    PrepareContext,
    choose_negatives,
    drop_leaks,
    drop_repeated,
    held_groups,
    section_of,
    settle_conflicts,
    take_sides,
)

MOST_GROWTH = 1.3  # of the cost of one chunk, from one size to the ten times larger
MOST_GB = 8.0
MOST_MS, LEAST_RECALL = 40.0, 0.95
SEED, EMBEDDED, ASKED, TOP = 17, 200, 200, 10
_BAR = 1_000_000  # chunks for which the issue sets bars of memory and search


class Cost(NamedTuple):
    """``seconds`` of the processor, ``gigabytes`` at the peak, and for a search p50 in ms and recall."""

    seconds: float
    gigabytes: float
    p50: float = 0.0
    recall: float = 0.0


def vectors_of(real: Vectors, rows: int) -> Vectors:
    """(rows, d): the real ones again and again, each disturbed."""
    chance = np.random.default_rng(SEED)
    found = np.empty((rows, real.shape[1]), np.float32)
    for start in range(0, rows, 10_000):
        some = real[np.arange(start, min(start + 10_000, rows)) % len(real)]
        noise = chance.normal(scale=0.03, size=some.shape).astype(np.float32)
        found[start : start + len(some)] = truncate_vectors(some + noise, real.shape[1])
    return found


def chunks_of(rows: int) -> list[Chunk]:
    """Chunks of usual length that are not alike, five to a page, as a command reads them from the corpus."""

    def text(row: int) -> str:
        letters = shake_128(str(row).encode()).hexdigest(250)
        return f"Part {row}\n\n" + " ".join(letters[at : at + 5] for at in range(0, len(letters), 5))

    numbers = range(rows)
    columns = {
        "id": [f"{row:032x}" for row in numbers],
        "document_id": [f"{row // 5:032x}" for row in numbers],
        "source": ["made"] * rows,
        "path": [f"some/folder/page-{row // 5}.md" for row in numbers],
        "url": [f"https://docs.example.org/page-{row // 5}.html#part-{row}" for row in numbers],
        "line": list(numbers),
        "section": [["Some page", f"Part {row}"] for row in numbers],
        "text": map(text, numbers),
        "tokens": [150] * rows,
        "position": [row % 5 for row in numbers],
    }
    arrays = [pa.array(columns[field.name], field.type) for field in CHUNK_SCHEMA]
    return list(chunks_in(pa.table(arrays, schema=CHUNK_SCHEMA)))


def near_copies(rows: int, real: Vectors) -> Callable[[], object]:
    texts = long_texts(rows)
    return lambda: group(texts, DedupSettings())


def data_steps(rows: int, real: Vectors) -> Callable[[], object]:
    """By wording and by meaning; the questions' vectors are precomputed, too."""
    questions, _ = make_rows(max(rows // 10, 100), SEED, 0.5)
    chunks, vectors = chunks_of(rows), dict(zip(questions, vectors_of(real, len(questions)), strict=True))
    ledger = []
    for number, question in enumerate(questions):
        chunk = chunks[number * 7919 % rows]
        ledger.append(
            LedgerRow(
                dataset="triplets",
                record_id=f"r{number}",
                teaches="refusal" if number % 4 == 0 else "example",
                query=question,
                text=chunk.text,
                chunk_id=chunk.id,
                version=chunk.id,
                place=section_of(chunk),
                certain=True,
            )
        )
    setting = PrepareContext(
        chunks=chunks,
        groups={chunk.id: chunk.id for chunk in chunks},
        dedup=DedupSettings(),
        vectors_of=lambda texts: np.stack([vectors[text] for text in texts]),
    )

    def work() -> object:
        found, _ = settle_conflicts(ledger, setting)
        held = replace(setting, held=held_groups(found, setting))
        for step in (take_sides, drop_repeated, drop_leaks, choose_negatives):
            found = step(found, held)
        return found

    return work


def question_index(rows: int, real: Vectors) -> Callable[[], object]:
    chunks, space = chunks_of(rows), SearchSpace.plain(vectors_of(real, rows))
    asked = [
        IndexedQuestion(text=f"q{row}", chunk_id=chunks[row].id, dataset="triplets", record_id=str(row))
        for row in range(0, rows, 10)
    ]

    class Precomputed:
        def queries(self, texts: Sequence[str]) -> Vectors:
            return space.chunks[: 10 * len(texts) : 10]

    return lambda: lead_questions(cast(Embedder, Precomputed()), chunks, space, asked)


def index(rows: int, real: Vectors, folder: Path) -> Callable[[], object]:
    chunks, space = chunks_of(rows), SearchSpace.plain(vectors_of(real, rows))
    return lambda: build_index(folder / str(rows), chunks, space)


def search(rows: int, real: Vectors, folder: Path) -> Cost:
    """Of the index that the stage before has made."""
    found = ChunkIndex.open(folder / str(rows))
    chance = np.random.default_rng(SEED + 1)
    noise = chance.normal(scale=0.03, size=(ASKED, real.shape[1])).astype(np.float32)
    asked = truncate_vectors(real[chance.integers(len(real), size=ASKED)] + noise, real.shape[1])
    used, took, hits = time.process_time(), [], []
    with PeakMemory() as memory:
        for number, question in enumerate([*asked[:20], *asked]):  # the first ones warm it up
            started = time.perf_counter()
            some = found.search(question, TOP)
            if number >= 20:
                took.append((time.perf_counter() - started) * 1000)
                hits.append({hit.chunk.id for hit in some})
    seconds = time.process_time() - used
    vectors = vectors_of(real, rows)
    right = []
    for question, some_ids in zip(asked, hits, strict=True):
        nearest = np.argpartition(-(vectors @ question), TOP)[:TOP]
        right.append(len({f"{row:032x}" for row in nearest} & some_ids) / TOP)
    return Cost(seconds, memory.peak_mb / 1e3, median(took), float(np.mean(right)))


STAGES: dict[str, Callable[..., Callable[[], object]]] = {
    "near copies among the chunks": near_copies,
    "from decisions to training rows": data_steps,
    "questions that lead to chunks": question_index,
    "index": index,
}


def _run(stage: str, rows: int, real: Vectors, folder: Path, out: object) -> None:
    if stage == "search":
        out.put(search(rows, real, folder))  # type: ignore[attr-defined]
        return
    work = STAGES[stage](rows, real, folder) if stage == "index" else STAGES[stage](rows, real)
    started = time.process_time()
    with PeakMemory() as memory:
        work()
    out.put(Cost(time.process_time() - started, memory.peak_mb / 1e3))  # type: ignore[attr-defined]


def _cost(stage: str, rows: int, real: Vectors, folder: Path) -> Cost:
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    process = context.Process(target=_run, args=(stage, rows, real, folder, out))
    process.start()
    while process.is_alive() and out.empty():
        process.join(0.2)
    if out.empty():
        sys.exit(f"The stage {stage!r} with {rows:,} chunks ended with exit code {process.exitcode}.")
    found: Cost = out.get()
    process.join()
    return found


def real_vectors(docs: Path) -> Vectors:
    """Of sections from all over the documents."""
    if not docs.is_dir():
        sys.exit(f"There is no folder {docs}: give one with documents, --docs FOLDER.")
    embedding = EmbeddingSettings()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(embedding.model))
        chunks = Corpus.load(home).chunks
    some = chunks[:: max(1, len(chunks) // EMBEDDED)][:EMBEDDED]
    return Embedder(embedding.model, embedding).documents([chunk.text for chunk in some])


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--rows", default="10000,100000", help="sizes, each ten times the one before")
    parser.add_argument("--docs", type=Path, default=Path("../shared/eval/scrapy/docs"))
    all_stages = [*STAGES, "search", *(["ray"] if find_spec("ray") else [])]
    parser.add_argument("--stages", default=",".join(all_stages), help="search needs index, and ray Ray")
    options = parser.parse_args(arguments)
    sizes = [int(size) for size in options.rows.split(",")]
    real = real_vectors(options.docs)
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="clayloop-scale-") as scratch:
        for stage in options.stages.split(","):
            if stage == "ray":
                rows += ray_rows()
                continue
            before: float | None = None
            for size in sizes:
                cost = _cost(stage, size, real, Path(scratch))
                print(f"{stage}, {size:,}: {cost.seconds:.1f} s, {cost.gigabytes:.2f} GB", flush=True)
                each = cost.seconds / size * 1e6
                what = f"{stage}, {size:,} chunks (vectors precomputed)"
                if stage == "search":
                    if size >= _BAR:
                        rows.append(at_most(f"{what}: p50, ms", cost.p50, MOST_MS))
                        rows.append(at_least(f"{what}: recall@10", cost.recall, LEAST_RECALL))
                    else:
                        rows.append(figure(f"{what}: p50, ms", cost.p50))
                        rows.append(figure(f"{what}: recall@10", cost.recall))
                elif before is None:
                    rows.append(figure(f"{what}: microseconds a chunk", each))
                else:
                    rows.append(at_most(f"{what}: microseconds a chunk", each, MOST_GROWTH, before))
                peak = f"{what}: peak memory, GB"
                rows.append(
                    at_most(peak, cost.gigabytes, MOST_GB) if size >= _BAR else figure(peak, cost.gigabytes)
                )
                before = each
    return rows
