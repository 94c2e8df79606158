"""What else the gate looks at: what a model would refuse, how long a question takes, how large it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from curation import Chunk
from serving import OUT_OF_DOMAIN, Embedder, ServingSettings, best_scores, calibrate
from training.judge.comparison import Latency, Refusal
from training.settings import GuardSettings

Vectors = npt.NDArray[np.float32]

_LATENCY_QUESTIONS = 30
_MEGA = 1e6


def refusal(
    embedder: Embedder,
    chunks: Sequence[Chunk],
    vectors: Vectors,
    threshold: float | None,
    serving: ServingSettings,
    guards: GuardSettings,
    questions: Sequence[str],
) -> Refusal:
    """What the model would answer, of ``questions``, which it should, and of others. ``threshold`` is the release's own;
    None: it is calibrated, as publishing would."""
    if serving.retrieval.min_score is not None:
        threshold = serving.retrieval.min_score
    if threshold is None:
        threshold = calibrate(embedder, chunks, vectors)
    strange = best_scores(embedder.queries(OUT_OF_DOMAIN), vectors)
    asked = [*guards.smoke, *guards.refuse]
    own = best_scores(embedder.queries(asked), vectors).tolist() if asked else []
    right = best_scores(embedder.queries(list(questions)), vectors) if questions else np.zeros(0)
    return Refusal(
        threshold=threshold,
        answered=round(float((strange >= threshold).mean()), 4),
        refused=(right < threshold).tolist(),
        smoke={text: round(float(score), 4) for text, score in zip(asked, own, strict=True)},
    )


def latency(
    served: tuple[Embedder, Vectors], candidate: tuple[Embedder, Vectors], questions: Sequence[str]
) -> Latency:
    """Median seconds a question of each, asked in turn: what else the machine does slows both alike."""
    chosen = (list(questions) or list(OUT_OF_DOMAIN))[:_LATENCY_QUESTIONS]
    seconds: tuple[list[float], list[float]] = ([], [])
    for text in [*chosen[:2], *chosen]:  # the first two warm up
        for (embedder, vectors), took in zip((served, candidate), seconds, strict=True):
            started = time.perf_counter()
            np.argmax(embedder.queries([text])[0] @ vectors.T)
            took.append(time.perf_counter() - started)
    old, new = (round(median(took[2:]), 5) for took in seconds)
    return Latency(served=old, candidate=new)


def megabytes(models: Sequence[Path], vectors: Vectors) -> float:
    """Of a release's models (their folders) and vectors, in 10^6 bytes."""
    model = sum(path.stat().st_size for folder in models for path in folder.rglob("*") if path.is_file())
    return round((model + vectors.nbytes) / _MEGA, 1)
