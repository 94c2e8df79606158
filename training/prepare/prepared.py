"""The preparation of a retrain: from the decisions that were read to a ledger in which each row has its fate.

``prepare`` takes the steps of this folder in turn. ``Prepared`` is what comes of it, in memory and on disk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

import numpy as np

from curation import Chunk, Corpus, Home, Progress, StateError, VectorsOf, read_record, write_json
from serving import Embedder, Release, ReleaseStore, ServingSettings, Vectors, switched_off
from training.ledger.rows import LedgerRow, Negative, negatives_of, of
from training.ledger.selection import Selected
from training.ledger.store import History, LedgerOrigin, history_of, read_ledger, write_ledger
from training.prepare.collect import collect, to_index
from training.prepare.conflicts import Conflict, settle_conflicts
from training.prepare.negatives import choose_negatives
from training.prepare.split import (
    PrepareContext,
    chunk_groups,
    drop_leaks,
    drop_repeated,
    held_groups,
    take_sides,
)
from training.settings import TrainingSettings

_T = TypeVar("_T")

LEDGER_FILE = "ledger.parquet"
_GROUPS, _CONFLICTS = "groups.json", "conflicts.json"


@dataclass(frozen=True)
class RunContext:
    """The state folder, its documents, the settings, and ``served``, the release that a candidate is compared
    with."""

    home: Home
    corpus: Corpus
    settings: TrainingSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    progress: Progress

    @cached_property
    def history(self) -> History:
        """What the served model learned. Raises StateError for a damaged ledger."""
        return history_of(self.store, self.served.id)


@dataclass
class Prepared:
    """What a retrain learns from and what it asks. ``groups`` maps a chunk's id to the one that stands for
    its near duplicates; ``chunks`` are those that the candidate indexes."""

    ledger: list[LedgerRow]
    chunks: list[Chunk] = field(default_factory=list)
    groups: dict[str, str] = field(default_factory=dict)
    conflicts: list[Conflict] = field(default_factory=list)

    @property
    def accepted(self) -> list[LedgerRow]:
        """All pairs that people accepted, whatever became of them: none of them is surely wrong."""
        return of(self.ledger, "example")

    @property
    def train(self) -> list[LedgerRow]:
        return of(self.ledger, "example", "train")

    @property
    def holdout(self) -> list[LedgerRow]:
        return of(self.ledger, "example", "holdout")

    @property
    def negatives(self) -> list[Negative]:
        return negatives_of(self.ledger)

    def write(self, folder: Path, origin: LedgerOrigin) -> None:
        """Write it into the folder of a run's step. Raises StateError when the disk is full."""
        write_ledger(folder / LEDGER_FILE, self.ledger, origin)
        write_json(folder / _GROUPS, {key: one for key, one in self.groups.items() if key != one})
        write_json(folder / _CONFLICTS, [one.model_dump(mode="json") for one in self.conflicts])

    @classmethod
    def read(cls, folder: Path, corpus: Corpus, include_unreviewed: bool) -> Prepared:
        """What ``write`` wrote, with the chunks of ``corpus``. Raises StateError when it is damaged."""
        ledger = read_ledger(folder / LEDGER_FILE)
        return cls(
            ledger=ledger,
            chunks=to_index(ledger, corpus.chunks, include_unreviewed),
            groups=_read(folder / _GROUPS, dict[str, str]),
            conflicts=_read(folder / _CONFLICTS, list[Conflict]),
        )

    def describe(self) -> str:
        """One line for the run's log."""
        counts = (
            f"{len(self.train)} examples to train on",
            f"{len(self.negatives)} negatives (refused, or stored with triplets)",
            f"{len(self.holdout)} held out",
            f"{len(of(self.ledger, 'example', 'duplicate'))} that say the same as another one",
            f"{len(self.conflicts)} in conflict",
            f"{len(self.chunks)} chunks to index",
        )
        return ", ".join(counts)


def _read(path: Path, kind: type[_T]) -> _T:
    try:
        return read_record(path, kind)
    except (FileNotFoundError, StateError) as error:
        raise StateError(f"{path} is damaged: {error}", "Start another run.") from error


def prepare(selected: Selected, context: RunContext, tests: Mapping[str, str], fold: int = 0) -> Prepared:
    """Settle the fate of every decision. ``tests`` are the questions of test sets of one's own, by name: they
    are not trained on. ``fold`` says which sections are held out; 0 is the holdout.

    Nothing is written. Questions are embedded by the base model, where their meaning is compared.
    """
    settings, include = context.settings, context.serving.retrieval.include_unreviewed
    vectors_of = question_vectors(context)
    rows = collect(selected.decisions, context.corpus, include, vectors_of, switched_off(context.home))
    chunks = to_index(rows, context.corpus.chunks, include)
    shared = PrepareContext(
        chunks=chunks,
        groups=chunk_groups(chunks, settings.dedup, rows, context.serving.embedding.workers),
        dedup=settings.dedup,
        holdout_share=settings.gate.holdout_share,
        history=context.history,
        tests=tests,
        vectors_of=vectors_of,
        fold=fold,
    )
    rows, conflicts = settle(rows, shared)
    return Prepared(
        ledger=[*rows, *selected.left_out], chunks=chunks, groups=dict(shared.groups), conflicts=conflicts
    )


def settle(rows: Sequence[LedgerRow], context: PrepareContext) -> tuple[list[LedgerRow], list[Conflict]]:
    """Give every open row its fate, and list the conflicts. ``context.held`` is found here."""
    settled, conflicts = settle_conflicts(rows, context)
    context = replace(context, held=held_groups(settled, context))
    for step in (take_sides, drop_repeated, drop_leaks, choose_negatives):
        settled = step(settled, context)
    return settled, conflicts


def question_vectors(context: RunContext) -> VectorsOf:
    """Embeds questions with the base model, each once. Always in float32: what counts as the same must not
    depend on which arithmetic is faster here."""
    serving = context.serving.embedding
    in_float32 = serving.model_copy(update={"precision": "float32"})
    known: dict[str, Vectors] = {}

    def vectors_of(questions: Sequence[str]) -> Vectors:
        missing = [one for one in dict.fromkeys(questions) if one not in known]
        if missing:
            base = Embedder.shared(serving.model, in_float32)
            vectors = base.queries(missing, progress=context.progress)
            known.update(zip(missing, vectors, strict=True))
        return np.stack([known[one] for one in questions]) if questions else np.zeros((0, 1), np.float32)

    return vectors_of
