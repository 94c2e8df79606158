"""What other ways of cutting the documents, and other base models, would find in a first release."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel

from curation import (
    SILENT,
    Chunk,
    ChunkSettings,
    Corpus,
    Home,
    Progress,
    SettingsError,
    TestSet,
    cut_again,
    give_back,
)
from serving import Embedder, ModelTokenCounter, ReleaseStore, ServingSettings, fit_space, load_release
from training.judge.evaluate import Scores, SearchModel, evaluate_set
from training.judge.intervals import Interval, mean_interval
from training.judge.questions import check_paths

_CONFIDENCE = 0.95
_TIMED = 20  # questions


class CuttingScore(BaseModel):
    """A way of cutting: how many chunks it makes, of how many tokens, and its NDCG@10."""

    max_tokens: int
    overlap: int
    chunks: int
    tokens_median: int
    tokens_max: int
    ndcg: float


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


def compare_cuttings(
    corpus: Corpus,
    cuttings: Sequence[ChunkSettings],
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> list[CuttingScore]:
    """Each of ``cuttings`` in the order given.

    Results are ranked by file, as in `clayloop evaluate`: what is right does not hang on how it is cut.
    Raises SettingsError for questions about other documents.
    """
    check_paths(test_set, {document.path for document in corpus.documents}, "the corpus", progress)
    embedder = Embedder(settings.embedding.model, settings.embedding)
    counter = ModelTokenCounter(settings.embedding.model)
    found = []
    for cutting in cuttings:
        progress.say(f"At most {cutting.max_tokens} tokens, overlap {cutting.overlap}")
        chunks = cut_again(corpus, counter, cutting, progress)
        model = _indexed(embedder, chunks, settings, progress)
        tokens = [chunk.tokens for chunk in chunks]
        found.append(
            CuttingScore(
                max_tokens=cutting.max_tokens,
                overlap=cutting.overlap,
                chunks=len(chunks),
                tokens_median=round(median(tokens)),
                tokens_max=max(tokens),
                ndcg=round(_scores(model, test_set, chunks).metrics["ndcg@10"], 6),
            )
        )
    return found


def compare_models(
    corpus: Corpus,
    models: Sequence[str],
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> list[BaseModelScore]:
    """Each of ``models`` in the order given, over the same chunks.

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
        model = _indexed(embedder, corpus.chunks, settings, progress)
        indexed = time.perf_counter() - started
        query_ms = _query_ms(embedder, list(test_set.queries.values()))
        scores = _scores(model, test_set, corpus.chunks)
        values = [scores.questions[key]["ndcg@10"] for key in sorted(scores.questions)]
        changes = [new - old for new, old in zip(values, first, strict=True)] if first is not None else None
        first = values if first is None else first
        size = sum(one.numel() * one.element_size() for one in embedder.model.parameters())
        size += model.space.chunks.nbytes + model.space.pieces.vectors.nbytes
        found.append(
            BaseModelScore(
                model=name,
                dimension=embedder.dimension,
                ndcg=mean_interval(values, _CONFIDENCE),
                change=mean_interval(changes, _CONFIDENCE) if changes is not None else None,
                index_seconds=round(indexed, 2),
                query_ms=round(query_ms, 2),
                memory_mb=round(size / 1e6, 1),
            )
        )
        del model, embedder
        give_back()  # before the next one is loaded
    return found


def _indexed(
    embedder: Embedder, chunks: Sequence[Chunk], settings: ServingSettings, progress: Progress
) -> SearchModel:
    space = fit_space(embedder, chunks, settings.retrieval.whiten, progress)
    return SearchModel(embedder, space, progress=progress)


def _scores(model: SearchModel, test_set: TestSet, chunks: Sequence[Chunk]) -> Scores:
    """At full dimension."""
    size = model.embedder.dimension
    return evaluate_set(model, test_set, chunks, [size])[size]


def _query_ms(embedder: Embedder, questions: Sequence[str]) -> float:
    """Each is asked by itself, and none twice: it would be remembered."""
    taken = []
    for question in questions[:_TIMED]:
        started = time.perf_counter()
        embedder.queries([question])
        taken.append((time.perf_counter() - started) * 1000)
    return median(taken)


def accepted_as_test_set(home: Home, corpus: Corpus, settings: ServingSettings) -> TestSet:
    """The accepted questions that the served release knows, each with the file of its chunk. Raises
    SettingsError when there are none."""
    store = ReleaseStore(home)
    asked = load_release(store, None, settings).index.questions() if store.current_id() else []
    queries: dict[str, str] = {}
    qrels: dict[str, dict[str, int]] = {}
    for one in asked:
        chunk = corpus.by_id.get(corpus.today(one.chunk_id))
        if chunk is not None:
            queries[one.record_id] = one.text
            qrels.setdefault(one.record_id, {})[chunk.path] = 1
    if not queries:
        raise SettingsError(
            "No question has been accepted yet, so there is nothing to compare by.",
            "Give questions of your own: --queries and --qrels, or a folder in the layout of BEIR.",
        )
    return TestSet(name="accepted questions", queries=queries, qrels=qrels)
