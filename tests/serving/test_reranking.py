"""A release with a reranker: published whole, served with its model, refused when it is damaged."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from curation import Corpus, Home, ReleaseError, SettingsError
from serving.bot.live import LiveRelease
from serving.releases.build import ReleaseParts, build_release
from serving.releases.record import (
    INDEX_FOLDER,
    MODEL_FOLDER,
    RERANKER_FOLDER,
    Release,
    ReleaseDraft,
    ReleaseOrigin,
)
from serving.releases.reindex import reindex
from serving.releases.retriever import Retriever, load_release, open_reranker
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.reranker import Reranker, RerankerChoice, RerankerInfo, mix_scores
from serving.retrieval.space import SearchSpace
from serving.settings import EmbeddingSettings, RetrievalSettings, ServingSettings
from tests.cross_encoders import MODEL, small_transformer, untrained_reranker
from tests.serving.pages import make_chunks

QUESTION = "How can several tasks run at once?"
CPU = EmbeddingSettings(device="cpu", threads=1, precision="float32")
INFO = RerankerInfo(name="small", candidates=8, max_tokens=64, weight=1.0)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reranker")
    texts = [QUESTION, *(chunk.text for chunk in make_chunks())]
    return untrained_reranker(folder / "reranker", small_transformer(folder / "base", texts))


SERVING = ServingSettings(embedding=CPU)


@dataclass(frozen=True)
class Made:
    """A home with a release without a reranker and then one with, which is served."""

    home: Home
    plain: Release
    better: Release


@pytest.fixture(scope="module")
def prepared(weights: Path, embedder: Embedder, tmp_path_factory: pytest.TempPathFactory) -> Made:
    home = Home(tmp_path_factory.mktemp("prepared") / "home")
    store = ReleaseStore(home)
    chunks = make_chunks()
    vectors = embedder.documents([chunk.text for chunk in chunks])

    def publish(reranker: RerankerChoice | None) -> Release:
        folder = store.staging("test")
        parts = ReleaseParts(embedder, chunks, SearchSpace.plain(vectors), reranker=reranker)
        draft = build_release(folder, parts, ReleaseOrigin(base_model=MODEL), SERVING)
        return store.promote(store.publish(folder, draft).id)

    (weights / "pytorch_model.bin").write_bytes(b"pickled, and of no use beside the safetensors")
    return Made(home, publish(None), publish(RerankerChoice(weights, INFO)))


@pytest.fixture
def made(prepared: Made, tmp_path: Path) -> Made:
    """A copy, to do anything with."""
    shutil.copytree(prepared.home.root, tmp_path / "home")
    return Made(Home(tmp_path / "home"), prepared.plain, prepared.better)


def test_it_is_published_with_its_hashes_and_orders_the_nearest_chunks(prepared: Made) -> None:
    store, release = ReleaseStore(prepared.home), prepared.better
    assert store.get(release.id).reranker == INFO
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        assert f"{RERANKER_FOLDER}/{name}" in release.files
    assert not [name for name in release.files if name.endswith(".bin")]
    assert "cross-encoder" in (store.folder(release.id) / "README.md").read_text()

    retriever = load_release(store, None, SERVING)
    without = SERVING.model_copy(update={"retrieval": RetrievalSettings(rerank=False)})
    plain = load_release(store, None, without)
    assert retriever.reranker is not None and plain.reranker is None
    near = plain.search(QUESTION, 12)
    found = retriever.search(QUESTION, 12)
    scores = retriever.reranker.scores([(QUESTION, hit.chunk.text) for hit in near[: INFO.candidates]])
    assert [hit.chunk for hit in found[: INFO.candidates]] == [
        near[place].chunk for place in np.argsort(-scores)
    ]
    assert [hit.chunk for hit in found] != [hit.chunk for hit in near]
    assert [hit.chunk for hit in found[INFO.candidates :]] == [hit.chunk for hit in near[INFO.candidates :]]
    assert {hit.chunk.id: hit.score for hit in found} == {hit.chunk.id: hit.score for hit in near}
    # Fewer hits than candidates: they are the first of the same order.
    assert retriever.search(QUESTION, 2) == found[:2]
    assert len(retriever.search(QUESTION)) == SERVING.retrieval.top_k
    assert retriever.search("  ") == []

    # Whether the bot answers is as calibrated, whatever comes first.
    for question in (QUESTION, "Is Windows supported?", "How do I roast a duck?", "Who composed the Ring?"):
        answered = plain.should_answer(question, plain.search(question, 1))
        assert retriever.should_answer(question, retriever.search(question, 1)) == answered, question

    unheard = INFO.model_copy(update={"weight": 0.0})
    reranker = Reranker(retriever.reranker.model, unheard, CPU)
    same = Retriever(release, plain.embedder, plain.index, SERVING, reranker).search(QUESTION, 12)
    assert [hit.chunk for hit in same] == [hit.chunk for hit in near]


def test_the_running_bot_takes_it_with_its_release_and_lets_it_go_again(made: Made) -> None:
    store = ReleaseStore(made.home)
    store.promote(made.plain.id)
    live = LiveRelease(store, lambda release_id: load_release(store, release_id, SERVING))
    old = live.retriever
    assert old.reranker is None
    found = old.search(QUESTION)
    store.promote(made.better.id)
    assert live.check() and live.release_id == made.better.id
    new = live.retriever
    assert new.reranker is not None and new.search(QUESTION) != found
    assert old.search(QUESTION) == found  # a request under way keeps what it has
    store.promote(made.plain.id)
    assert live.check()
    assert live.retriever.reranker is None


def test_changed_documents_keep_it(made: Made) -> None:
    fewer = Corpus(documents=[], chunks=make_chunks()[:-1])
    kept = reindex(made.home, fewer, SERVING)
    assert kept is not None and kept.reranker == INFO
    files = {name: kept.files[name] for name in kept.files if name.startswith(RERANKER_FOLDER)}
    assert files == {name: made.better.files[name] for name in files} and files
    assert load_release(ReleaseStore(made.home), None, SERVING).reranker is not None


def test_a_damaged_reranker_is_named(made: Made) -> None:
    store = ReleaseStore(made.home)
    folder = store.folder(made.better.id) / RERANKER_FOLDER
    (folder / "model.safetensors").write_bytes(b"damaged")
    with pytest.raises(ReleaseError, match=r"reranker/model\.safetensors is corrupt"):
        load_release(store, None, SERVING)
    with pytest.raises(ReleaseError, match=r"The reranker in .* can't be loaded"):
        open_reranker(folder.parent, made.better, SERVING)
    shutil.rmtree(folder)
    with pytest.raises(ReleaseError, match=r"reranker/config\.json is missing"):
        store.verify(made.better.id)
    store.promote(made.plain.id)
    stray = store.folder(made.plain.id) / RERANKER_FOLDER / "model.safetensors"
    stray.parent.mkdir()
    stray.write_bytes(b"left here by somebody")
    with pytest.raises(ReleaseError, match=r"reranker/model\.safetensors does not belong to it"):
        store.verify(made.plain.id)


def test_a_draft_that_names_one_must_bring_it(made: Made) -> None:
    store = ReleaseStore(made.home)
    folder = store.staging("test")
    for part in (MODEL_FOLDER, INDEX_FOLDER):
        shutil.copytree(store.folder(made.better.id) / part, folder / part)
    draft = ReleaseDraft.model_validate(made.better.model_dump())
    with pytest.raises(ReleaseError, match="lacks reranker"):
        store.publish(folder, draft)


def test_what_no_reranker_can_be_made_of_is_a_clear_error(tmp_path: Path) -> None:
    from sentence_transformers import CrossEncoder

    with pytest.raises(SettingsError, match="There is no folder"):
        Reranker.open(str(tmp_path / "nowhere"), INFO, CPU)
    (tmp_path / "empty").mkdir()
    with pytest.raises(SettingsError, match="can't be loaded as a reranker"):
        Reranker.open(tmp_path / "empty", INFO, CPU)
    pickled = tmp_path / "pickled"
    pickled.mkdir()
    (pickled / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(SettingsError, match="pickled weights"):
        Reranker.open(pickled, INFO, CPU)
    base = small_transformer(tmp_path / "base", [QUESTION])
    with pytest.raises(SettingsError, match="has no head that gives scores"):
        Reranker.open(base, INFO, CPU)
    two = tmp_path / "two"
    CrossEncoder(str(base), num_labels=2, device="cpu", local_files_only=True).save_pretrained(str(two))
    with pytest.raises(SettingsError, match="not one"):
        Reranker.open(two, INFO, CPU)


def test_scores_that_are_not_numbers_are_an_error(weights: Path) -> None:
    import torch

    reranker = Reranker.open(weights, INFO, CPU)
    assert reranker.scores([]).shape == (0,)
    assert np.isfinite(reranker.scores([("half a pair \ud800", "")])).all()
    with torch.no_grad():
        reranker.model.model.classifier.weight.fill_(float("nan"))
    with pytest.raises(ReleaseError, match="NaN"):
        reranker.scores([("a", "b")])


_NUMBERS = st.floats(-50, 50, width=32).map(lambda value: round(value, 2))


@given(arrays(np.float32, (2, 6), elements=_NUMBERS), st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_fusing_hangs_on_neither_scale_nor_offset(values: np.ndarray, weight: float) -> None:
    cosines, scores = values
    mixed = mix_scores(cosines, scores, weight)
    assert np.isfinite(mixed).all()
    np.testing.assert_allclose(mix_scores(cosines, 3 * scores + 7, weight), mixed, atol=1e-2)
    np.testing.assert_allclose(mix_scores(np.stack([cosines] * 2), np.stack([scores] * 2), weight)[1], mixed)
    for alone, own in ((0.0, cosines), (1.0, scores)):
        order = np.argsort(-mix_scores(cosines, scores, alone), kind="stable")
        assert (np.diff(own[order]) <= 1e-4).all()
