"""One training step (forward and backward, a batch of questions and texts) on this processor, three ways.

    python -m benchmarks training_passes [--batch 32] [--tokens 128] [--steps 7] [--threads N]

as released    bfloat16 autocast and the model's own dropout, as sentence-transformers runs it
no dropout     the same without: PyTorch then has a fused attention
ours           and that attention in float32 (training/fit/train.py)

The ways take turns, so that what else runs on the machine hits all of them alike. Medians of wall and
processor seconds.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from statistics import median

import torch

from benchmarks.rows import Row, figure
from serving import Embedder, EmbeddingSettings
from training import cheap_passes

_WORDS = ["the", "spider", "follows", "links", "and", "yields", "items", "that", "a", "pipeline", "stores"]


def step(
    embedder: Embedder, tokens: int, batch: int, way: AbstractContextManager[None]
) -> tuple[float, float]:
    """Wall and processor seconds."""
    questions = [f"how do I {' '.join(_WORDS[: 4 + row % 6])} {row}" for row in range(batch)]
    texts = [" ".join(_WORDS[(row + place) % len(_WORDS)] for place in range(tokens)) for row in range(batch)]
    model = embedder.model
    model.train()
    model.max_seq_length = tokens
    wall, cpu = time.perf_counter(), time.process_time()
    with way, torch.autocast("cpu", dtype=torch.bfloat16):
        asked, found = (
            model(dict(model.preprocess(side)))["sentence_embedding"].float() for side in (questions, texts)
        )
        torch.nn.functional.cross_entropy(20 * asked @ found.T, torch.arange(batch)).backward()
    model.zero_grad(set_to_none=True)
    return time.perf_counter() - wall, time.process_time() - cpu


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--steps", type=int, default=7)
    parser.add_argument("--threads", type=int, default=0)
    given = parser.parse_args(arguments)
    embedder = Embedder(EmbeddingSettings().model, EmbeddingSettings(threads=given.threads))
    model = embedder.model

    def ways() -> dict[str, AbstractContextManager[None]]:
        return {
            "as released": nullcontext(),
            "no dropout": cheap_passes(model, bf16=False),
            "ours": cheap_passes(model, bf16=True),
        }

    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in ways()}
    for turn in range(given.steps + 1):  # the first one warms up
        for name, way in ways().items():
            took = step(embedder, given.tokens, given.batch, way)
            if turn:
                taken[name].append(took)
    first = median(cpu for _, cpu in taken["as released"])
    print(f"{embedder.name}, batch {given.batch}, {given.tokens} tokens, {torch.get_num_threads()} threads")
    rows = []
    for name, seconds in taken.items():
        cpu = median(one for _, one in seconds)
        print(
            f"{name:12} {median(one for one, _ in seconds):6.2f} s, {cpu:6.2f} s of processor "
            f"time ({cpu / first:.2f})"
        )
        rows.append(figure(f"training step, seconds of the processor, {name}", cpu, first))
    return rows
