"""A release, loaded: questions in, chunks out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path

from curation import LanguageModel, ReleaseError, SettingsError
from serving.releases.answering import AnsweringModels
from serving.releases.answers import CuratedAnswer, read_answers
from serving.releases.checks import check_release
from serving.releases.files import FileState
from serving.releases.record import INDEX_FOLDER, MODEL_FOLDER, RERANKER_FOLDER, Release
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, Hit
from serving.retrieval.known_words import is_gibberish, known_words
from serving.retrieval.named import CANDIDATES, by_names, names_in
from serving.retrieval.quick_model import QuickModel
from serving.retrieval.release_notes import (
    LOOKED_AT,
    asks_about_releases,
    has_release_notes,
    release_notes_later,
)
from serving.retrieval.reranker import Reranker
from serving.retrieval.vectors import Vectors
from serving.settings import ServingSettings

# From this cosine on two questions about one page may be one need: docs/measurements/2026-11-corrections.md.
_ALIKE = 0.2


class Retriever:
    """Searches one release. Safe to use from several threads. Make one with ``Retriever.open``.

    ``answering`` is the release's own language model, where the loader starts those.
    """

    def __init__(
        self,
        release: Release,
        embedder: Embedder,
        index: ChunkIndex,
        settings: ServingSettings,
        reranker: Reranker | None = None,
        answers: Iterable[CuratedAnswer] = (),
    ) -> None:
        if embedder.dimension != index.dimension:
            raise ReleaseError(
                f"Release {release.id} has a model of {embedder.dimension} dimensions and an index of "
                f"{index.dimension}.",
                "Promote another release (`clayloop releases`).",
            )
        self.release = release
        self.settings = settings
        self.embedder = embedder
        self.index = index
        self.reranker = reranker
        self.answers = {one.chunk_id: one for one in answers}
        self._from_page: dict[str, list[CuratedAnswer]] = defaultdict(list)
        for one in self.answers.values():
            for path in {source.path for source in one.sources}:
                self._from_page[path].append(one)
        threshold = settings.retrieval.min_score
        self.answering: LanguageModel | None = None
        self.min_score = release.retrieval.min_score if threshold is None else threshold
        self.top_k = settings.retrieval.top_k

    @classmethod
    def open(
        cls,
        folder: Path,
        release: Release,
        settings: ServingSettings,
        before: Retriever | None = None,
        quick: bool = False,
    ) -> Retriever:
        """Load the release in ``folder`` without checking its files: ``load_release`` does that.

        The model of ``before`` is taken where it has the same, or its layers where they are. ``quick``: only
        single questions are asked, so that torch need not be loaded. Raises ReleaseError, or SettingsError
        for a device that is not there.
        """
        if before is not None and _model_files(before.release) == _model_files(release):
            embedder = before.embedder
        else:
            model, info = folder / MODEL_FOLDER, release.embedding
            like = _with_same_layers(before, release) if quick else None
            embedder = (
                Embedder.quick(model, settings.embedding, info.name, info.max_tokens, like)
                if quick
                else Embedder(model, settings.embedding, info.name)
            )
        reranker = open_reranker(folder, release, settings)
        index = ChunkIndex.open(folder / INDEX_FOLDER)
        return cls(release, embedder, index, settings, reranker, read_answers(folder))

    def search(self, question: str, k: int | None = None, only_documents: bool = False) -> list[Hit]:
        """The ``k`` chunks of the highest score for ``question``, best first (None: the setting top_k).
        With ``only_documents`` curated answers are passed over; else one stands first where the best passage
        is of the page that it comes from, and its question is like this one.

        A reranker, if the release has one, orders the nearest of them. Release notes lose, unless the
        question asks about releases, and chunks that have the names in it (``names_in``) gain. A blank
        question finds nothing. Of a long question the model reads the first ``max_tokens`` tokens.
        """
        if not question.strip():
            return []
        wanted = self.top_k if k is None else k
        names = names_in(question)
        candidates = max(self.reranker.info.candidates if self.reranker else 0, CANDIDATES if names else 0)
        vector = self.embedder.queries([question])[0]
        hits = self.index.search(vector, max(wanted, candidates), only_documents)
        if has_release_notes(hits) and not asks_about_releases(question):
            if len(hits) < LOOKED_AT:
                hits = self.index.search(vector, LOOKED_AT, only_documents)
            hits = release_notes_later(hits)
        if self.reranker is not None and hits:
            hits = _reranked(self.reranker, question, hits)
        if names:
            hits = by_names(question, names, hits)
        if hits and not only_documents:
            hits = self._answered(vector, hits)
        return hits[:wanted]

    def _answered(self, vector: Vectors, hits: list[Hit]) -> list[Hit]:
        """``hits``, before them the answer from the first one's page whose question is most like the one with
        this ``vector`` (d,), if any is like enough."""
        first = hits[0]
        near = () if first.chunk.id in self.answers else self._from_page.get(first.chunk.path, ())
        if not near:
            return hits
        alike = self.embedder.queries([one.question for one in near]) @ vector
        if alike.max() < _ALIKE:
            return hits
        answer = near[int(alike.argmax())]
        score = next((hit.score for hit in hits if hit.chunk.id == answer.chunk_id), float(alike.max()))
        led = Hit(chunk=answer.passage(None), score=score, near=first.near, by_source=True)
        return [led, *(hit for hit in hits if hit.chunk.id != answer.chunk_id)]

    def should_answer(self, question: str, hits: Sequence[Hit]) -> bool:
        """Whether the index comes near enough to the ``question``, and a word of that is known."""
        return self.is_near(hits) and not self.is_gibberish(question, hits)

    def near(self, hits: Sequence[Hit]) -> float:
        """How near the index, where these were found, comes to the question; -1 where nothing was found."""
        return hits[0].near if hits else -1.0

    def is_near(self, hits: Sequence[Hit]) -> bool:
        """Whether that is near enough to answer it."""
        return bool(hits) and self.near(hits) >= self.min_score

    def is_gibberish(self, question: str, hits: Sequence[Hit]) -> bool:
        """Whether nothing is meant by it that the documents, the model or an accepted question, which found
        the first of ``hits``, could know."""
        if hits and hits[0].asked is not None:
            return False
        return is_gibberish(self.index, self.embedder.counter, question)

    @property
    def uses_torch(self) -> bool:
        """Whether it holds models that refer to themselves, so that only `gc` frees them."""
        return self.reranker is not None or not self.embedder.is_quick


class ReleaseLoader:
    """Loads one release after the other, for single questions. A model that stays the same is loaded once:
    most releases differ in their index alone. Their own language models are started by ``answering``."""

    def __init__(
        self, store: ReleaseStore, settings: ServingSettings, answering: AnsweringModels | None = None
    ) -> None:
        self._store, self._settings, self._answering = store, settings, answering
        self._last: Retriever | None = None
        self._hashed: dict[FileState, str] = {}

    def __call__(self, release_id: str) -> Retriever:
        """As ``load_release``, and checked (``check_release``). The documents' words are counted, too: no
        question waits for that, however large the index is."""
        loaded = load_release(self._store, release_id, self._settings, self._last, True, self._hashed)
        check_release(loaded.release, loaded.embedder, loaded.index, loaded.search)
        known_words(loaded.index, loaded.embedder.counter)
        if self._answering is not None:
            loaded.answering = self._answering.of(self._store.folder(release_id), loaded.release)
        self._last = loaded
        return loaded


def _model_files(release: Release) -> dict[str, str]:
    return {path: digest for path, digest in release.files.items() if path.startswith(f"{MODEL_FOLDER}/")}


def _with_same_layers(before: Retriever | None, release: Release) -> QuickModel | None:
    """The model of ``before``, if it differs in what comes after its pooling alone: releases of one base
    model that are whitened by different chunks."""
    model = before.embedder.model if before else None
    if before is None or not isinstance(model, QuickModel):
        return None
    here, there = _layers(before.release), _layers(release)
    return model if here == there else None


def _layers(release: Release) -> dict[str, str]:
    """The files that say what a text's tokens become up to the pooling, with their digests."""
    names = [f"{MODEL_FOLDER}/{name}" for name in ("model.safetensors", "config.json", "tokenizer.json")]
    found = _model_files(release).items()
    return {path: digest for path, digest in found if path in names or "WordWeights/" in path}


def load_release(
    store: ReleaseStore,
    release_id: str | None,
    settings: ServingSettings,
    before: Retriever | None = None,
    quick: bool = False,
    hashed: dict[FileState, str] | None = None,
) -> Retriever:
    """Verify every file of a release (None: the current one) and load it, as ``Retriever.open`` does. What
    was ``hashed`` and has not changed since is not read again.

    ``quick``: one thread, unless it was set. A question is too short for two, and on a busy machine they wait
    for each other, spinning: a search by numpy took 0.02 CPU seconds with one thread and 0.4 with two.

    Raises StateError when there is no release yet, ReleaseError when it is missing, incomplete or corrupt.
    """
    chosen = release_id if release_id is not None else store.current().id
    release = store.verify(chosen, hashed)
    if quick:
        embedding = settings.embedding.model_copy(update={"threads": settings.embedding.threads or 1})
        settings = settings.model_copy(update={"embedding": embedding})
    return Retriever.open(store.folder(chosen), release, settings, before, quick)


def open_reranker(folder: Path, release: Release, settings: ServingSettings) -> Reranker | None:
    """The reranker of the release in ``folder``. None where it has none or serving.retrieval.rerank is off.

    Raises ReleaseError when it is missing or damaged.
    """
    if release.reranker is None or not settings.retrieval.rerank:
        return None
    try:
        return Reranker.open(folder / RERANKER_FOLDER, release.reranker, settings.embedding)
    except SettingsError as error:
        raise ReleaseError(
            f"The reranker in {folder / RERANKER_FOLDER} can't be loaded: {error.message}",
            "Promote another release (`clayloop releases`), or set serving.retrieval.rerank = false.",
        ) from error


def _reranked(reranker: Reranker, question: str, hits: Sequence[Hit]) -> list[Hit]:
    """``hits`` with the reranker's candidates in its order; what comes after them stays there."""
    near, rest = hits[: reranker.info.candidates], hits[reranker.info.candidates :]
    order = reranker.order(question, [hit.chunk.text for hit in near], [hit.score for hit in near])
    return [*(near[place] for place in order), *rest]
