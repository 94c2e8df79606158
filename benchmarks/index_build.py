"""Building the index: clayloop against the loop that the Argilla chatbot tutorial uses, in one run.

The tutorial's side: 50 rows at a time through LanceDB's own sentence-transformers function (float32, as
shipped), a pandas DataFrame, `table.add`. Ours: the whole list sorted by tokens, bfloat16 where a short trial
finds it faster (the trial's time counts), one Arrow table, one write. Both embed the same chunks with the
same model and thread count, taking turns; the medians are compared. The same again with vectors given, so
that only writing is timed.

    python -m benchmarks index_build [--docs ../shared/eval/scrapy/docs] [--rows 600] [--rounds 3] [--json
    FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import lancedb
import numpy as np
import pandas as pd
import torch
from lancedb.embeddings import get_registry
from lancedb.pydantic import LanceModel, Vector

from benchmarks.rows import Row, at_least, figure
from curation import Chunk, ChunkSettings, Corpus, Home, ingest
from serving import Embedder, EmbeddingSettings, ModelTokenCounter, SearchSpace, build_index, resolve_model

WANTED = 2.0
TUTORIAL_ROWS = 50
MODEL = EmbeddingSettings().model


def tutorial(
    folder: Path, chunks: Sequence[Chunk], function: Any, vectors: Sequence[list[float]] | None
) -> None:
    """The tutorial's loop over our chunks; ``vectors`` given: without its embedding."""

    class Docs(LanceModel):  # type: ignore[misc]
        query: str
        text: str
        vector: Vector(384)  # type: ignore[valid-type]

    table = lancedb.connect(folder).create_table("docs", schema=Docs)
    for start in range(0, len(chunks), TUTORIAL_ROWS):
        batch = chunks[start : start + TUTORIAL_ROWS]
        texts = [chunk.text for chunk in batch]
        found = (
            function.generate_embeddings(texts) if vectors is None else vectors[start : start + TUTORIAL_ROWS]
        )
        table.add(pd.DataFrame.from_dict({"query": texts, "text": texts, "vector": found}))


def ours(folder: Path, chunks: Sequence[Chunk], embedder: Embedder, vectors: np.ndarray | None) -> None:
    found = embedder.documents([chunk.text for chunk in chunks]) if vectors is None else vectors
    build_index(folder, chunks, SearchSpace.plain(found))


def seconds(work: Callable[[Path], None]) -> float:
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        work(Path(folder) / "index")
        return time.perf_counter() - started


def compare(rounds: int, theirs: Callable[[Path], None], mine: Callable[[Path], None]) -> tuple[float, float]:
    """Median seconds of each side, taking turns so that a busy machine hits both."""
    pairs = [(seconds(theirs), seconds(mine)) for _ in range(rounds)]
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def load_chunks(docs: Path, rows: int) -> list[Chunk]:
    """Chunks of the documents below ``docs``, evenly spread, repeated when there are fewer than ``rows``."""
    if not docs.is_dir():
        sys.exit(f"There is no folder {docs}: give one with documents, --docs FOLDER.")
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(MODEL))
        chunks = Corpus.load(home).chunks
    chosen = chunks[:: max(1, len(chunks) // rows)][:rows]
    return [chosen[number % len(chosen)] for number in range(rows)]


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--docs", type=Path, default=Path("../shared/eval/scrapy/docs"))
    parser.add_argument("--rows", type=int, default=600, help="chunks embedded and written by each side")
    parser.add_argument("--write-rows", type=int, default=5000, help="rows when only writing is timed")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--threads", type=int, default=0, help="torch threads of both sides (0: torch's choice)"
    )
    options = parser.parse_args(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)

    chunks = load_chunks(options.docs, options.rows)
    function = (
        get_registry().get("sentence-transformers").create(name=str(resolve_model(MODEL)), device="cpu")
    )
    embedder = Embedder(MODEL, EmbeddingSettings(device="cpu"))
    warm_up = [chunk.text for chunk in chunks[:8]]
    function.generate_embeddings(warm_up)
    embedder.documents(warm_up)

    def mine(folder: Path) -> None:
        embedder.faster = None  # every round has its own trial
        ours(folder, chunks, embedder, None)

    theirs_s, ours_s = compare(options.rounds, lambda folder: tutorial(folder, chunks, function, None), mine)

    many = [chunks[number % len(chunks)] for number in range(options.write_rows)]
    vectors = np.random.default_rng(17).normal(size=(len(many), embedder.dimension)).astype(np.float32)
    lists = vectors.tolist()
    theirs_w, ours_w = compare(
        options.rounds,
        lambda folder: tutorial(folder, many, function, lists),
        lambda folder: ours(folder, many, embedder, vectors),
    )
    tokens = sum(chunk.tokens for chunk in chunks) / len(chunks)
    precision = embedder.faster or "float32"
    print(
        f"Index build, medians of {options.rounds} rounds, {torch.get_num_threads()} torch thread(s), seed 17"
    )
    print(f"  {'':32}{'tutorial':>12}{'clayloop':>12}{'ratio':>8}")
    print(
        f"  {len(chunks)} chunks, {tokens:.1f} tokens, {precision:<10}"
        f"{len(chunks) / theirs_s:>8.1f} /s{len(chunks) / ours_s:>10.1f} /s{theirs_s / ours_s:>7.2f}x"
    )
    print(
        f"  {len(many)} rows, vectors given{'':<10}{len(many) / theirs_w:>10.0f} "
        f"/s{len(many) / ours_w:>10.0f} /s{theirs_w / ours_w:>7.2f}x"
    )
    written = len(many)
    return [
        at_least("index, rows a second with embedding", len(chunks) / ours_s, WANTED, len(chunks) / theirs_s),
        figure("index, rows a second with vectors given", written / ours_w, written / theirs_w),
    ]
