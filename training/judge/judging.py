"""The steps that decide: base, served release and candidate are compared, and the gate judges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curation import Chunk, Decision, Progress, read_json, write_json
from serving import (
    EVALUATION_FILE,
    INDEX_FOLDER,
    LINEAGE_FILE,
    MODEL_FOLDER,
    ChunkIndex,
    Embedder,
    Release,
    ReleaseStore,
    ServingSettings,
)
from training.judge.comparison import (
    LATENCY_FILE,
    SIDES,
    Comparison,
    Latency,
    PerDimension,
    at,
    read_comparison,
    write_comparison,
)
from training.judge.contest import Contest, Past, compare
from training.judge.coverage import Removed, find_removed
from training.judge.gate import GateVerdict, judge
from training.judge.generic import generic_set
from training.judge.questions import HoldoutQuestion
from training.judge.testsets import TestSet
from training.ledger.lineage import read_lineage
from training.ledger.lineage_record import LineageRow
from training.prepare.examples import Example
from training.prepare.tracing import read_became
from training.reranker.step import Reranking
from training.runs.run import Run
from training.settings import TrainingSettings

GATE_FILE = "gate.json"

Vectors = npt.NDArray[np.float32]


@dataclass
class Judging:
    """The steps "evaluate" and "gate" of a run, and what they wrote. ``serving`` computes in the arithmetic that the run
    settled on: a trial of its own could end differently in a rerun. ``chunks`` are those that the candidate indexes,
    ``documents`` all that there are."""

    run: Run
    documents: Sequence[Chunk]
    chunks: Sequence[Chunk]
    questions: Sequence[HoldoutQuestion]
    holdout: Sequence[Example]
    decisions: Sequence[Decision]
    own_sets: Sequence[TestSet]
    settings: TrainingSettings
    serving: ServingSettings
    store: ReleaseStore
    served: Release
    reranking: Reranking
    progress: Progress

    def evaluate(self, folder: Path) -> str:
        contest = Contest(
            self.chunks,
            self.questions,
            [*self.own_sets, generic_set()],
            self.settings.fit.dimensions,
            self.progress,
        )
        lineage = read_lineage(self.store.folder(self.served.id) / LINEAGE_FILE)
        found = compare(
            contest,
            self.store,
            self.served,
            Embedder(self.run.folder / "fit" / MODEL_FOLDER, self.serving.embedding, name="candidate"),
            self.vectors,
            self.serving,
            self.settings.gate,
            Past.of(lineage, self.holdout, self.decisions),
            self.decisions,
            self._removed(lineage),
            self.reranking.adopted(self.serving.embedding),
        )
        write_comparison(folder / EVALUATION_FILE, found)
        write_json(folder / LATENCY_FILE, found.latency.model_dump(mode="json") if found.latency else None)
        metric, holdout = self.settings.gate.metric, found.holdout
        base, served, candidate = (at(holdout.side(side)).metrics[metric] for side in SIDES)
        return f"{metric} {served:.4f} → {candidate:.4f} (base model {base:.4f}) on {len(self.questions)} questions"

    def _removed(self, lineage: Sequence[LineageRow]) -> Removed:
        index = ChunkIndex.open(self.store.folder(self.served.id) / INDEX_FOLDER)
        return find_removed(
            self.decisions,
            lineage,
            self.documents,
            self.chunks,
            {chunk.id for chunk in index.chunks()},
            {question.id for question in self.questions},
            self.settings,
            read_became(self.run.folder / "examples"),
        )

    def judge(self, folder: Path) -> str:
        verdict = judge(self.comparison, self.settings.gate)
        write_json(folder / GATE_FILE, verdict.model_dump(mode="json"))
        return verdict.reason

    @cached_property
    def comparison(self) -> Comparison:
        """Of base, served release and candidate."""
        folder = self.run.folder / "evaluate"
        found = read_comparison(folder / EVALUATION_FILE)
        return found.model_copy(update={"latency": Latency.model_validate(read_json(folder / LATENCY_FILE))})

    @property
    def scores(self) -> tuple[PerDimension, PerDimension]:
        """Of the served release and of the candidate on the holdout, per dimension."""
        return self.comparison.holdout.served, self.comparison.holdout.candidate

    @property
    def verdict(self) -> GateVerdict:
        return GateVerdict.model_validate(read_json(self.run.folder / "gate" / GATE_FILE))

    @property
    def vectors(self) -> Vectors:
        """The candidate's vectors of the chunks, as the step "index" left them."""
        vectors: Vectors = np.load(self.run.folder / "index" / "vectors.npy", allow_pickle=False)
        return vectors
