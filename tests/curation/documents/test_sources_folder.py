"""What is read of a folder, what is skipped, and what is said about it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from curation.documents.sources.files import Skipped, SourceFile
from curation.documents.sources.kinds import open_source
from curation.errors import SourceError
from curation.settings import ChunkSettings

SETTINGS = ChunkSettings()
NOWHERE = Path("/nowhere")


def read(folder: Path, settings: ChunkSettings = SETTINGS) -> tuple[dict[str, str], dict[str, str]]:
    items = list(open_source(str(folder), settings, NOWHERE).read())
    files = {item.path: item.text for item in items if isinstance(item, SourceFile)}
    return files, {item.path: item.reason for item in items if isinstance(item, Skipped)}


def write(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def test_documentation_is_found_in_order(tmp_path: Path) -> None:
    wanted = ["a.md", "B.MARKDOWN", "sub/c.rst", "sub/deep/d.md", "z.txt", "guide/build/e.md"]
    write(tmp_path, **dict.fromkeys(wanted, "Title\n=====\n\n.. note:: x\n"))
    others = [
        ".hidden/x.md",
        ".x.md",
        "node_modules/p/README.md",
        "_build/x.rst",
        "x.py",
        "requirements.txt",
        "v/x.md",
    ]
    write(
        tmp_path,
        **dict.fromkeys(others, "text"),
        **{"v/pyvenv.cfg": "", "setup.py": "", "build/x.md": "built"},
    )
    files, skipped = read(tmp_path)
    assert list(files) == sorted(wanted)
    assert skipped == {}
    source = open_source(str(tmp_path), SETTINGS, NOWHERE)
    assert source.name == f"folder:{tmp_path}"
    (first, *_) = [item for item in source.read() if isinstance(item, SourceFile)]
    assert first.url == ""


def test_odd_files_are_skipped_with_a_reason(tmp_path: Path) -> None:
    write(tmp_path, **{"good.md": "good", "empty.md": " \n"})
    (tmp_path / "bom.md").write_bytes(b"\xef\xbb\xbf# T\r\n\r\ntext\r\n")
    (tmp_path / "latin.md").write_bytes("café".encode("latin-1"))
    (tmp_path / "nul.md").write_bytes(b"a\0b")
    (tmp_path / "utf16.rst").write_bytes("text".encode("utf-16"))
    with (tmp_path / "big.md").open("wb") as file:
        file.truncate(50_000_000)
    os.mkfifo(tmp_path / "pipe.md")
    (tmp_path / "folder.md").mkdir()
    files, skipped = read(tmp_path)
    assert files == {"good.md": "good", "bom.md": "# T\r\n\r\ntext\r\n"}
    assert set(skipped) == {"empty.md", "latin.md", "nul.md", "utf16.rst", "big.md", "pipe.md"}
    assert "not UTF-8: byte 0xe9 at 3" in skipped["latin.md"]
    assert "50,000,000 bytes, larger than max_file_bytes" in skipped["big.md"]
    assert skipped["empty.md"] == "empty"
    assert "NUL" in skipped["nul.md"]
    assert "regular" in skipped["pipe.md"]


def test_documentation_in_other_formats_is_named(tmp_path: Path) -> None:
    write(tmp_path, **{"a.md": "a", "b.adoc": "b", "c.org": "c", "d.py": "d"})
    assert read(tmp_path)[1] == {"b.adoc": "AsciiDoc, which is not read", "c.org": "Org, which is not read"}


def test_notebooks_are_read_by_their_cells(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "markdown", "metadata": {}, "source": ["# Kilns\n", "Some *text*."]},
        {"cell_type": "code", "source": "fire('```')", "outputs": [{"text": "output"}]},
        {"cell_type": "code", "source": []},
        {"cell_type": "raw", "metadata": {"raw_mimetype": "text/restructuredtext"}, "source": ":ref:`x`"},
        {"cell_type": "raw", "metadata": {"format": "text/latex"}, "source": "\\kiln"},
    ]
    new = {"cells": cells, "metadata": {"language_info": {"name": "python"}}, "nbformat": 4}
    old = {
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": "A"},
                    {"cell_type": "code", "input": "b"},
                ]
            }
        ]
    }
    write(
        tmp_path,
        **{"new.ipynb": json.dumps(new), "old.ipynb": json.dumps(old), "a.ipynb": "{", "b.ipynb": "[1]"},
    )
    files, skipped = read(tmp_path)
    assert files == {
        "new.ipynb": "# Kilns\nSome *text*.\n\n````python\nfire('```')\n````\n\n"
        "```{eval-rst}\n:ref:`x`\n```\n",
        "old.ipynb": "## A\n\n```\nb\n```\n",
    }
    assert set(skipped) == {"a.ipynb", "b.ipynb"}
    assert all("not a notebook" in reason for reason in skipped.values())


def test_a_large_file_is_not_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, **{"big.md": "x" * 200})

    def refuse(*_: object) -> int:
        raise AssertionError("the file was opened")

    monkeypatch.setattr("curation.documents.sources.folder.os.open", refuse)
    _, skipped = read(tmp_path, ChunkSettings(max_file_bytes=100))
    assert list(skipped) == ["big.md"]


def test_links_do_not_lead_out(tmp_path: Path) -> None:
    inside, outside = tmp_path / "in", tmp_path / "out"
    write(inside, **{"a.md": "a"})
    write(outside, **{"secret.md": "secret"})
    (inside / "file.md").symlink_to(outside / "secret.md")
    (inside / "same.md").symlink_to(inside / "a.md")
    (inside / "loop.md").symlink_to(inside / "loop.md")
    (inside / "folder").symlink_to(outside)
    (inside / "up").symlink_to(tmp_path)
    files, skipped = read(inside)
    assert files == {"a.md": "a"}
    assert set(skipped) == {"file.md", "same.md", "loop.md", "folder", "up"}
    linked = tmp_path / "link"
    linked.symlink_to(inside)
    assert read(linked)[0] == {"a.md": "a"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_reported(tmp_path: Path) -> None:
    write(tmp_path, **{"a.md": "a", "b.md": "b"})
    (tmp_path / "b.md").chmod(0)
    files, skipped = read(tmp_path)
    assert list(files) == ["a.md"]
    assert "denied" in skipped["b.md"].lower()


def test_names_that_are_not_text_are_reported(tmp_path: Path) -> None:
    write(tmp_path, **{"a.md": "a"})
    (tmp_path / os.fsdecode(b"b\xff.md")).write_text("b")
    files, skipped = read(tmp_path)
    assert list(files) == ["a.md"]
    assert list(skipped.values()) == ["its name is not valid UTF-8"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("/no/such/folder", "no folder /no/such/folder"),
        ("", "empty source"),
        ("https://example.org/docs", "Unknown kind of source"),
        ("git+ssh://x/y", "Unknown kind of source"),
        ("npm:left-pad", "Unknown kind of source"),
        ("pypi:", "not a package source"),
        ("pypi:a b", "not a package source"),
        ("pypi:a>=1", "not a package source"),
        ("pypi:../x", "not a package source"),
        ("pypi:a==--index-url=x", "not a package source"),
        (__file__, "is not a folder"),
    ],
)
def test_wrong_sources_say_what_is_wrong(spec: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        open_source(spec, SETTINGS, NOWHERE)
    assert caught.value.hint
    assert caught.value.exit_code == 3
