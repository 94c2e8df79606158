"""A second ingest parses what changed, and reports what it would report if it had parsed all."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.documents import ingest as ingesting
from curation.documents.corpus import Corpus
from curation.documents.ingest import IngestReport, ingest
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

MARKDOWN = '# A\n\n[TOC]\n\n```{unheard-of}\nwords\n```\n\n--8<-- "part.txt"\n\n--8<-- "nowhere.txt"\n'


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    folder.mkdir()
    (folder / "a.md").write_text(MARKDOWN)
    (folder / "part.txt").write_text("A part.\n")
    (folder / "b.rst").write_text("B\n=\n\n.. contents::\n\nText.\n")
    (folder / "empty.md").write_text("# Only a heading\n")
    return folder


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of the pages that are parsed from now on."""
    paths: list[str] = []
    parse = ingesting.parse_alone

    def noting(text: str, markup: object, page: object) -> object:
        paths.append(page.path)  # type: ignore[attr-defined]
        return parse(text, markup, page)  # type: ignore[arg-type]

    monkeypatch.setattr(ingesting, "parse_alone", noting)
    return paths


def run(home: Home, docs: Path) -> IngestReport:
    return ingest([str(docs)], home, ChunkSettings(), CharacterCounter())


def texts(home: Home) -> str:
    return "\n".join(chunk.text for chunk in Corpus.load(home).chunks)


def test_what_is_as_it_was_is_not_parsed(home: Home, docs: Path, parsed: list[str]) -> None:
    first = run(home, docs)
    assert sorted(parsed) == ["a.md", "b.rst", "empty.md"]
    parsed.clear()
    second = run(home, docs)
    assert parsed == []
    assert (first.added, second.added, second.unchanged) == (first.chunks, 0, first.chunks)
    told = {"skipped", "unknown", "left_out", "not_included", "documents", "chunks"}
    assert second.model_dump(include=told) == first.model_dump(include=told)
    assert [one.target for one in second.not_included] == ["nowhere.txt"]
    assert [one.name for one in second.unknown] == ["unheard-of"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.md", "# A\n\nNew words.\n"), ("part.txt", "New words.\n"), ("nowhere.txt", "New words.\n")],
)
def test_a_page_is_read_again_with_what_it_includes(
    home: Home, docs: Path, parsed: list[str], name: str, text: str
) -> None:
    run(home, docs)
    parsed.clear()
    (docs / name).write_text(text)
    run(home, docs)
    assert parsed == ["a.md"]
    assert "New words." in texts(home)


@pytest.mark.parametrize("left", ["", "{", "[]", '{"recipe": "another", "sources": {}}'])
def test_lost_readings_cost_time_only(home: Home, docs: Path, parsed: list[str], left: str) -> None:
    run(home, docs)
    before = texts(home)
    parsed.clear()
    home.readings.write_text(left)
    report = run(home, docs)
    assert sorted(parsed) == ["a.md", "b.rst", "empty.md"]
    assert (report.added, report.removed, texts(home)) == (0, 0, before)


def test_lost_chunks_are_cut_again(home: Home, docs: Path) -> None:
    run(home, docs)
    before = texts(home)
    for path in home.corpus.glob("*.parquet"):
        path.unlink()
    run(home, docs)
    assert texts(home) == before
