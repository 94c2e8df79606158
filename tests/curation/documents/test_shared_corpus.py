"""A corpus that several machines share on an object store: each has the old one or the new one, and none is
lost."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from curation.documents.corpus import Corpus
from curation.documents.ingest import drop_source, ingest
from curation.documents.shared import pull_corpus, save_shared, share_corpus
from curation.errors import BusyError, StateError
from curation.home import Home
from curation.settings import ChunkSettings, SynthesisSettings
from curation.synthesis.synthesize import synthesize
from curation.synthesis.triplets import load_triplets, save_triplets
from tests.curation.counting import CharacterCounter
from tests.object_store import Fault, ObjectStore

PULL = """
import sys
from pathlib import Path
from curation import Home, pull_corpus
pull_corpus(Home(Path(sys.argv[1])))
"""
WORDS = "Some words that say what it is good for, and when it is of no use."


class Docs:
    """Folders with a page, each a source."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def page(self, name: str, text: str = WORDS) -> str:
        folder = self._root / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.md").write_text(f"# About {name}\n\n{text}\n")
        return str(folder)


@pytest.fixture
def docs(tmp_path: Path) -> Docs:
    return Docs(tmp_path / "docs")


@pytest.fixture
def machines(cloud: ObjectStore, docs: Docs, tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    """Two that share a page, "old"."""
    first, second = Home(tmp_path / "first"), Home(tmp_path / "second")
    read(first, docs.page("old"))
    for home in (first, second):
        share_corpus(home, cloud.url)
    assert pull_corpus(second)
    yield first, second
    cloud.fails("")
    for home in (first, second):
        assert not (home.corpus / ".shared").exists()


def read(home: Home, folder: str, counter: CharacterCounter | None = None) -> None:
    ingest([folder], home, ChunkSettings(), counter or CharacterCounter())


def pages(home: Home) -> list[str]:
    corpus = Corpus.load(home)
    assert [one.path for one in corpus.chunks] == [one.path for one in corpus.documents]
    return [one.path.removesuffix(".md") for one in corpus.documents]


def test_what_one_machine_reads_all_have(machines: tuple[Home, Home], docs: Docs) -> None:
    first, second = machines
    assert pages(second) == ["old"] and not pull_corpus(second) and not pull_corpus(first)
    read(second, docs.page("new"))
    read(first, docs.page("old", f"{WORDS} Other words."))  # it has what the second has read before it begins
    assert pages(first) == ["new", "old"]
    synthesize(first, Corpus.load(first), SynthesisSettings(), None)
    assert pull_corpus(second)
    assert Corpus.load(second).holds_the_same(Corpus.load(first))
    assert Corpus.load(second).former == Corpus.load(first).former != {}
    assert load_triplets(second) == load_triplets(first) != []
    drop_source(docs.page("old"), second)
    assert pull_corpus(first) and pages(first) == ["new"]
    assert load_triplets(first) == load_triplets(second) != []


def test_nothing_new_is_saved_nowhere(machines: tuple[Home, Home], docs: Docs) -> None:
    first, second = machines
    read(first, docs.page("old"))
    assert not pull_corpus(second)


def test_who_has_other_documents_keeps_them_until_they_are_moved_away(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs, tmp_path: Path
) -> None:
    third, same = Home(tmp_path / "third"), Home(tmp_path / "same")
    read(third, docs.page("mine"))
    with pytest.raises(StateError, match=r"documents shared at .* are others than those here") as refused:
        share_corpus(third, cloud.url)
    assert "share again" in refused.value.hint
    read(third, docs.page("more"))  # it shares nothing
    assert pages(third) == ["mine", "more"] and not pull_corpus(machines[0])
    third.corpus.rename(tmp_path / "away")
    share_corpus(third, cloud.url)
    read(third, docs.page("mine"))
    assert pages(third) == ["mine", "old"]

    read(same, docs.page("old"))
    read(same, docs.page("mine"))
    share_corpus(same, cloud.url)
    assert not pull_corpus(same)
    share_corpus(same, None)
    read(same, docs.page("more"))
    assert pull_corpus(machines[0]) and pages(machines[0]) == ["mine", "old"]


def test_nothing_is_lost_where_the_same_documents_come_together(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs, tmp_path: Path
) -> None:
    other, former, more = (Home(tmp_path / name) for name in ("other", "former", "more"))
    read(former, docs.page("old", f"{WORDS} Other words."))
    for home in (other, former, more):
        read(home, docs.page("old"))
    synthesize(more, Corpus.load(more), SynthesisSettings(), None)
    made = load_triplets(more)
    share_corpus(more, cloud.url)  # where no triplets are, these go there
    assert pull_corpus(machines[0]) and load_triplets(machines[0]) == made != []

    save_triplets(other, [made[0].model_copy(update={"id": "another"})])
    for home, what in ((other, "triplets"), (former, "former chunks")):
        with pytest.raises(StateError, match=rf"The {what} shared at .* are others"):
            share_corpus(home, cloud.url)
    assert [one.id for one in load_triplets(other)] == ["another"] and Corpus.load(former).former
    save_triplets(other, [])
    share_corpus(other, cloud.url)
    assert load_triplets(other) == made


def test_who_shares_again_fills_a_store_that_was_emptied(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs
) -> None:
    first, second = machines
    synthesize(first, Corpus.load(first), SynthesisSettings(), None)
    cloud.empty()
    for attempt in (lambda: read(first, docs.page("new")), lambda: pull_corpus(second)):
        with pytest.raises(StateError, match="is gone") as told:
            attempt()
        assert "releases share URL" in told.value.hint
    share_corpus(first, cloud.url)
    read(first, docs.page("new"))
    assert pull_corpus(second) and pages(second) == ["new", "old"]
    assert load_triplets(second) == load_triplets(first) != []


def test_documents_that_are_gone_here_come_again(machines: tuple[Home, Home]) -> None:
    first, _ = machines
    shutil.rmtree(first.corpus)
    assert pull_corpus(first) and pages(first) == ["old"]


class Meeting(CharacterCounter):
    """Both ingests are in the middle before one goes on."""

    def __init__(self, barrier: threading.Barrier) -> None:
        self._barrier: threading.Barrier | None = barrier

    def count(self, text: str) -> int:
        if self._barrier is not None:
            barrier, self._barrier = self._barrier, None
            barrier.wait(timeout=30)
        return super().count(text)


def test_of_two_that_save_at_once_one_does_and_the_other_loses_nothing(
    machines: tuple[Home, Home], docs: Docs
) -> None:
    barrier = threading.Barrier(2)
    work = [(home, docs.page(name)) for home, name in zip(machines, ("a", "b"), strict=True)]

    def attempt(home: Home, folder: str) -> bool:
        try:
            read(home, folder, Meeting(barrier))
        except BusyError as error:
            assert "Run it again" in error.hint
            return False
        return True

    with ThreadPoolExecutor(2) as pool:
        won = list(pool.map(attempt, *zip(*work, strict=True)))
    assert sorted(won) == [False, True]
    loser, folder = work[won.index(False)]
    assert pages(loser) == ["old"]
    read(loser, folder)
    assert pages(loser) == ["a", "b", "old"]
    winner = machines[won.index(True)]
    assert pull_corpus(winner) and pages(winner) == ["a", "b", "old"]


@pytest.mark.parametrize(
    ("fault", "after"),  # requests that go well: an ingest takes six, a pull four
    [("503", 0), ("503", 3), ("503", 5), ("cut", 2), ("silent", 4), ("lost", 3), ("lost", 5)],
)
def test_a_store_that_fails_leaves_the_old_corpus_or_the_new_one(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs, fault: Fault, after: int
) -> None:
    first, second = machines
    cloud.fails(fault, after=after)
    with pytest.raises(StateError, match="does not answer"):
        read(first, docs.page("new"))
    assert pages(first) == ["old"]
    cloud.fails("")
    pull_corpus(second)
    assert pages(second) in (["old"], ["new", "old"])
    read(first, docs.page("new"))
    assert pages(first) == ["new", "old"]
    pull_corpus(second)
    assert Corpus.load(second).holds_the_same(Corpus.load(first))

    read(first, docs.page("newest"))
    cloud.fails(fault, after=after // 2)
    with pytest.raises(StateError, match="does not answer"):
        pull_corpus(second)
    assert pages(second) == ["new", "old"]
    cloud.fails("")
    assert pull_corpus(second) and pages(second) == ["new", "newest", "old"]


@pytest.mark.parametrize("after", [2, 3])
def test_a_pull_that_is_killed_leaves_the_old_corpus(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs, after: int
) -> None:
    first, second = machines
    read(first, docs.page("new"))
    cloud.fails("silent", after=after)
    pulling = subprocess.Popen([sys.executable, "-c", PULL, str(second.root)])
    deadline = time.monotonic() + 60
    while cloud.requests <= after and pulling.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    pulling.kill()
    assert pulling.wait() == -signal.SIGKILL
    assert (second.corpus / ".shared" / "corpus").is_dir() and pages(second) == ["old"]
    cloud.fails("")
    assert pull_corpus(second) and pages(second) == ["new", "old"]


@pytest.mark.parametrize("saved", [False, True])
def test_who_is_killed_after_the_pointer_has_moved_has_the_new_corpus_next_time(
    machines: tuple[Home, Home], saved: bool
) -> None:
    class KilledError(BaseException):
        pass

    first, second = machines
    corpus = Corpus.load(first)
    corpus.recipes["folder:/new"] = "made"

    def killed(place: Home) -> None:
        if place.root != first.root or saved:
            corpus.save(place)
        if place.root == first.root:
            raise KilledError

    with pytest.raises(KilledError):
        save_shared(first, killed)
    for home in (first, second):
        assert pull_corpus(home) and Corpus.load(home).holds_the_same(corpus)


def test_what_was_tampered_with_never_arrives(
    cloud: ObjectStore, machines: tuple[Home, Home], docs: Docs
) -> None:
    from obstore.store import from_url

    first, second = machines
    read(first, docs.page("new"))
    there = from_url(cloud.url, client_options={"allow_http": True})
    pointer = bytes(there.get("corpus/current").bytes()).decode()
    names = [one["path"] for batch in there.list("corpus/") for one in batch]
    for name in names:
        if name.endswith("/chunks.parquet"):
            there.put(name, b"other chunks")
    with pytest.raises(StateError, match=r"chunks\.parquet at .* is not what"):
        pull_corpus(second)
    there.put("corpus/current", pointer.replace('"chunks.parquet"', '"../../chunks.parquet"').encode())
    with pytest.raises(StateError, match="no corpus"):
        pull_corpus(second)
    assert pages(second) == ["old"]
