"""How well a model finds the right chunk or file: NDCG@10, MRR@10 and recall@k by ir_measures.

Every model encodes once; smaller Matryoshka dimensions are cut from the same vectors and normalised again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from statistics import fmean
from typing import Any

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from curation import SILENT, Progress, SettingsError
from serving import Embedder, ReleaseStore, Reranker, ServingSettings, load_release, truncate
from training.judge.testsets import TestSet
from training.reranker.reading import reranked

Vectors = npt.NDArray[np.float32]

# Our names of the metrics → those of ir_measures.
METRICS = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "RR@10",
    "recall@1": "R@1",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@50": "R@50",
}
# What `clayloop evaluate --json` has had under "metrics" from the start; the others came later.
REPORTED = ("ndcg@10", "mrr@10", "recall@10")
_DEPTH = 50  # deep enough for all of them


class Scores(BaseModel):
    """``metrics`` are means over the questions, ``questions`` the values of each one (id → metric → value)."""

    metrics: dict[str, float]
    questions: dict[str, dict[str, float]]


def score(qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]) -> Scores:
    """The metrics of a ranking. ``qrels`` maps question → right item → relevance, ``run`` question → item → score.

    A question with qrels and no ranked item counts as 0. Raises ValueError without any question.
    """
    import ir_measures

    if not qrels:
        raise ValueError("there is no question to evaluate")
    measures = {ir_measures.parse_measure(theirs): ours for ours, theirs in METRICS.items()}
    questions: dict[str, dict[str, float]] = {query: dict.fromkeys(METRICS, 0.0) for query in qrels}
    ranked = {query: dict(items) for query, items in run.items() if query in qrels and items}
    if ranked:
        wanted = {query: dict(items) for query, items in qrels.items()}
        for value in ir_measures.iter_calc(list(measures), wanted, ranked):
            questions[value.query_id][measures[value.measure]] = float(value.value)
    means = {name: fmean(values[name] for values in questions.values()) for name in METRICS}
    return Scores(metrics=means, questions=questions)


def rank(cosines: Vectors, queries: Sequence[str], items: Sequence[str]) -> dict[str, dict[str, float]]:
    """The best items per question: (m, n) cosines give question → item → score.

    ``items`` names the n columns; a name that comes more than once (the chunks of a file) counts with its best column.
    """
    names, column_of = np.unique(np.asarray(items, dtype=object), return_inverse=True)
    if len(names) == 0:
        return {query: {} for query in queries}
    order = np.argsort(column_of, kind="stable")
    starts = np.searchsorted(column_of[order], np.arange(len(names)))
    best = np.maximum.reduceat(cosines[:, order], starts, axis=1)
    run = {}
    for row, query in enumerate(queries):
        top = np.argsort(-best[row], kind="stable")[:_DEPTH]
        run[query] = {str(names[column]): float(best[row, column]) for column in top}
    return run


def evaluate_vectors(
    queries: Mapping[str, str],
    query_vectors: Vectors,
    vectors: Vectors,
    items: Sequence[str],
    qrels: Mapping[str, Mapping[str, int]],
    dimensions: Sequence[int],
) -> dict[int, Scores]:
    """Scores per dimension. ``query_vectors`` (m, d) are of ``queries`` in order, ``vectors`` (n, d) of ``items``."""
    return {
        dimension: score(
            qrels,
            rank(truncate(query_vectors, dimension) @ truncate(vectors, dimension).T, list(queries), items),
        )
        for dimension in dimensions
    }


def evaluate_set(
    embedder: Embedder,
    test_set: TestSet,
    paths: Sequence[str],
    vectors: Vectors,
    dimensions: Sequence[int],
    progress: Progress = SILENT,
    reranker: Reranker | None = None,
    texts: Sequence[str] = (),
) -> dict[int, Scores]:
    """Scores per dimension on a test set: over its own corpus, or by file over the chunks, whose files are ``paths`` and
    whose (n, d) unit vectors are ``vectors``. A ``reranker`` has its say at full dimension; it needs the chunks' ``texts``.
    """
    items = list(paths)
    if test_set.corpus is not None:
        items, texts = list(test_set.corpus), list(test_set.corpus.values())
        vectors = embedder.documents(texts, progress=progress)
    asked = embedder.queries(list(test_set.queries.values()), progress=progress)
    found = evaluate_vectors(test_set.queries, asked, vectors, items, test_set.qrels, dimensions)
    if reranker is not None:
        questions = list(test_set.queries.values())
        cosines = reranked(reranker, questions, asked @ vectors.T, lambda _, column: texts[column], progress)
        found[embedder.dimension] = score(test_set.qrels, rank(cosines, list(test_set.queries), items))
    return found


def check_paths(test_set: TestSet, paths: Collection[str], where: str, progress: Progress) -> None:
    """Whether the right files of a set without a corpus are among ``paths``. Raises SettingsError when none is."""
    if test_set.corpus is not None:
        return
    wanted = {path for right in test_set.qrels.values() for path in right}
    unknown = sorted(wanted - set(paths))
    if len(unknown) == len(wanted):
        raise SettingsError(
            f"{test_set.name}: none of its {len(wanted)} files is in {where} (for example {unknown[0]!r}).",
            "Paths are relative to the ingested folder, with forward slashes.",
        )
    if unknown:
        progress.say(
            f"{test_set.name}: {len(unknown)} right files are not in the index and can't be found, such as {unknown[0]}."
        )


def evaluate_release(
    store: ReleaseStore,
    release_id: str | None,
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Score a release (None: the served one) on a test set as it is served, at full dimension and with its reranker: over
    everything it indexes, by file, or over the set's own corpus.

    Returns ``{"release": id, "queries": n, "metrics": {"ndcg@10", "mrr@10", "recall@10"}, "more": {"recall@1", …}}``. Raises SettingsError for a set of other
    documents, StateError without a release, ReleaseError for a damaged one.
    """
    retriever = load_release(store, release_id, settings)
    chunks = retriever.index.chunks()
    paths = [chunk.path for chunk in chunks]
    check_paths(test_set, paths, f"release {retriever.release.id}", progress)
    size = retriever.embedder.dimension
    found = evaluate_set(
        retriever.embedder,
        test_set,
        paths,
        retriever.index.vectors(),
        [size],
        progress,
        retriever.reranker,
        [chunk.text for chunk in chunks],
    )[size]
    rounded = {name: round(value, 6) for name, value in found.metrics.items()}
    return {
        "release": retriever.release.id,
        "queries": len(test_set.queries),
        "metrics": {name: rounded[name] for name in REPORTED},
        "more": {name: value for name, value in rounded.items() if name not in REPORTED},
    }
