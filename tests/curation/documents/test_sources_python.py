"""The public API of packages, read from their source and never imported."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from curation.documents.markup.page import Page
from curation.documents.markup.reading import parse
from curation.documents.sources.files import Source, SourceFile
from curation.documents.sources.kinds import open_source
from curation.errors import SourceError
from curation.settings import ChunkSettings

FACE = '''"""Pots, from clay."""

raise SystemExit("never run")
from clayworks._kiln import Kiln, fire
from clayworks import glaze
import os
'''
KILN = '''"""Inside."""


class Kiln:
    """An oven.

    Args:
        heat: Degrees.
        wood: What burns
            in it.
    """

    def __init__(self, heat: int, *, wood: str = "oak") -> None:
        self.heat = heat

    def open(self, slowly: bool = True) -> Kiln:
        """Open the door with :meth:`fire` out.

        :param slowly: no haste
        """

    def _hidden(self): ...

    @property
    def size(self) -> int:
        """How many pots fit."""


async def fire(x):
    """Fire.

    Parameters
    ----------
    x : int
        The pot.

    Examples
    --------
    >>> fire(1)
    """


def private_helper():
    """Not exported."""
'''
GLAZE = '''"""Glazes."""
__all__ = ["COLOUR", "mix"]
COLOUR = "blue"
"""The colour that is taken
when none is named."""
LIMIT = 3

def mix(a, b=2): ...
def unlisted(): ...
'''


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clayworks"
    folder.mkdir()
    (folder / "__init__.py").write_text(FACE)
    (folder / "_kiln.py").write_text(KILN)
    (folder / "glaze.py").write_text(GLAZE)
    (folder / "broken.py").write_text("def (:")
    (folder / "tests").mkdir()
    (folder / "tests" / "__init__.py").write_text("def test_x(): ...")
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def opened(spec: str) -> Source:
    return open_source(spec, ChunkSettings(), Path("/nowhere"))


def test_public_names_with_signatures_docstrings_and_lines(package: Path) -> None:
    source = opened("python:clayworks")
    assert (source.name, source.version) == ("python:clayworks", "")
    files = {item.path: item for item in source.read() if isinstance(item, SourceFile)}
    assert sorted(files) == ["clayworks/__init__.py", "clayworks/_kiln.py", "clayworks/glaze.py"]
    assert files["clayworks/_kiln.py"].url == "", "a file of this machine: its path and line are its address"
    shown = {
        section.given: (section.path, section.line, [block.text for block in section.blocks])
        for path, file in files.items()
        for section in parse(file.text, file.markup, Page(path)).sections
        if section.blocks
    }
    assert shown == {
        "clayworks": (("clayworks",), 1, ["Pots, from clay."]),
        "clayworks.Kiln": (
            ("clayworks", "clayworks.Kiln"),
            4,
            [
                "class clayworks.Kiln(heat: int, *, wood: str = 'oak')",
                "An oven.",
                "Parameters:",
                "- heat (int): Degrees.",
                "- wood (str): What burns in it.",
            ],
        ),
        "clayworks.Kiln.open": (
            ("clayworks", "clayworks.Kiln", "Kiln.open"),
            16,
            [
                "def clayworks.Kiln.open(slowly: bool = True) -> Kiln",
                "Open the door with `fire` out.",
                "Parameters:",
                "slowly: no haste",
            ],
        ),
        "clayworks.Kiln.size": (
            ("clayworks", "clayworks.Kiln", "Kiln.size"),
            25,
            ["clayworks.Kiln.size: int", "How many pots fit."],
        ),
        "clayworks.fire": (
            ("clayworks", "clayworks.fire"),
            29,
            [
                "async def clayworks.fire(x)",
                "Fire.",
                "Parameters:",
                "- x (int): The pot.",
                "Examples:",
                ">>> fire(1)",
            ],
        ),
        "clayworks.glaze": (("clayworks.glaze",), 1, ["Glazes."]),
        "clayworks.glaze.COLOUR": (
            ("clayworks.glaze", "clayworks.glaze.COLOUR"),
            3,
            ["clayworks.glaze.COLOUR = 'blue'", "The colour that is taken when none is named."],
        ),
        "clayworks.glaze.mix": (
            ("clayworks.glaze", "clayworks.glaze.mix"),
            8,
            ["def clayworks.glaze.mix(a, b=2)"],
        ),
    }
    assert "clayworks" not in sys.modules


def test_an_installed_package_goes_by_its_distribution_too() -> None:
    source = opened("python:Pydantic-Settings")
    assert source.name == "python:pydantic_settings"
    assert source.version
    files = {item.path for item in source.read() if isinstance(item, SourceFile)}
    assert "pydantic_settings/main.py" in files


def test_what_is_no_package_is_named() -> None:
    for spec, message in [
        ("python:no_such_thing", "no package no_such_thing"),
        ("python:../x", "is not a package"),
    ]:
        with pytest.raises(SourceError, match=message):
            opened(spec)
