"""Which way of cutting documents into chunks finds most, each with the vectors of a first release."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from pydantic import BaseModel

from curation import (
    SILENT,
    ChunkSettings,
    Corpus,
    Home,
    Progress,
    SettingsError,
    TestSet,
    cut_again,
)
from serving import (
    Embedder,
    ModelTokenCounter,
    ReleaseStore,
    ServingSettings,
    fit_space,
    load_release,
)
from training.judge.evaluate import SearchModel, evaluate_set
from training.judge.questions import check_paths


class CuttingScore(BaseModel):
    """A way of cutting: how many chunks it makes, of how many tokens, and its NDCG@10."""

    max_tokens: int
    overlap: int
    chunks: int
    tokens_median: int
    tokens_max: int
    ndcg: float


def compare_cuttings(
    corpus: Corpus,
    cuttings: Sequence[ChunkSettings],
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> list[CuttingScore]:
    """Each of ``cuttings`` in the order given. Nothing is stored.

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
        space = fit_space(embedder, chunks, settings.retrieval.whiten, progress)
        model = SearchModel(embedder, space, progress=progress)
        scores = evaluate_set(model, test_set, chunks, [embedder.dimension])[embedder.dimension]
        tokens = [chunk.tokens for chunk in chunks]
        found.append(
            CuttingScore(
                max_tokens=cutting.max_tokens,
                overlap=cutting.overlap,
                chunks=len(chunks),
                tokens_median=round(median(tokens)),
                tokens_max=max(tokens),
                ndcg=round(scores.metrics["ndcg@10"], 6),
            )
        )
    return found


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
