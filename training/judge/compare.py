"""Base model, served release and candidate, asked the same questions over the same chunks.

The two that a candidate is compared with are measured once (``measure_baselines``), for any number of
candidates (``compare``). Nothing asks where a candidate comes from: it may be the served model over other
chunks, a trained one, or one with a reranker.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, median
from typing import Any

import numpy as np
import numpy.typing as npt

from curation import SILENT, Chunk, Progress
from serving import (
    INDEX_FOLDER,
    MODEL_FOLDER,
    OUT_OF_DOMAIN_QUESTIONS,
    BaseVectors,
    ChunkIndex,
    Embedder,
    Release,
    ReleaseStore,
    SearchSpace,
    ServingSettings,
    calibrate_threshold,
    carry_questions,
    embed_chunks,
    open_reranker,
)
from training.judge.comparison import (
    SIDES,
    ComparedSet,
    Comparison,
    Kind,
    Latency,
    PerDimension,
    RefusalRates,
    Side,
)
from training.judge.coverage import Coverage, Round, find_removed, with_lost_questions
from training.judge.evaluate import (
    METRICS,
    EmbeddedQuestions,
    Scores,
    SearchModel,
    embed_questions,
    evaluate_set,
    measure,
)
from training.judge.plausibility import Plausibility, view_pairs, weigh
from training.judge.questions import HoldoutQuestion, questions_of
from training.settings import TrainingSettings

_LATENCY_QUESTIONS = 30
_LATENCY_QUESTIONS_OF_ONE = 8
_WARM_UP = 2  # questions whose time does not count
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Baselines:
    """What a candidate is compared with: the figures of the base model and of the ``served`` release, the
    latter as it is served, and the held-out questions as its model ``embedded`` them. ``decisions`` and
    ``coverage`` judge the round, whatever the candidate is."""

    given: Round
    release: Release
    settings: TrainingSettings
    serving: ServingSettings
    served: SearchModel
    embedded: EmbeddedQuestions
    base: SearchModel
    base_scores: list[PerDimension]
    served_scores: list[PerDimension]
    decisions: Plausibility
    coverage: Coverage

    def beside(self, model: SearchModel, found: Comparison) -> Baselines:
        """To compare with ``model`` instead of the served release, which has the same embedder; ``found`` has
        its figures."""
        scores = [found.holdout.candidate, *(one.candidate for one in found.sets)]
        return replace(self, served=model, served_scores=scores)


def measure_baselines(
    given: Round,
    store: ReleaseStore,
    release: Release,
    settings: TrainingSettings,
    serving: ServingSettings,
    progress: Progress = SILENT,
) -> Baselines:
    """Score the served ``release`` and the base model, one after the other; once where they are the same
    model.

    Raises SettingsError when the base model can't be loaded, ReleaseError when a model gives NaN.
    """
    folder = store.folder(release.id)
    embedder = Embedder.shared(folder / MODEL_FOLDER, serving.embedding)
    index = ChunkIndex.open(folder / INDEX_FOLDER)
    removed = find_removed(given, {chunk.id for chunk in index.chunks()}, settings)
    space = embed_chunks(embedder, [*given.chunks, *removed.chunks], index, progress)
    _, leads = carry_questions(index, given.chunks, given.is_asked)
    here = space.taking(range(len(given.chunks))).asking(leads)
    served = SearchModel(embedder, here, open_reranker(folder, release, serving), progress)
    embedded = embed_questions(served, given.questions, given.chunks)
    served_scores = _scores(served, given, settings, embedded)
    coverage = removed.coverage
    if removed.questions:
        coverage = with_lost_questions(removed, served, given.chunks, space)
    base_model = BaseVectors(store, serving.embedding)
    vectors = base_model.documents([chunk.text for chunk in given.chunks], progress)
    base = SearchModel(base_model.embedder, SearchSpace.plain(vectors))  # neither whitening nor pieces
    base_scores = _scores(base, given, settings, embed_questions(base, given.questions, given.chunks))
    queries = base_model.queries
    pairs = view_pairs(given.rows, given.history.fingerprints, given.chunks, base.space.chunks, queries)
    return Baselines(
        given=given,
        release=release,
        settings=settings,
        serving=serving,
        served=served,
        embedded=embedded,
        base=base,
        base_scores=base_scores,
        served_scores=served_scores,
        decisions=weigh(pairs),
        coverage=coverage,
    )


def compare(candidate: SearchModel, baselines: Baselines) -> Comparison:
    """Score the ``candidate`` as it would be served. Raises ReleaseError when a model gives NaN."""
    given = baselines.given
    candidate = replace(candidate, progress=baselines.served.progress)
    is_same = candidate.embedder is baselines.served.embedder
    embedded = baselines.embedded if is_same else embed_questions(candidate, given.questions, given.chunks)
    known = baselines.served_scores if is_same else ()
    scores = _scores(candidate, given, baselines.settings, embedded, known)
    alone = {}
    if candidate.reranker is not None and given.questions:
        size = candidate.embedder.dimension
        found = measure(candidate.alone, given.questions, given.chunks, [size], embedded)[size].metrics
        alone = {name: round(value, 6) for name, value in found.items()}
    kinds: list[Kind] = ["own" if one.corpus is None else "generic" for one in given.sets]
    holdout, *others = (
        ComparedSet(name=name, kind=kind, questions=questions, base=base, served=served, candidate=new)
        for name, kind, questions, base, served, new in zip(
            ["holdout", *(one.name for one in given.sets)],
            ["holdout", *kinds],
            [list(given.questions), *(questions_of(one) for one in given.sets)],
            baselines.base_scores,
            baselines.served_scores,
            scores,
            strict=True,
        )
    )
    return Comparison(
        release_before=baselines.release.id,
        base_model=baselines.serving.embedding.model,
        holdout=holdout,
        earlier=given.earlier,
        sets=others,
        served_refusals=_refusals(baselines.served, baselines.release.retrieval.min_score, baselines),
        candidate_refusals=_refusals(candidate, None, baselines),
        decisions=baselines.decisions,
        coverage=baselines.coverage,
        without_reranker=alone,
        latency=measure_latency(baselines.served, candidate, given.chunks, given.questions),
    )


@dataclass(frozen=True)
class FoldModels:
    """``questions`` about sections that neither model was trained on: the ``candidate`` of a fold and the
    ``served`` one that it is compared with."""

    questions: Sequence[HoldoutQuestion]
    served: SearchModel
    candidate: SearchModel


def compare_folds(folds: Iterable[FoldModels], baselines: Baselines) -> ComparedSet:
    """The questions of all ``folds``, each scored under its own models."""
    questions: list[HoldoutQuestion] = []
    found: dict[Side, list[PerDimension]] = {side: [] for side in SIDES}
    for one in folds:
        questions += one.questions
        models = (baselines.base, one.served, one.candidate)
        for side, model in zip(SIDES, models, strict=True):
            sizes = baselines.settings.fit.dimensions_for(model.embedder.dimension)
            found[side].append(measure(model, one.questions, baselines.given.chunks, sizes))
        del one, models, model  # the next fold's model takes their memory
    joined = {side: _joined(parts) for side, parts in found.items()}
    return ComparedSet(name="cross-fitted", kind="cross-fitted", questions=questions, **joined)


def _joined(parts: Sequence[PerDimension]) -> PerDimension:
    """The scores of all parts, each of which has questions of its own."""
    found = {}
    for size in parts[0]:
        questions = {key: values for part in parts for key, values in part[size].questions.items()}
        means = {name: fmean(values[name] for values in questions.values()) for name in METRICS}
        found[size] = Scores(metrics=means, questions=questions)
    return found


def measure_latency(
    served: SearchModel, candidate: SearchModel, chunks: Sequence[Chunk], questions: Sequence[HoldoutQuestion]
) -> Latency:
    """Median seconds a question of each, asked in turn: what else the machine does slows both alike. Where
    both have the same model, it embeds a question once, and fewer are enough."""
    is_same = served.embedder is candidate.embedder
    most = _LATENCY_QUESTIONS_OF_ONE if is_same else _LATENCY_QUESTIONS
    chosen = ([one.text for one in questions] or list(OUT_OF_DOMAIN_QUESTIONS))[:most]
    seconds: tuple[list[float], list[float]] = ([], [])
    warm_up = chosen[:_WARM_UP]
    for asked in (*warm_up, *chosen):
        text = f"{asked} {next(_numbers)}"  # a model remembers the vectors of what it was asked
        embedding = 0.0
        for model, took in zip((served, candidate), seconds, strict=True):
            started = time.perf_counter() - embedding
            vectors = model.embedder.queries([text])
            embedding = time.perf_counter() - started if is_same else 0.0
            scores = model.space.scores(vectors)[0]
            if model.reranker is None:
                np.argmax(scores)
            else:
                nearest = np.argsort(-scores)[: model.reranker.info.candidates]
                texts = [chunks[place].text for place in nearest]
                model.reranker.order(text, texts, scores[nearest].tolist())
            took.append(time.perf_counter() - started)
    old, new = (round(median(took[len(warm_up) :]), 5) for took in seconds)
    return Latency(served=old, candidate=new, reranks=candidate.reranker is not None)


def _scores(
    model: SearchModel,
    given: Round,
    settings: TrainingSettings,
    embedded: EmbeddedQuestions,
    known: Sequence[PerDimension] = (),
) -> list[PerDimension]:
    """On the holdout, as it was ``embedded``, then on each set, per Matryoshka dimension. Of the ``known``
    scores of a model with the same embedder those on other things are taken over.

    A reranker is heard where the bot's own chunks are ranked. Sets about other things tell what the embedding
    model has forgotten, and are ranked by it alone.
    """
    sizes = settings.fit.dimensions_for(model.embedder.dimension)
    found = [measure(model, given.questions, given.chunks, sizes, embedded)]
    for place, one in enumerate(given.sets, start=1):
        if one.corpus is not None and known:
            found.append(known[place])
        else:
            ranks = model if one.corpus is None else model.alone
            found.append(evaluate_set(ranks, one, given.chunks, sizes))
    return found


def _refusals(model: SearchModel, own: float | None, baselines: Baselines) -> RefusalRates:
    """What the model would refuse, at the threshold of the settings, or else at its ``own``: None, it is
    calibrated, as publishing would."""
    given, guards = baselines.given, baselines.settings.gate.guards
    threshold = baselines.serving.retrieval.min_score
    if threshold is None:
        threshold = own
    if threshold is None:
        threshold = calibrate_threshold(model.embedder, given.chunks, model.space, given.decided)

    def nearness(questions: Sequence[str]) -> npt.NDArray[Any]:
        return model.space.near(model.embedder.queries(questions)) if questions else np.zeros(0)

    off_topic, right = nearness(OUT_OF_DOMAIN_QUESTIONS), nearness(given.deciding)
    smoke = [*guards.smoke, *guards.refuse, *given.out_of_bounds]
    scores = nearness(smoke).tolist()
    return RefusalRates(
        threshold=threshold,
        answered=round(float((off_topic >= threshold).mean()), 4),
        refused=(right < threshold).tolist(),
        smoke={text: round(score, 4) for text, score in zip(smoke, scores, strict=True)},
    )
