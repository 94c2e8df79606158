"""The contest of three models over the same chunks: the untouched base, the served release, and the candidate."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from curation import Chunk, Decision, Progress
from serving import (
    INDEX_FOLDER,
    MODEL_FOLDER,
    ChunkIndex,
    Embedder,
    Release,
    ReleaseStore,
    Reranker,
    ServingSettings,
)
from training.fit.train import clip_dimensions
from training.gate_settings import GateSettings
from training.judge.comparison import ComparedSet, Comparison, Kind, PerDimension, Vitals
from training.judge.coverage import Removed
from training.judge.evaluate import METRICS, Scores, evaluate_set
from training.judge.plausibility import Plausibility, view_pairs, weigh
from training.judge.question_style import style_of
from training.judge.questions import HoldoutQuestion, measure, question_id
from training.judge.testsets import TestSet
from training.judge.vitals import latency, megabytes, refusal
from training.ledger.lineage import fingerprints_of
from training.ledger.lineage_record import LineageRow
from training.prepare.examples import Example

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Past:
    """What the served release was made from: the fingerprints of its decisions, and the ids of its holdout questions that
    nobody has answered differently since."""

    fingerprints: Collection[str]
    questions: Collection[str]

    @classmethod
    def of(
        cls, lineage: Sequence[LineageRow], holdout: Sequence[Example], decisions: Sequence[Decision]
    ) -> Past:
        """From the served release's lineage; ``holdout`` and ``decisions`` are those of now."""
        fingerprints = fingerprints_of(lineage)
        held = fingerprints_of(row for row in lineage if row.role == "holdout")
        unchanged = {(one.dataset, one.record_id) for one in decisions if one.fingerprint in held}
        return cls(
            fingerprints=fingerprints,
            questions={
                question_id(example.query)
                for example in holdout
                if (example.dataset, example.record_id) in unchanged
            },
        )


@dataclass
class Contest:
    """What all three are asked. ``chunks`` are those that the candidate indexes."""

    chunks: Sequence[Chunk]
    questions: Sequence[HoldoutQuestion]
    sets: Sequence[TestSet]
    dimensions: Sequence[int]
    progress: Progress

    def score(
        self, embedder: Embedder, vectors: Vectors, reranker: Reranker | None = None
    ) -> list[PerDimension]:
        """On the holdout, then on each set, per Matryoshka dimension. ``vectors`` (n, d) are of the chunks.

        ``reranker`` is heard where the bot's own chunks are ranked. Sets about other things tell what the embedding model has
        forgotten, and are ranked by it alone.
        """
        sizes = clip_dimensions(self.dimensions, embedder.dimension)
        none = Scores(metrics=dict.fromkeys(METRICS, 0.0), questions={})
        paths, texts = [chunk.path for chunk in self.chunks], [chunk.text for chunk in self.chunks]
        return [
            measure(embedder, self.questions, self.chunks, vectors, sizes, self.progress, reranker)
            if self.questions
            else dict.fromkeys(sizes, none),
            *(
                evaluate_set(
                    embedder,
                    one,
                    paths,
                    vectors,
                    sizes,
                    self.progress,
                    reranker if one.corpus is None else None,
                    texts,
                )
                for one in self.sets
            ),
        ]

    def named(self) -> list[tuple[str, Kind, list[HoldoutQuestion]]]:
        """What ``score`` scores, in its order."""
        found: list[tuple[str, Kind, list[HoldoutQuestion]]] = [("holdout", "holdout", list(self.questions))]
        for one in self.sets:
            kind: Kind = "own" if one.corpus is None else "generic"
            asked = [
                HoldoutQuestion(id=key, text=text, right=list(one.qrels[key]), style=style_of(text))
                for key, text in one.queries.items()
            ]
            found.append((one.name, kind, asked))
        return found

    @property
    def deciding(self) -> list[str]:
        """The texts of the questions that decide: the holdout's, then those of the own sets about the bot's documents."""
        own = [text for one in self.sets if one.corpus is None for text in one.queries.values()]
        return [*(question.text for question in self.questions), *own]

    def judge_decisions(
        self,
        base: Embedder,
        vectors: Vectors,
        decisions: Sequence[Decision],
        past: Past,
        gate: GateSettings,
    ) -> Plausibility:
        """Whether what was decided since the served release looks meant, as the base model sees it."""
        pairs = view_pairs(decisions, past.fingerprints, self.chunks, vectors, base.queries, gate.seed)
        return weigh(pairs, gate.resamples, gate.seed)


def vectors_of(
    embedder: Embedder, chunks: Sequence[Chunk], release_folder: Path | None, progress: Progress
) -> Vectors:
    """The model's (n, d) vectors of ``chunks``: from the index of a release that has this model, where it has them."""
    vectors: Vectors = np.empty((len(chunks), embedder.dimension), dtype=np.float32)
    missing = list(range(len(chunks)))
    if release_folder is not None:
        index = ChunkIndex.open(release_folder / INDEX_FOLDER)
        row_of = {chunk.id: row for row, chunk in enumerate(index.chunks())}
        known = index.vectors()
        for place, chunk in enumerate(chunks):
            if chunk.id in row_of:
                vectors[place] = known[row_of[chunk.id]]
        missing = [place for place, chunk in enumerate(chunks) if chunk.id not in row_of]
    if missing:
        vectors[missing] = embedder.documents([chunks[place].text for place in missing], progress=progress)
    return vectors


def untrained_release(store: ReleaseStore, model: str, dimension: int) -> Release | None:
    """The newest release that serves ``model`` as it is: its index has the base model's vectors already."""
    fitting = (
        one
        for one in reversed(store.list())
        if is_untrained(one, model) and one.embedding.dimension == dimension
    )
    return next(fitting, None)


def is_untrained(release: Release, model: str) -> bool:
    """Whether a release serves the base ``model`` without training."""
    return not release.trained_on and release.run_id is None and release.base_model == model


def compare(
    contest: Contest,
    store: ReleaseStore,
    served: Release,
    candidate: Embedder,
    candidate_vectors: Vectors,
    serving: ServingSettings,
    gate: GateSettings,
    past: Past,
    decisions: Sequence[Decision],
    removed: Removed,
    reranker: Reranker | None = None,
) -> Comparison:
    """Score base, served release and candidate on everything, one model after the other; each as it is or would be served,
    ``reranker`` being the candidate's, ``removed`` what it no longer indexes.

    Where the served release is the base model as it is, it is scored once. Raises SettingsError when the base model can't be
    loaded, ReleaseError when a model gives NaN.
    """
    model, folder = serving.embedding.model, store.folder(served.id)
    rival = Embedder(folder / MODEL_FOLDER, serving.embedding)
    rival_vectors = vectors_of(rival, contest.chunks, folder, contest.progress)
    judge = Reranker.of_release(folder, served, serving)
    served_scores = contest.score(rival, rival_vectors, judge)
    coverage = removed.coverage
    if removed.questions:
        gone = vectors_of(rival, removed.chunks, folder, contest.progress)
        coverage = removed.measured(rival, contest.chunks, rival_vectors, gone, contest.progress, judge)
    if is_untrained(served, model):
        base_scores, seen = (
            served_scores,
            contest.judge_decisions(rival, rival_vectors, decisions, past, gate),
        )
    else:
        base = Embedder(model, serving.embedding)
        untrained = untrained_release(store, model, base.dimension)
        base_vectors = vectors_of(
            base, contest.chunks, store.folder(untrained.id) if untrained else None, contest.progress
        )
        base_scores = contest.score(base, base_vectors)
        seen = contest.judge_decisions(base, base_vectors, decisions, past, gate)
        del base, base_vectors
    candidate_scores = contest.score(candidate, candidate_vectors, reranker)
    alone = {}
    if reranker is not None and contest.questions:
        size = [candidate.dimension]
        alone = measure(
            candidate, contest.questions, contest.chunks, candidate_vectors, size, contest.progress
        )[candidate.dimension].metrics
    both = (rival, rival_vectors), (candidate, candidate_vectors)
    folders = [one.folder for one in (candidate, reranker) if one is not None and one.folder is not None]
    vitals = Vitals(
        megabytes=megabytes(folders, candidate_vectors),
        served=refusal(
            rival,
            contest.chunks,
            rival_vectors,
            served.retrieval.min_score,
            serving,
            gate.guards,
            contest.deciding,
        ),
        candidate=refusal(
            candidate, contest.chunks, candidate_vectors, None, serving, gate.guards, contest.deciding
        ),
    )
    holdout, *others = (
        ComparedSet(name=name, kind=kind, questions=questions, base=before, served=old, candidate=new)
        for (name, kind, questions), before, old, new in zip(
            contest.named(), base_scores, served_scores, candidate_scores, strict=True
        )
    )
    return Comparison(
        release_before=served.id,
        base_model=model,
        holdout=holdout,
        known=[question.id for question in contest.questions if question.id in past.questions],
        sets=others,
        vitals=vitals,
        latency=latency(*both, [question.text for question in contest.questions]),
        decisions=seen,
        coverage=coverage,
        without_reranker=alone,
    )
