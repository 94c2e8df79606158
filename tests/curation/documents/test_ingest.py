"""Ingest: a second run changes only what changed, and nothing is half done."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest as run
from curation.documents.report import IngestReport
from curation.errors import BusyError, SourceError
from curation.home import Home
from curation.progress import Advance
from curation.settings import ChunkSettings
from tests.curation.counting import minilm

LONG = " ".join(["several words that make a section long enough to stand alone"] * 6)


def ingest(home: Home, *specs: object, settings: ChunkSettings | None = None) -> IngestReport:
    return run([str(spec) for spec in specs], home, settings or ChunkSettings(), minilm())


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text(f"# A\n\n## One\n\n{LONG} one\n\n## Two\n\n{LONG} two\n")
    (folder / "b.rst").write_text(f"B\n=\n\n{LONG} b\n")
    return folder


def stamps(home: Home) -> list[tuple[str, int]]:
    return sorted((path.name, path.stat().st_mtime_ns) for path in home.corpus.glob("*.parquet"))


def test_the_first_ingest(home: Home, docs: Path) -> None:
    report = ingest(home, docs)
    assert report.model_dump() == {
        "sources": [f"folder:{docs}"],
        "documents": 2,
        "chunks": 3,
        "added": 3,
        "removed": 0,
        "unchanged": 0,
        "read": [{"source": f"folder:{docs}", "documents": 2, "passed_over": 0, "pages": "file and line"}],
        "remarks": [],
        "skipped": [],
        "unknown": [],
        "left_out": [],
        "not_included": [],
        "total_documents": 2,
        "total_chunks": 3,
    }
    corpus = Corpus.load(home)
    assert [(item.path, item.title, item.markup) for item in corpus.documents] == [
        ("a.md", "A", "markdown"),
        ("b.rst", "B", "restructuredtext"),
    ]
    assert [chunk.section for chunk in corpus.chunks] == [("A", "One"), ("A", "Two"), ("B",)]
    assert [chunk.address for chunk in corpus.chunks] == ["a.md:3", "a.md:7", "b.rst:1"]


def test_nothing_is_written_when_nothing_changed(home: Home, docs: Path) -> None:
    ingest(home, docs)
    before = stamps(home)
    report = ingest(home, docs)
    assert (report.added, report.removed, report.unchanged) == (0, 0, 3)
    assert stamps(home) == before


def test_only_what_changed_changes(home: Home, docs: Path) -> None:
    ingest(home, docs)
    before = {chunk.id: chunk for chunk in Corpus.load(home).chunks}
    (docs / "a.md").write_text((docs / "a.md").read_text().replace("two", "changed"))
    (docs / "b.rst").unlink()
    (docs / "c.md").write_text("# C\n\nnew\n")
    report = ingest(home, docs)
    assert (report.added, report.removed, report.unchanged) == (2, 2, 1)
    after = Corpus.load(home)
    assert [chunk.path for chunk in after.chunks if chunk.id in before] == ["a.md"]
    assert [document.path for document in after.documents] == ["a.md", "c.md"]


def test_other_sources_stay(home: Home, docs: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "x.md").write_text("# X\n\ntext of x\n")
    ingest(home, docs)
    report = ingest(home, other)
    assert (report.documents, report.added, report.total_documents, report.total_chunks) == (1, 1, 3, 4)
    assert ingest(home, docs, other).unchanged == 4


def test_a_smaller_limit_cuts_again(home: Home, docs: Path) -> None:
    ingest(home, docs)
    report = ingest(home, docs, settings=ChunkSettings(max_tokens=64))
    assert report.added > 3
    assert max(chunk.tokens for chunk in Corpus.load(home).chunks) <= 64


def test_bad_files_are_reported_and_the_rest_is_read(home: Home, docs: Path) -> None:
    (docs / "latin.md").write_bytes(b"caf\xe9")
    (docs / "titles.md").write_text("# Only\n\n## Titles\n")
    with (docs / "huge.md").open("wb") as file:
        file.truncate(50_000_000)
    report = ingest(home, docs)
    assert report.documents == 2
    assert [item.path for item in report.skipped] == ["huge.md", "latin.md", "titles.md"]


def test_a_line_that_nobody_wrote_is_data(home: Home, docs: Path) -> None:
    long = "kiln " * 250_000
    (docs / "data.md").write_text(f"# Data\n\n{long}\n")
    (docs / "data.html").write_text(f"<!doctype html><h1>Data</h1><p>{long}</p>")
    (docs / "page.html").write_text(f"<!doctype html><script>{long}</script><h1>Page</h1><p>Words.</p>")
    (docs / "picture.md").write_text(f"# Picture\n\nA ![kiln](data:image/png;base64,{'A' * 1_250_000})\n")
    report = run([str(docs)], home, ChunkSettings(), minilm())
    found = {one.path for one in report.skipped if one.reason == "data: a line of over a million characters"}
    assert found == {"data.md", "data.html"}
    texts = {chunk.path: chunk.text for chunk in Corpus.load(home).chunks}
    assert (texts["page.html"], texts["picture.md"]) == ("Page\n\nWords.", "Picture\n\nA kiln")


def test_nothing_to_ingest_is_an_error_and_changes_nothing(home: Home, docs: Path, tmp_path: Path) -> None:
    ingest(home, docs)
    before = stamps(home)
    empty, bad = tmp_path / "empty", tmp_path / "bad"
    empty.mkdir()
    bad.mkdir()
    (bad / "x.md").write_bytes(b"\xff\xfe")
    with pytest.raises(SourceError, match="no documentation in"):
        ingest(home, docs, empty)
    with pytest.raises(SourceError, match=r"x\.md: not UTF-8"):
        ingest(home, bad)
    with pytest.raises(SourceError, match="given twice"):
        ingest(home, docs, f"{docs}/.")
    with pytest.raises(SourceError, match="nothing to ingest"):
        ingest(home)
    assert stamps(home) == before


def test_two_at_once_the_second_refuses(home: Home, docs: Path) -> None:
    home.corpus.mkdir(parents=True)
    with FileLock(home.corpus / ".lock"), pytest.raises(BusyError):
        ingest(home, docs)
    assert ingest(home, docs).added == 3


def test_progress_counts_files(home: Home, docs: Path) -> None:
    seen: dict[str, int] = {}

    class Recorder:
        @contextmanager
        def task(self, description: str, total: int | None = None, unit: str = "") -> Iterator[Advance]:
            def advance(done: int) -> None:
                seen[f"{description} of {total} {unit}"] = (
                    seen.get(f"{description} of {total} {unit}", 0) + done
                )

            yield advance

        def say(self, line: str) -> None:
            raise AssertionError(line)

    run([str(docs)], home, ChunkSettings(), minilm(), Recorder())
    assert seen == {f"Reading folder:{docs} of 2 files": 2, f"Cutting folder:{docs} of 2 pages": 2}
