"""How well a model finds the right chunk or file: NDCG@10, MRR@10 and recall@k by ir_measures.

Every model embeds once; smaller Matryoshka dimensions are cut from the same vectors and normalised again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from statistics import fmean
from typing import Any

import numpy as np
from pydantic import BaseModel

from curation import SILENT, Chunk, Progress, Qrels, TestSet
from serving import (
    Embedder,
    ReleaseStore,
    Reranker,
    RerankerChoice,
    RerankerInfo,
    SearchSpace,
    ServingSettings,
    Vectors,
    at_a_time,
    embed_chunks,
    load_release,
    mix_scores,
    model_name,
    truncate_vectors,
)
from training.judge.questions import HoldoutQuestion, bare_text, check_paths
from training.settings import RerankerSettings

# Our names of the metrics → those of ir_measures.
METRICS = {
    "ndcg@10": "nDCG@10",
    "mrr@10": "RR@10",
    "recall@1": "R@1",
    "recall@5": "R@5",
    "recall@10": "R@10",
    "recall@50": "R@50",
}
# What `clayloop evaluate --json` has under "metrics"; the others are under "more".
REPORTED = ("ndcg@10", "mrr@10", "recall@10")
_DEPTH = 50  # deep enough for all of them


class Scores(BaseModel):
    """``metrics`` are means over the questions, ``questions`` the values of each one (id → metric →
    value)."""

    metrics: dict[str, float]
    questions: dict[str, dict[str, float]]


@dataclass(frozen=True)
class SearchModel:
    """What ranks the chunks: an embedding model, the ``space`` with its vectors of them, and perhaps a
    reranker. ``progress`` shows how far it is."""

    embedder: Embedder
    space: SearchSpace
    reranker: Reranker | None = None
    progress: Progress = SILENT

    @property
    def alone(self) -> SearchModel:
        """Without its reranker."""
        return replace(self, reranker=None)


def score(qrels: Mapping[str, Mapping[str, int]], run: Mapping[str, Mapping[str, float]]) -> Scores:
    """The metrics of a ranking. ``qrels``: question → right item → relevance; ``run``: question → item →
    score.

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


def rank(scores: Vectors, queries: Sequence[str], items: Sequence[str]) -> dict[str, dict[str, float]]:
    """The best items of each question: (m, n) scores give question → item → score.

    ``items`` names the n columns; a name that comes more than once (the chunks of a file) counts with its
    best one.
    """
    names, column_of = np.unique(np.asarray(items, dtype=object), return_inverse=True)
    if len(names) == 0:
        return {query: {} for query in queries}
    order = np.argsort(column_of, kind="stable")
    starts = np.searchsorted(column_of[order], np.arange(len(names)))
    best = np.maximum.reduceat(scores[:, order], starts, axis=1)  # pandas' groupby takes ten times as long
    run = {}
    for row, query in enumerate(queries):
        top = np.argsort(-best[row], kind="stable")[:_DEPTH]
        run[query] = {str(names[column]): float(best[row, column]) for column in top}
    return run


def reranker_choice(settings: RerankerSettings, serving: ServingSettings) -> RerankerChoice | None:
    """The cross-encoder of the settings, used as it is. None without one, or if the bot would not ask it."""
    if not settings.model or not serving.retrieval.rerank:
        return None
    info = RerankerInfo(name=model_name(settings.model), **settings.model_dump(exclude={"model"}))
    return RerankerChoice(settings.model, info)


def load_reranker(settings: RerankerSettings, serving: ServingSettings) -> Reranker | None:
    """The same, loaded. Raises SettingsError when that can't be done."""
    choice = reranker_choice(settings, serving)
    return Reranker.open(choice.model, choice.info, serving.embedding) if choice else None


def reranked(
    reranker: Reranker,
    questions: Sequence[str],
    scores: Vectors,
    text_of: Callable[[int, int], str],
    progress: Progress = SILENT,
) -> Vectors:
    """(m, n) ``scores`` changed so that they rank as a release with this reranker does.

    It reads the nearest texts of each question, ``text_of(row, column)``; these come first, in the mixed
    order.
    """
    if not len(questions):
        return scores
    count = min(reranker.info.candidates, scores.shape[1])
    columns = np.argsort(-scores, axis=1, kind="stable")[:, :count]
    read = np.zeros(columns.shape, dtype=np.float32)
    with progress.task("Reranking", total=len(questions), unit="questions") as advance:
        for row, question in enumerate(questions):
            read[row] = reranker.scores([(question, text_of(row, int(one))) for one in columns[row]])
            advance(1)
    mixed = mix_scores(np.take_along_axis(scores, columns, axis=1), read, reranker.info.weight)
    order = np.argsort(-mixed, axis=1, kind="stable")
    found: Vectors = scores.copy()
    above = scores.max() + np.arange(count, 0, -1, dtype=np.float32)
    np.put_along_axis(found, np.take_along_axis(columns, order, axis=1), above[None, :], axis=1)
    return found


@dataclass(frozen=True)
class EmbeddedQuestions:
    """Questions (id → text) with their unit vectors, and the ``space`` of the texts that are ranked for them.
    For the rows ``headings`` the columns ``bare`` have other texts: those without their headings, whose
    vectors ``bare_space`` has."""

    queries: Mapping[str, str]
    query_vectors: Vectors
    texts: Sequence[str]
    space: SearchSpace
    headings: Sequence[int] = ()
    bare: Mapping[int, str] = field(default_factory=dict)
    bare_space: SearchSpace | None = None

    def ranked(self, dimension: int) -> Vectors:
        """(m, n) scores: of every question with every text."""
        asked = truncate_vectors(self.query_vectors, dimension)
        scores = self.space.cut(dimension).scores(asked)
        if self.bare_space is not None and self.bare:
            columns, headings = list(self.bare), asked[list(self.headings)]
            bare = self.bare_space.cut(dimension).scores(headings)
            own = self.space.taking(columns).cut(dimension)
            scores[np.ix_(self.headings, columns)] += bare - own.likeness(headings)
        return scores

    def text(self, row: int, column: int) -> str:
        """The text in ``column`` as the question in ``row`` sees it."""
        is_bare = column in self.bare and row in self.headings
        return self.bare[column] if is_bare else self.texts[column]

    def scores(
        self, items: Sequence[str], qrels: Qrels, dimensions: Sequence[int], model: SearchModel | None = None
    ) -> dict[int, Scores]:
        """Per dimension; ``items`` names the texts. The reranker of the ``model`` has its say at full
        dimension, the one that is served."""
        found = {}
        for dimension in dimensions:
            run: dict[str, dict[str, float]] = {}
            for part in self._parts():
                scores = part.ranked(dimension)
                if model is not None and model.reranker is not None and dimension == self.space.dimension:
                    questions = list(part.queries.values())
                    scores = reranked(model.reranker, questions, scores, part.text, model.progress)
                run |= rank(scores, list(part.queries), items)
            found[dimension] = score(qrels, run)
        return found

    def _parts(self) -> Iterator[EmbeddedQuestions]:
        """So many questions at a time that their scores fit into memory."""
        queries, many = list(self.queries.items()), at_a_time(len(self.texts))
        for start in range(0, len(queries), many):
            yield replace(
                self,
                queries=dict(queries[start : start + many]),
                query_vectors=self.query_vectors[start : start + many],
                headings=[row - start for row in self.headings if start <= row < start + many],
            )


def evaluate_set(
    model: SearchModel, test_set: TestSet, chunks: Sequence[Chunk], dimensions: Sequence[int]
) -> dict[int, Scores]:
    """Scores per dimension on a test set: over its own corpus, or by file over ``chunks``, which the model's
    vectors are of."""
    items, texts, space = [chunk.path for chunk in chunks], [chunk.text for chunk in chunks], model.space
    if test_set.corpus is not None:
        items, texts = list(test_set.corpus), list(test_set.corpus.values())
        space = SearchSpace.plain(model.embedder.documents(texts, progress=model.progress))
    asked = model.embedder.queries(list(test_set.queries.values()), progress=model.progress)
    embedded = EmbeddedQuestions(test_set.queries, asked, texts, space)
    return embedded.scores(items, test_set.qrels, dimensions, model)


def measure(
    model: SearchModel,
    questions: Sequence[HoldoutQuestion],
    chunks: Sequence[Chunk],
    dimensions: Sequence[int],
    embedded: EmbeddedQuestions | None = None,
) -> dict[int, Scores]:
    """Scores per dimension of finding the right ones among ``chunks``, which the model's vectors are of; 0
    without any question. ``embedded``: the same questions as a model with the same embedder saw them."""
    if not questions:
        return dict.fromkeys(dimensions, Scores(metrics=dict.fromkeys(METRICS, 0.0), questions={}))
    if embedded is None:
        embedded = embed_questions(model, questions, chunks)
    qrels = {question.id: dict.fromkeys(question.right, 1) for question in questions}
    items = [chunk.id for chunk in chunks]
    return replace(embedded, space=model.space).scores(items, qrels, dimensions, model)


def embed_questions(
    model: SearchModel, questions: Sequence[HoldoutQuestion], chunks: Sequence[Chunk]
) -> EmbeddedQuestions:
    """Embed what ``measure`` compares.

    A chunk opens with its heading, so a heading finds it whatever the model is worth. For heading questions
    the right chunks are therefore ranked by their bodies alone: those of *all* heading questions, against the
    rest as they are served. Were only its own bare, a model that puts whatever lacks a heading first would
    look good. They have pieces only where the rest has some: a piece raises the score of a chunk.
    """
    column = {chunk.id: index for index, chunk in enumerate(chunks)}
    headings = [index for index, question in enumerate(questions) if question.is_heading]
    right = sorted({column[key] for index in headings for key in questions[index].right})
    bare = {index: bare_text(chunks[index]) for index in right}
    if len(model.space.pieces):
        without = [
            chunks[index].model_copy(update={"text": text, "section": ()}) for index, text in bare.items()
        ]
        bare_space = embed_chunks(model.embedder, without, progress=model.progress)
    else:
        bare_space = SearchSpace.plain(model.embedder.documents(list(bare.values()), model.progress))
    return EmbeddedQuestions(
        queries={question.id: question.text for question in questions},
        query_vectors=model.embedder.queries([question.text for question in questions]),
        texts=[chunk.text for chunk in chunks],
        space=model.space,
        headings=headings,
        bare=bare,
        bare_space=bare_space,
    )


def evaluate_release(
    store: ReleaseStore,
    release_id: str | None,
    test_set: TestSet,
    settings: ServingSettings,
    progress: Progress = SILENT,
) -> dict[str, Any]:
    """Score a release (None: the served one) on a test set, at full dimension and with its reranker: over the
    documents that it indexes, by file, or over the set's own corpus. What people asked and wrote, which its
    index has beside the documents, is not counted.

    Returns ``{"release": id, "queries": n, "metrics": {"ndcg@10", "mrr@10", "recall@10"}, "more":
    {"recall@1", …}}``. Raises SettingsError for a set of other documents, StateError without a release,
    ReleaseError for a damaged one.
    """
    with progress.task("Loading the release"):
        retriever = load_release(store, release_id, settings)
    chunks = retriever.index.documents()
    check_paths(test_set, {chunk.path for chunk in chunks}, f"release {retriever.release.id}", progress)
    space = retriever.index.space().taking(range(len(chunks)))
    model = SearchModel(retriever.embedder, space, retriever.reranker, progress)
    size = retriever.embedder.dimension
    found = evaluate_set(model, test_set, chunks, [size])[size]
    rounded = {name: round(value, 6) for name, value in found.metrics.items()}
    return {
        "release": retriever.release.id,
        "queries": len(test_set.queries),
        "metrics": {name: rounded[name] for name in REPORTED},
        "more": {name: value for name, value in rounded.items() if name not in REPORTED},
    }
