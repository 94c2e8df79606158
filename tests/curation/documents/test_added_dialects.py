"""A dialect of another package, which is really installed in a folder of the import path."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from curation.documents.corpus import Corpus
from curation.documents.ingest import ingest
from curation.documents.markup.markdown import reader
from curation.errors import SettingsError
from curation.home import Home
from curation.settings import ChunkSettings
from tests.curation.counting import CharacterCounter

RULE = """
def dialect(md):
    md.block.ruler.before("paragraph", "pot", pot)


def pot(state, first, last, silent):
    if not state.src.startswith("@@pot", state.bMarks[first]):
        return False
    state.push("paragraph_open", "p", 1)
    inline = state.push("inline", "", 0)
    inline.content, inline.children, inline.map = "A pot.", [], [first, first + 1]
    state.push("paragraph_close", "p", -1)
    state.line = first + 1
    return True
"""

Install = Callable[[str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    site = tmp_path / "site"
    told = site / "potters_docs-1.0.dist-info"
    told.mkdir(parents=True)
    (told / "METADATA").write_text("Metadata-Version: 2.1\nName: potters-docs\nVersion: 1.0\n")
    (told / "entry_points.txt").write_text("[clayloop.markdown]\npotters = potters_docs:dialect\n")
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    def write(code: str) -> None:
        (site / "potters_docs.py").write_text(code)
        sys.modules.pop("potters_docs", None)
        reader._parser.cache_clear()

    yield write
    sys.modules.pop("potters_docs", None)
    reader._parser.cache_clear()


def read(home: Home, folder: Path) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "a.md").write_text("# Kiln\n\n@@pot blue\n\nText.\n")
    ingest([str(folder)], home, ChunkSettings(), CharacterCounter())
    (chunk,) = Corpus.load(home).chunks
    return chunk.text


def test_it_is_used_and_what_it_read_is_read_again_when_it_changes(
    home: Home, tmp_path: Path, install: Install
) -> None:
    install(RULE)
    assert read(home, tmp_path / "docs") == "Kiln\n\nA pot.\n\nText."
    install(RULE.replace("A pot.", "A blue pot."))
    assert read(home, tmp_path / "docs") == "Kiln\n\nA blue pot.\n\nText."


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("1 / 0", r"potters \(potters_docs:dialect\) cannot be loaded: ZeroDivisionError"),
        ("dialect = 3", "cannot be loaded: TypeError: 'int' object is not callable"),
        ("", "cannot be loaded: AttributeError"),
        (RULE.replace("True", "1 / 0"), r"fails on a.md: ZeroDivisionError: .*potters_docs.py:14\)"),
        (RULE.replace("True", "[][1]"), r"fails on a.md: IndexError: .*potters_docs.py:14\)"),
    ],
)
def test_one_that_fails_is_named(home: Home, tmp_path: Path, install: Install, code: str, said: str) -> None:
    install(code)
    with pytest.raises(SettingsError, match=said):
        read(home, tmp_path / "docs")
