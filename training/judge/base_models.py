"""Which base model finds most in these documents, and what it costs: each with the vectors of a first
release."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel

from curation import SILENT, Corpus, Progress, TestSet, give_back
from serving import Embedder, ServingSettings, fit_space
from training.judge.evaluate import SearchModel, evaluate_set
from training.judge.intervals import Interval, mean_interval
from training.judge.questions import check_paths

_CONFIDENCE = 0.95
_TIMED = 20  # questions


class BaseModelScore(BaseModel):
    """A model: NDCG@10 over the questions, ``change`` against the first model's, question by question (None
    for the first). ``index_seconds`` embeds all chunks, ``query_ms`` one question (median); ``memory_mb`` are
    its weights and the vectors."""

    model: str
    dimension: int
    ndcg: Interval
    change: Interval | None
    index_seconds: float
    query_ms: float
    memory_mb: float


def compare_models(
    corpus: Corpus,
    models: Sequence[str],
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> list[BaseModelScore]:
    """Each of ``models`` in the order given, over the same chunks. Nothing is stored.

    Results are ranked by file, as in `clayloop evaluate`. Raises SettingsError for questions about other
    documents, and for a model that can't be loaded.
    """
    check_paths(test_set, {document.path for document in corpus.documents}, "the corpus", progress)
    first: list[float] | None = None
    found = []
    for name in models:
        progress.say(f"{name}: {len(corpus.chunks):,} chunks")
        embedder = Embedder(name, settings.embedding)
        started = time.perf_counter()
        space = fit_space(embedder, corpus.chunks, settings.retrieval.whiten, progress)
        indexed = time.perf_counter() - started
        query_ms = _query_ms(embedder, list(test_set.queries.values()))
        model = SearchModel(embedder, space, progress=progress)
        scores = evaluate_set(model, test_set, corpus.chunks, [embedder.dimension])[embedder.dimension]
        values = [scores.questions[key]["ndcg@10"] for key in sorted(scores.questions)]
        changes = [new - old for new, old in zip(values, first, strict=True)] if first is not None else None
        first = values if first is None else first
        weights = sum(one.numel() * one.element_size() for one in embedder.model.parameters())
        found.append(
            BaseModelScore(
                model=name,
                dimension=embedder.dimension,
                ndcg=mean_interval(values, _CONFIDENCE),
                change=mean_interval(changes, _CONFIDENCE) if changes is not None else None,
                index_seconds=round(indexed, 2),
                query_ms=round(query_ms, 2),
                memory_mb=round((weights + space.chunks.nbytes + space.pieces.vectors.nbytes) / 1e6, 1),
            )
        )
        del model, embedder, space
        give_back()  # before the next one is loaded
    return found


def _query_ms(embedder: Embedder, questions: Sequence[str]) -> float:
    """Each is asked by itself, and none twice: it would be remembered."""
    taken = []
    for question in questions[:_TIMED]:
        started = time.perf_counter()
        embedder.queries([question])
        taken.append((time.perf_counter() - started) * 1000)
    return median(taken)
