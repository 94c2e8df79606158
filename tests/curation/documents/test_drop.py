"""Taking a source out of the documents again."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from filelock import FileLock

from curation.documents.corpus import Corpus
from curation.documents.ingest import drop_source, ingest
from curation.errors import BusyError, SourceError, StateError
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter


@pytest.fixture
def two(home: Home, tmp_path: Path) -> tuple[Path, Path]:
    """Two folders that are ingested; one page is in both."""
    folders = tmp_path / "one", tmp_path / "two"
    for folder in folders:
        folder.mkdir()
        (folder / "both.md").write_text("# Both\n\nThe same words in both folders.\n")
        (folder / f"{folder.name}.md").write_text(f"# {folder.name}\n\nOnly in folder {folder.name}.\n")
    ingest([str(folder) for folder in folders], home, ChunkSettings(), CharacterCounter())
    return folders


def test_what_another_source_has_too_stays(home: Home, two: tuple[Path, Path]) -> None:
    before = {chunk.text for chunk in Corpus.load(home).chunks}
    report = drop_source(str(two[0]), home)
    assert (report.source, report.documents, report.chunks) == (f"folder:{two[0]}", 2, 1)
    after = Corpus.load(home)
    assert {chunk.text for chunk in after.chunks} == {text for text in before if "folder one" not in text}
    assert {document.source for document in after.documents} == {f"folder:{two[1]}"}
    assert (
        (report.total_documents, report.total_chunks) == (len(after.documents), len(after.chunks)) == (2, 2)
    )
    assert list(after.recipes) == [f"folder:{two[1]}"]


def test_a_folder_that_is_gone_can_be_dropped_by_path_or_name(home: Home, two: tuple[Path, Path]) -> None:
    for folder in two:
        shutil.rmtree(folder)
    drop_source(f"{two[0]}/.", home)
    drop_source(f"folder:{two[1]}", home)
    assert Corpus.load(home).chunks == []


def test_an_unknown_source_is_named_with_those_there_are_and_nothing_changes(
    home: Home, two: tuple[Path, Path]
) -> None:
    stamp = home.documents.stat().st_mtime_ns
    for unknown in ("pypi:scrapy==2.11.0", "elsewhere", ""):
        with pytest.raises(SourceError, match="no source") as raised:
            drop_source(unknown, home)
        assert str(two[0]) in raised.value.hint
    with FileLock(home.corpus / ".lock"), pytest.raises(BusyError):
        drop_source(str(two[0]), home)
    assert home.documents.stat().st_mtime_ns == stamp


def test_before_any_ingest_it_says_what_comes_first(home: Home) -> None:
    with pytest.raises(StateError, match="no documents"):
        drop_source("docs", home)


def test_a_package_goes_by_its_name_whatever_the_version(home: Home, two: tuple[Path, Path]) -> None:
    corpus = Corpus.load(home)
    renamed = [
        document.model_copy(update={"source": "pypi:my-package"})
        for document in corpus.documents
        if document.source.endswith("one")
    ]
    chunks = [
        chunk.model_copy(update={"source": "pypi:my-package"})
        for chunk in corpus.stored_chunks
        if chunk.source.endswith("one")
    ]
    Corpus(renamed, chunks, {}).save(home)
    assert drop_source("pypi:My_Package==1.0", home).source == "pypi:my-package"
