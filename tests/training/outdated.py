"""A documentation that says everything twice, once as it is and once as it used to be: only the former answers a question.

The embedding model (word vectors, hardly trained) cannot tell the two apart; a cross-encoder learns it from the rejections.
As a program it retrains in a process of its own, to be killed: ``python -m tests.training.outdated HOME MODEL BASE``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from curation import Chunk, Corpus, Decision, Home
from serving import ServingSettings
from tests.training import rounds
from tests.training.material import chunks_about, judged_chunk, triplet
from training.report.summary import RetrainSummary
from training.retrain import retrain_from_annotations
from training.settings import (
    DedupSettings,
    FitSettings,
    GateSettings,
    GuardSettings,
    RerankerSettings,
    TrainingSettings,
)

_JOBS = rounds.JOBS[:3]
_TODAY = tuple((f"A present guide for everybody: {job}", other, text) for job, other, text in _JOBS)
_FORMERLY = tuple((job, other, f"Obsolete. {text}") for job, other, text in _JOBS)

CURRENT = chunks_about(rounds.THINGS, _TODAY)
OBSOLETE = chunks_about(rounds.THINGS, _FORMERLY)
CHUNKS: list[Chunk] = [*CURRENT, *OBSOLETE]
QUESTIONS = [f"How does {job.lower()} my {thing} work?" for thing, _ in rounds.THINGS for job, _, _ in _JOBS]


def decisions() -> list[Decision]:
    """For each question the present chunk was accepted, the outdated one rejected."""
    pairs = zip(QUESTIONS, CURRENT, OBSOLETE, strict=True)
    return [
        one
        for question, current, obsolete in pairs
        for one in (triplet(current, question), triplet(obsolete, question, "rejected"))
    ]


def training(base: Path, **reranker: Any) -> TrainingSettings:
    """An embedding model that stays as it is, and a reranker that learns."""
    chosen: dict[str, Any] = {
        "enabled": True,
        "base_model": str(base),
        "epochs": 1,
        "learning_rate": 1e-3,
        "batch_size": 16,
        "max_tokens": 48,
        "candidates": 6,
        "negatives": 1,
        **reranker,
    }
    return TrainingSettings(
        fit=FitSettings(epochs=1, learning_rate=1e-7, max_tokens=32, dimensions=[384], start="base"),
        dedup=DedupSettings(near=False, semantic=False),
        gate=GateSettings(guards=GuardSettings(decisions=False, removed_share=1.0)),
        reranker=RerankerSettings(**chosen),
    )


def decisions_about_chunks() -> list[Decision]:
    """The outdated chunks were rejected themselves: they leave the index, and nothing is left to confuse."""
    return [*decisions(), *(judged_chunk(chunk, "rejected") for chunk in OBSOLETE)]


def retrain(
    home: Home,
    settings: TrainingSettings,
    serving: ServingSettings,
    decided: Callable[[], list[Decision]] = decisions,
    force: bool = False,
) -> RetrainSummary:
    corpus = Corpus(documents=[], chunks=CHUNKS)
    return retrain_from_annotations(home, corpus, settings, serving, decided, force=force)


if __name__ == "__main__":
    house, model, base = (Path(one) for one in sys.argv[1:])
    sys.stdout.write(retrain(Home(house), training(base), rounds.serving(model)).model_dump_json())
