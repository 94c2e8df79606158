"""The corpus is saved whole or not at all, whatever happens in between."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

import curation.documents.corpus
from curation.documents.corpus import Corpus
from curation.errors import StateError
from curation.home import Home
from curation.records.chunk import Chunk, FormerChunk
from curation.records.document import Document
from tests.curation.making import chunk_of


def document(name: str, source: str = "folder:/a") -> Document:
    return Document(
        id=Document.make_id(name, name), source=source, path=name, markup="markdown", title=name, text=name
    )


def chunk(name: str, position: int = 0, text: str = "text", source: str = "folder:/a") -> Chunk:
    return chunk_of(name, ("A", "B"), text, source=source, position=position)


def one(name: str) -> Corpus:
    """A corpus of one chunk, and another one that it took the place of."""
    former = FormerChunk(chunk=chunk(name, text="former"), replaced_by=chunk(name).id)
    return Corpus([document(name)], [chunk(name)], {"folder:/a": "r"}, {former.chunk.id: former})


FILES = ["chunks.parquet", "documents.parquet", "former-chunks.parquet"]


def names(home: Home) -> tuple[list[str], list[str], list[str]]:
    corpus = Corpus.load(home)
    former = [item.chunk.path for item in corpus.former.values()]
    return [item.path for item in corpus.documents], [item.path for item in corpus.chunks], former


def test_what_is_saved_is_loaded_in_order(home: Home) -> None:
    chunks = [chunk("b.md", 1, "x"), chunk("b.md", 0, "y"), chunk("a.md")]
    Corpus([document("b.md"), document("a.md")], chunks, {"folder:/a": "r"}).save(home)
    loaded = Corpus.load(home)
    assert [item.path for item in loaded.documents] == ["a.md", "b.md"]
    assert loaded.chunks == [chunks[2], chunks[1], chunks[0]]
    assert loaded.by_id[chunks[0].id] == chunks[0]
    assert loaded.recipes == {"folder:/a": "r"}
    assert sorted(path.name for path in home.corpus.iterdir()) == ["chunks.parquet", "documents.parquet"]


def test_the_same_text_in_two_sources_is_one_chunk(home: Home) -> None:
    Corpus([], [chunk("a.md", source="pypi:b"), chunk("a.md", source="pypi:a")]).save(home)
    loaded = Corpus.load(home)
    assert [item.source for item in loaded.chunks] == ["pypi:a"]
    assert len(loaded.stored_chunks) == 2


def test_no_corpus_says_what_to_do(home: Home) -> None:
    with pytest.raises(StateError, match="clayloop ingest"):
        Corpus.load(home)


@pytest.mark.parametrize("moment", ["staged", "documents", "place", "former"])
def test_a_kill_leaves_the_old_or_the_new_pair(
    home: Home, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each write of a save is cut off; what is read afterwards is one corpus, and the next save cleans up."""
    one("old.md").save(home)
    real = curation.documents.corpus.write_table

    class KilledError(BaseException):
        pass

    def killed(path: Path, table: object) -> None:
        if (moment == "staged" and path != home.documents) or (
            moment == "documents" and path == home.documents
        ):
            raise KilledError
        real(path, table)

    def not_moved(self: Path, target: Path) -> Path:
        if target == {"place": home.chunks, "former": home.former_chunks}.get(moment):
            raise KilledError
        return real_replace(self, target)

    real_replace = Path.replace
    with monkeypatch.context() as patched:
        patched.setattr(curation.documents.corpus, "write_table", killed)
        patched.setattr(Path, "replace", not_moved)
        # a kill runs no clean-up
        patched.setattr(Path, "unlink", lambda self, missing_ok=False: None)
        with pytest.raises(KilledError):
            one("new.md").save(home)
    expected = "new.md" if moment in ("place", "former") else "old.md"
    assert names(home) == ([expected], [expected], [expected])
    one("third.md").save(home)
    assert names(home) == (["third.md"], ["third.md"], ["third.md"])
    assert sorted(path.name for path in home.corpus.iterdir()) == FILES


@pytest.mark.parametrize("name", ["chunks.parquet", "former-chunks.parquet"])
def test_files_of_two_corpora_are_not_mixed(home: Home, name: str) -> None:
    one("old.md").save(home)
    kept = (home.corpus / name).read_bytes()
    one("new.md").save(home)
    (home.corpus / name).write_bytes(kept)
    with pytest.raises(StateError, match="do not belong together"):
        Corpus.load(home)


@pytest.mark.parametrize("name", FILES)
def test_damage_is_named(home: Home, name: str) -> None:
    one("a.md").save(home)
    path = home.corpus / name
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(StateError, match=name) as raised:
        Corpus.load(home)
    assert f"remove {home.documents} and" in raised.value.hint
    home.documents.unlink()
    one("a.md").save(home)
    assert names(home) == (["a.md"], ["a.md"], ["a.md"])


def test_a_full_disk_changes_nothing(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    one("old.md").save(home)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("curation.files.pq.write_table", full)
        with pytest.raises(StateError, match="No space left"):
            one("new.md").save(home)
    assert names(home) == (["old.md"], ["old.md"], ["old.md"])
    assert sorted(path.name for path in home.corpus.iterdir()) == FILES
