"""A retrain on little data that takes seconds, and what may happen around it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from curation import SILENT, Advance, Corpus, Decision, Home, Progress, StateError
from serving import Release, ReleaseStore
from tests.training import rounds
from tests.training.material import accepted_triplets, make_chunks, settings
from training.report.text import RetrainSummary
from training.retrain import RetrainOptions, retrain_from_annotations
from training.settings import TrainingSettings

CHUNKS = make_chunks()
CORPUS = Corpus(documents=[], chunks=CHUNKS)
DECISIONS = accepted_triplets(CHUNKS)[:60]


def quick_settings() -> TrainingSettings:
    quick = settings(learning_rate=0.02)
    return quick.model_copy(update={"gate": quick.gate.model_copy(update={"min_queries": 5})})


def retrain(
    home: Home,
    model: Path,
    progress: Progress = SILENT,
    decisions: Sequence[Decision] = DECISIONS,
    corpus: Corpus = CORPUS,
) -> RetrainSummary:
    return retrain_from_annotations(
        home,
        corpus,
        quick_settings(),
        rounds.serving(model),
        lambda: list(decisions),
        RetrainOptions(progress=progress),
    )


class Told:
    """Progress that remembers what it is told."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, line: str) -> None:
        self.lines.append(line)

    def task(
        self, description: str, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Advance]:
        return SILENT.task(description, total, unit)


def stop(*_: object, **__: object) -> None:
    """As Ctrl-C does."""
    raise KeyboardInterrupt


def full_disk(*_: object, **__: object) -> None:
    raise StateError("The disk is full.")


def before_a_run_promotes(patch: pytest.MonkeyPatch, work: Callable[[], object]) -> None:
    """Let ``work`` happen between the publication of a run's release and its promotion."""
    promote = ReleaseStore.promote

    def promote_later(self: ReleaseStore, release_id: str, **rest: Any) -> Release:
        if rest.get("expected") is not None:
            patch.setattr(ReleaseStore, "promote", promote)
            work()
        return promote(self, release_id, **rest)

    patch.setattr(ReleaseStore, "promote", promote_later)
