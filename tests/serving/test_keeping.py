"""Going back, keeping, checking and removing releases."""

from __future__ import annotations

import shutil
from collections.abc import Callable

import numpy as np
import pytest

from curation import BusyError, Home, ReleaseError, StateError, write_json
from serving.bot.live import LiveRelease
from serving.releases.garbage import collect_garbage, find_garbage
from serving.releases.record import (
    INDEX_FOLDER,
    MODEL_FOLDER,
    RELEASE_FILE,
    NotPromotedError,
    Release,
    ReleaseDraft,
)
from serving.releases.retriever import ReleaseLoader
from serving.releases.store import ReleaseStore
from serving.retrieval.index import ChunkIndex, build_index
from serving.retrieval.space import SearchSpace
from serving.settings import ServingSettings

QUESTIONS = ("How do I install it?", "timeout in seconds", "nothing like it", "MARKER", "?")


@pytest.fixture
def store(home: Home) -> ReleaseStore:
    return ReleaseStore(home)


def copied(store: ReleaseStore, release: Release, promote: bool = True) -> str:
    """Another release with the same files."""
    folder = store.staging("copy", empty=True)
    shutil.copytree(store.folder(release.id), folder, dirs_exist_ok=True)
    made = store.publish(folder, ReleaseDraft.model_validate(release.model_dump()))
    if promote:
        store.promote(made.id)
    return made.id


def test_after_a_rollback_everything_is_found_as_before_bit_for_bit(
    store: ReleaseStore, make_release: Callable[..., Release], settings: ServingSettings
) -> None:
    first = make_release("MARKER-ONE")
    load = ReleaseLoader(store, settings)

    def found() -> list[list[tuple[str, float]]]:
        retriever = load(store.current().id)
        return [
            [(hit.chunk.id, hit.score) for hit in retriever.search(question, 10)] for question in QUESTIONS
        ]

    before = found()
    make_release("MARKER-TWO")
    assert found() != before
    store.promote(store.previous_id())
    assert store.current_id() == first.id
    assert found() == before
    fresh = ReleaseLoader(store, settings)(first.id)
    assert [(hit.chunk.id, hit.score) for hit in fresh.search(QUESTIONS[0], 10)] == before[0]


def test_each_rollback_goes_one_further_and_what_is_gone_is_passed_over(
    store: ReleaseStore, make_release: Callable[..., Release]
) -> None:
    first = make_release()
    second, third, fourth = (copied(store, first) for _ in range(3))
    steps = []
    for _ in range(2):
        store.promote(store.previous_id())
        steps.append(store.current_id())
    assert steps == [third, second]
    store.promote(fourth)  # forward again
    store.remove(second)
    assert store.previous_id() == first.id, "the third was taken back"
    store.promote(first.id)
    with pytest.raises(StateError, match="No release that was served before"):
        store.previous_id()


def test_what_is_pinned_stays_served_and_stays(
    store: ReleaseStore, make_release: Callable[..., Release]
) -> None:
    first = make_release()
    other = copied(store, first, promote=False)
    assert store.marks.pin(first.id, on=True) and not store.marks.pin(first.id, on=True)
    with pytest.raises(NotPromotedError, match=f"{first.id} is pinned") as told:
        store.promote(other, expected=first.id, by="some-run")
    assert told.value.pinned and store.current_id() == first.id
    with pytest.raises(BusyError):
        store.remove(first.id)
    store.promote(other)  # a person's word
    assert store.current_id() == other
    for _ in range(3):
        copied(store, first)
    assert first.id not in find_garbage(store, keep=1).releases
    store.marks.pin(first.id, on=False)
    assert first.id in find_garbage(store, keep=1).releases


def test_garbage_is_what_nobody_can_get_back_to_by_one_step(
    store: ReleaseStore, make_release: Callable[..., Release]
) -> None:
    first = make_release()
    second, third, fourth = (copied(store, first) for _ in range(3))
    planned = find_garbage(store, keep=1)
    assert planned.releases == [first.id, second] and planned.freed > 1_000_000
    assert store.ids() == [first.id, second, third, fourth], "nothing is gone yet"
    assert collect_garbage(store, keep=1) == planned
    assert store.ids() == [third, fourth]
    store.verify(third)
    assert not list(store.root.glob(".gone-*"))


def test_an_index_of_another_model_is_never_served_and_says_why(
    store: ReleaseStore, make_release: Callable[..., Release], settings: ServingSettings
) -> None:
    first = make_release()
    live = LiveRelease(store, ReleaseLoader(store, settings))
    folder = store.staging("mixed", empty=True)
    shutil.copytree(store.folder(first.id), folder, dirs_exist_ok=True)
    index = ChunkIndex.open(folder / INDEX_FOLDER)
    turned = np.ascontiguousarray(index.space().chunks[:, ::-1])
    chunks = index.chunks()
    build_index(folder / INDEX_FOLDER, chunks, SearchSpace.plain(turned))
    mixed = store.publish(folder, ReleaseDraft.model_validate(first.model_dump())).id
    store.promote(mixed)  # every hash is right
    assert not live.check()
    assert live.release_id == first.id and "its model did not make" in str(live.error)
    assert "its model did not make" in store.marks.read().failed[mixed].why
    started = LiveRelease(store, ReleaseLoader(store, settings))
    assert started.release_id == first.id and "its model did not make" in str(started.error)
    store.promote(first.id)
    live.check()
    assert live.error is None


def test_damaged_marks_are_told(store: ReleaseStore, make_release: Callable[..., Release]) -> None:
    make_release()
    store.marks.path.write_text("[half")
    with pytest.raises(StateError, match="then no release is pinned"):
        store.marks.read()
    with pytest.raises(ReleaseError):
        store.remove(f"../{MODEL_FOLDER}/{RELEASE_FILE}")
    write_json(store.marks.path, {"pinned": []})
    assert store.marks.read().pinned == []
