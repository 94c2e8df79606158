"""What `clayloop ingest` says of what it read, and of what a reader would miss."""

from __future__ import annotations

from pathlib import Path

from tests.clayloop.command import Command


def test_nothing_is_lost_without_a_word(clayloop: Command, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.rst").write_text(
        "Kilns\n=====\n\n.. wheel:: Round\n\n   It turns.\n\n.. wheel::\n\n   Twice.\n\n"
        ".. toctree::\n\n   b\n"
    )
    (docs / "b.md").write_text('# Clay\n\nSoft.\n\n--8<-- "none.md"\n\n```{include} ../out.md\n```\n')
    (docs / "c.adoc").write_text("= Glaze\n")
    (docs / "d.adoc").write_text("= Slip\n")
    told = clayloop.well("ingest", str(docs)).out
    for words in (
        *("AsciiDoc, which is not read", "wheel", "toctree", "none.md", "it lies outside the source"),
        *("ingest a folder above", "Next: `clayloop bootstrap`"),
        f'[curation.documents.pages."folder:{docs}"]',
    ):
        assert words in " ".join(told.split())
    report = clayloop.well("ingest", str(docs), "--json").json
    counted = {"source": f"folder:{docs}", "documents": 2, "passed_over": 2, "pages": "file and line"}
    assert report["read"] == [counted]
    assert [item["path"] for item in report["skipped"]] == ["c.adoc", "d.adoc"]
    assert report["unknown"] == [{"name": "wheel", "times": 2, "first": "a.rst:4"}]
    assert report["left_out"] == [{"name": "toctree", "times": 1, "first": "a.rst:12"}]
    assert report["not_included"] == [
        {"target": "none.md", "where": "b.md:5", "reason": "not found"},
        {"target": "../out.md", "where": "b.md:7", "reason": "it lies outside the source"},
    ]


def test_a_page_is_read_again_when_a_file_that_it_includes_changes(clayloop: Command, tmp_path: Path) -> None:
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "a.rst").write_text("Kilns\n=====\n\n.. literalinclude:: fire.py\n")
    (docs / "fire.py").write_text("fire(900)\n")
    clayloop.well("ingest", str(docs))
    assert clayloop.well("ingest", str(docs), "--json").json["unchanged"] == 1
    (docs / "fire.py").write_text("fire(1200)\n")
    report = clayloop.well("ingest", str(docs), "--json").json
    assert (report["added"], report["removed"]) == (1, 1)
