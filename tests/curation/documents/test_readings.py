"""A second ingest parses what changed, and reports what it would report if it had parsed all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import TypeVar

import pytest

from curation.documents import in_parts
from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.documents.report import IngestReport
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

_Done = TypeVar("_Done")

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
    parse = in_parts.parse_alone

    def noting(text: str, markup: object, page: object) -> object:
        paths.append(page.path)  # type: ignore[attr-defined]
        return parse(text, markup, page)  # type: ignore[arg-type]

    monkeypatch.setattr(in_parts, "parse_alone", noting)
    return paths


def run(home: Home, docs: Path) -> IngestReport:
    return ingest([str(docs)], home, ChunkSettings(), CharacterCounter())


def texts(home: Home) -> str:
    return "\n".join(chunk.text for chunk in Corpus.load(home).chunks)


def far_away(work: Callable[..., _Done], parts: Iterable[object], *shared: object) -> Iterator[_Done]:
    """Stands in for a cluster, which gets and gives copies; tests/serving/apart/test_ray.py has one."""
    for part in list(parts):
        yield deepcopy(work(*deepcopy((part, *shared))))


def test_workers_that_have_no_files_read_and_cut_the_same(
    docs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (docs / "c.rst").write_text("C\n=\n\nSee :doc:`b`.\n\n.. include:: part.txt\n")
    homes = Home(tmp_path / "here"), Home(tmp_path / "there")
    here = run(homes[0], docs)
    monkeypatch.setattr(in_parts, "_DEALT_OUT_FROM", 1)
    monkeypatch.setattr(in_parts, "_PART", 2)
    there = ingest([str(docs)], homes[1], ChunkSettings(), CharacterCounter(), workers=far_away)
    assert there == here and here.not_included
    one, other = map(Corpus.load, homes)
    assert (one.documents, one.chunks) == (other.documents, other.chunks)
    assert texts(homes[1]).count("A part.") == 2 and "See B." in texts(homes[1])
    (docs / "part.txt").write_text("Another part.\n")
    assert ingest([str(docs)], homes[1], ChunkSettings(), CharacterCounter(), workers=far_away).added == 2


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


def test_lost_chunks_are_cut_again_by_workers_too(
    home: Home, docs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(home, docs)
    before = texts(home)
    for path in home.corpus.glob("*.parquet"):
        path.unlink()
    monkeypatch.setattr(in_parts, "_DEALT_OUT_FROM", 1)
    dealt: list[object] = []

    def noting(work: Callable[..., _Done], parts: Iterable[object], *shared: object) -> Iterator[_Done]:
        pages = list(parts)
        dealt.extend(pages)
        return far_away(work, pages, *shared)

    ingest([str(docs)], home, ChunkSettings(), CharacterCounter(), workers=noting)
    assert texts(home) == before
    assert len(dealt) == 2  # a part to read, then a part to cut
