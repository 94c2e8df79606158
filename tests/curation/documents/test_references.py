"""Cross-references without words of their own show the title of what they lead to, in every dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from curation.documents.chunking import cut_again
from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

FIRE = (
    ".. _heat_it:\n\nFiring a *kiln*\n===============\n\nHot.\n\n"
    ".. _my lids:\n\nThe lids\n--------\n\nHeavy.\n"
)
GLAZE = "---\ntitle: Glazes\n---\n\nShiny.\n\n(the-blue)=\n\n## What's blue?\n\nCobalt.\n"
SETTINGS = ChunkSettings()


@pytest.fixture
def docs(tmp_path: Path) -> Path:
    folder = tmp_path / "docs"
    (folder / "guide").mkdir(parents=True)
    (folder / "guide" / "fire.rst").write_text(FIRE)
    (folder / "guide" / "glaze.md").write_text(GLAZE)
    (folder / "guide" / "index.rst").write_text("The guide\n=========\n\nStart at :ref:`heat_it`.\n")
    return folder


def shown(home: Home, docs: Path, name: str, text: str) -> str:
    """What the page ``name`` shows for ``text``."""
    (docs / name).write_text(text)
    ingest([str(docs)], home, SETTINGS, CharacterCounter())
    chunks = [chunk for chunk in Corpus.load(home).chunks if chunk.path == name]
    return "\n\n".join(chunk.text for chunk in chunks)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.rst", ":doc:`guide/fire` and :doc:`/guide/glaze`", "Firing a kiln and Glazes"),
        ("guide/a.rst", ":doc:`fire`, :doc:`/guide/index`", "Firing a kiln, The guide"),
        ("a.rst", "*:ref:`heat_it`*, :std:ref:`My Lids`", "Firing a kiln, The lids"),
        ("a.rst", ":ref:`the-blue` :numref:`my lids`", "What's blue? The lids"),
        ("a.rst", ":ref:`words <heat_it>` :doc:`!guide/fire`", "words guide/fire"),
        (
            "a.rst",
            ":doc:`/no/such-page`, :doc:`no/index` :ref:`no_such:label`",
            "such page, no no such label",
        ),
        ("a.rst", ":ref:`genindex`", "Index"),
        ("a.md", "{doc}`guide/fire` {ref}`my lids` {ref}`the-blue`", "Firing a kiln The lids What's blue?"),
        ("a.md", "[](guide/fire.rst), [](/guide/glaze)", "Firing a kiln, Glazes"),
        ("a.md", "[](guide/glaze.md#whats-blue) [](#the-blue)", "What's blue? What's blue?"),
        ("a.md", "<project:guide/glaze.md> <project:#the-blue>", "Glazes What's blue?"),
        ("a.md", "[](guide/none-here.md) [](guide/) [](data.zip)", "none here The guide data.zip"),
        (
            "a.md",
            "[[guide/fire]] [[guide/fire|it]] [[Old Page]] [[ -f x ]]",
            "Firing a kiln it Old Page -f x",
        ),
        ("a.md", "[](#kiln.Kiln.max_heat) [](#no_such-part)", "kiln.Kiln.max_heat no such part"),
        ("a.md", "[words](guide/fire.rst) x[](https://a.b/c)y <https://a.b>", "words xy https://a.b"),
        ("a.md", "x[![](a.png)](guide/fire.rst)y [](){#only-a-place}", "xy"),
        ("a.md", "[][kiln.Kiln], [fire][kiln.fire], a[0][1] [][]", "kiln.Kiln, fire, a[0][1] [][]"),
        ("a.mdx", "| a | b |\n|---|---|\n| 1 | [](guide/fire.rst) |", "a | b\n1 | Firing a kiln"),
    ],
)
def test_a_title_stands_for_a_reference(home: Home, docs: Path, name: str, text: str, expected: str) -> None:
    assert shown(home, docs, name, text) == f"a\n\n{expected}"  # without a title: its name


def test_titles_in_headings_are_shown_too(home: Home, docs: Path) -> None:
    assert shown(home, docs, "a.rst", "See :doc:`guide/fire`\n=====================\n\nText.\n") == (
        "See Firing a kiln\n\nText."
    )
    assert {one.path: one.title for one in Corpus.load(home).documents}["a.rst"] == "See fire"


def test_a_new_title_is_shown_where_nothing_else_changed(home: Home, docs: Path) -> None:
    text = "A\n=\n\nSee :ref:`heat_it`.\n"
    assert shown(home, docs, "a.rst", text).endswith("See Firing a kiln.")
    (docs / "guide" / "fire.rst").write_text(FIRE.replace("Firing a *kiln*", "How to fire it"))
    assert shown(home, docs, "a.rst", text).endswith("See How to fire it.")
    before = Corpus.load(home)
    assert shown(home, docs, "a.rst", text).endswith("See How to fire it.")
    assert Corpus.load(home).documents == before.documents
    assert [one.text for one in cut_again(before, CharacterCounter(), SETTINGS)] == [
        one.text for one in before.chunks
    ]


def test_what_is_made_from_code_is_left_out_and_said(home: Home, docs: Path) -> None:
    (docs / "api.rst").write_text("API\n===\n\n.. automodule:: kiln\n   :members:\n")
    text = (
        "A\n=\n\n.. autoclass:: kiln.Kiln\n\n   Its words.\n\n.. autofunction:: kiln.fire(heat)\n\n"
        ".. autoclass:: kiln.Lid\n   :members:\n"
    )
    assert shown(home, docs, "a.rst", text) == "A\n\nkiln.Kiln\nIts words.\n\nkiln.fire(heat)"
    report = ingest([str(docs)], home, SETTINGS, CharacterCounter())
    assert [one.path for one in report.skipped] == ["api.rst"]
    assert {one.name: one.times for one in report.left_out} == {"autoclass": 1, "automodule": 1}
    assert any("2 places of API" in remark and "python:NAME" in remark for remark in report.remarks)
