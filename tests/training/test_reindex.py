"""New documents for the served model, killed on the way and raced by somebody who promotes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

from curation import SILENT, Advance, Corpus, Home
from serving import LINEAGE_FILE, Draft, NotPromotedError, ReleaseStore, reindex
from tests.training import rounds
from tests.training.material import judged_chunk, make_chunks, triplet
from training.ledger.explain import explain_record
from training.ledger.lineage import read_lineage, trace, write_lineage, write_note
from training.ledger.lineage_record import LINEAGE_NOTE_FILE, LineageNote

CHUNKS = make_chunks()
FEWER = Corpus(documents=[], chunks=CHUNKS[:-2])


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


@pytest.fixture(scope="module")
def learned(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Two releases: the second one, which is served, says that it learned from one decision."""
    home = rounds.bootstrapped(tmp_path_factory.mktemp("learned") / "home", tiny_model, CHUNKS)
    store = ReleaseStore(home)
    folder = store.staging("learned")
    shutil.copytree(store.folder(store.ids()[0]), folder, dirs_exist_ok=True)
    decisions = [triplet(CHUNKS[0], "How?")]
    write_lineage(folder / LINEAGE_FILE, trace(decisions, [], [], [], [], set(), [], []))
    write_note(folder / LINEAGE_NOTE_FILE, LineageNote(run="a run"))
    draft = Draft.model_validate(store.current().model_dump(exclude={"id", "created_at", "files"}))
    store.promote(store.publish(folder, draft).id)
    return home


@pytest.fixture
def home(learned: Home, tmp_path: Path) -> Home:
    shutil.copytree(learned.root, tmp_path / "home")
    return Home(tmp_path / "home")


def test_what_a_killed_one_left_does_not_get_into_the_next_release(
    home: Home, tiny_model: Path, tmp_path: Path
) -> None:
    # What is on the disk in the middle of the work is what kill -9 would leave there.
    killed = Home(tmp_path / "killed")
    reindex(
        home,
        FEWER,
        rounds.serving(tiny_model),
        (),
        When(lambda: shutil.copytree(home.root, killed.root)),
    )
    store = ReleaseStore(killed)
    untrained, trained = store.ids()
    assert store.current_id() == trained
    assert read_lineage(store.folder(trained) / LINEAGE_FILE)
    assert list(store.root.glob(".staging-reindex/lineage*")), "the lineage had been copied"
    store.promote(untrained)
    release = reindex(killed, FEWER, rounds.serving(tiny_model))
    assert release is not None
    assert release.parent == untrained
    assert not [name for name in release.files if name.startswith(("lineage", "evaluation"))]
    assert read_lineage(store.folder(release.id) / LINEAGE_FILE) == []
    store.verify(release.id)


def test_somebodys_promotion_in_the_meantime_is_not_overwritten(home: Home, tiny_model: Path) -> None:
    store = ReleaseStore(home)
    before, served = store.ids()
    with pytest.raises(NotPromotedError, match=f"somebody promoted {before}") as told:
        reindex(home, FEWER, rounds.serving(tiny_model), (), When(lambda: store.promote(before)))
    assert store.current_id() == before
    kept = store.verify(store.ids()[-1])
    assert kept.parent == served
    assert kept.id in told.value.message
    assert f"clayloop promote {kept.id}" in told.value.hint
    assert not list(store.root.glob(".staging-*"))


def test_it_goes_on_from_the_release_that_its_caller_looked_at(home: Home, tiny_model: Path) -> None:
    store = ReleaseStore(home)
    before, served = store.ids()
    store.promote(before)  # after the caller has read the lineage of what was served
    with pytest.raises(NotPromotedError):
        reindex(home, FEWER, rounds.serving(tiny_model), served_id=served)
    assert store.current_id() == before


def test_the_lineage_says_of_judged_chunks_whether_they_are_in_the_new_index(
    home: Home, tiny_model: Path
) -> None:
    store = ReleaseStore(home)
    folder = store.staging("judged")
    shutil.copytree(store.folder(store.ids()[-1]), folder, dirs_exist_ok=True)
    gone, kept, rejected = CHUNKS[-1], CHUNKS[0], CHUNKS[-2]
    decisions = [
        triplet(kept, "How?"),
        *(judged_chunk(chunk, "accepted") for chunk in (gone, kept)),
        judged_chunk(rejected, "rejected"),
    ]
    before = trace(decisions, [], [], [], [], {chunk.id for chunk in CHUNKS})
    write_lineage(folder / LINEAGE_FILE, before)
    draft = Draft.model_validate(store.current().model_dump(exclude={"id", "created_at", "files"}))
    store.promote(store.publish(folder, draft).id)

    release = reindex(home, FEWER, rounds.serving(tiny_model))
    assert release is not None
    store.verify(release.id)
    (told,) = explain_record(store, release.id, gone.id)
    assert (told.record.role, told.record.reason) == ("unused", "no longer among the documents")
    assert [one.role for one in told.before] == ["indexed"]
    now = read_lineage(store.folder(release.id) / LINEAGE_FILE)
    assert now == trace(decisions, [], [], [], [], {chunk.id for chunk in FEWER.chunks})

    again = reindex(home, Corpus(documents=[], chunks=CHUNKS), rounds.serving(tiny_model), {rejected.id})
    assert again is not None
    assert read_lineage(store.folder(again.id) / LINEAGE_FILE) == before
