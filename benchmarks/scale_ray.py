"""Ray against one process, and two workers against one (the stage ``ray`` of benchmarks/scale.py).

Each side is a process of its own that starts its cluster, warms it up, and is timed by the clock, one thread
a worker; what it made is compared byte by byte. It takes two cores that nobody else wants.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from hashlib import blake2b
from typing import NamedTuple

import numpy as np

from benchmarks.dedup import make_rows
from benchmarks.rows import Row, at_least, at_most
from curation import DedupSettings, RayWorkers, group, in_process
from serving import Embedder, EmbeddingSettings

MOST_OVERHEAD, LEAST_FASTER = 1.15, 1.7
COMPARED, EMBEDDED = 100_000, 5_000
_SEED, _WARM, _SENTENCES = 17, 20_000, 100_000


class _Side(NamedTuple):
    seconds: float
    made: str


def long_texts(rows: int) -> list[str]:
    """Of the length of a chunk, of eight sentences each; each tenth has a near copy."""
    lines, made_from = make_rows(min(max(rows, 1_000), _SENTENCES), _SEED, 0.5)
    originals = [line for row, line in enumerate(lines) if row not in made_from]
    chosen = np.random.default_rng(_SEED).integers(len(originals), size=(rows, 8))
    texts = [" ".join(originals[line] for line in some) for some in chosen]
    for row in range(0, rows - 1, 10):
        texts[row + 1] = texts[row] + " Again."
    return texts


def _near_copies(is_on_ray: bool) -> Callable[[], bytes]:
    texts, workers = long_texts(COMPARED), RayWorkers() if is_on_ray else in_process
    group(texts[:_WARM], DedupSettings(), workers)
    return lambda: np.array(group(texts, DedupSettings(), workers)).tobytes()


def _embedding(is_on_ray: bool) -> Callable[[], bytes]:
    settings = EmbeddingSettings(threads=1, precision="float32", engine="ray" if is_on_ray else "local")
    embedder = Embedder(settings.model, settings)
    texts = [text[: 300 + row % 500] for row, text in enumerate(long_texts(EMBEDDED))]
    embedder.documents(texts[:1_000])
    return lambda: embedder.documents(texts).tobytes()


_WORK: dict[str, Callable[[bool], Callable[[], bytes]]] = {
    f"near copies among {COMPARED:,} chunks": _near_copies,
    f"embedding of {EMBEDDED:,} chunks": _embedding,
}


def _run(what: str, workers: int) -> _Side:
    os.environ["RAYON_NUM_THREADS"] = "1"
    if workers:
        import ray

        os.environ["RAY_worker_niceness"] = "0"  # noqa: SIM112 - Ray's own spelling
        ray.init(num_cpus=workers, include_dashboard=False, log_to_driver=False)
    work = _WORK[what](workers > 0)
    started = time.perf_counter()
    made = work()
    return _Side(time.perf_counter() - started, blake2b(made).hexdigest())


def _side(what: str, workers: int) -> _Side:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        found = pool.submit(_run, what, workers).result()
    print(f"{what}, {f'{workers} worker(s) of Ray' if workers else 'in one process'}: {found.seconds:.1f} s")
    return found


def ray_rows(chosen: Sequence[str] = tuple(_WORK)) -> list[Row]:
    """For each of ``_WORK`` the three bars."""
    rows = []
    for what in chosen:
        alone, one, two = (_side(what, workers) for workers in (0, 1, 2))
        rows += [
            at_most(
                f"{what}: seconds of one worker of Ray against one process",
                one.seconds,
                MOST_OVERHEAD,
                alone.seconds,
            ),
            at_least(
                f"{what}: times a minute, two workers against one",
                60 / two.seconds,
                LEAST_FASTER,
                60 / one.seconds,
            ),
            at_least(f"{what}: the same bytes (1 is yes)", float(alone.made == one.made == two.made), 1.0),
        ]
    return rows
