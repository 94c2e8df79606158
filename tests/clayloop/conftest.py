"""A small documentation set, and the command line on an empty state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clayloop.command import Command

PAGES = {
    "guide/install.md": "# Installing\n\nRun `pip install potter` on Python 3.10 or newer. On Windows use the py launcher.\n\n"
    "## Upgrading\n\nRun `pip install --upgrade potter`. Old kilns keep working, their "
    "files are migrated at the next start.\n",
    "guide/kilns.md": "# Kilns\n\nA kiln fires pots in the background. Start one with `potter kiln start`.\n\n"
    "## Temperature\n\nSet the temperature in degrees Celsius with `--heat`. The default is "
    "1060, right for earthenware.\n\n## Cooling down\n\nA kiln must cool for eight hours "
    "before its door can be opened safely.\n",
    "guide/glazes.md": "# Glazes\n\nA glaze is a thin layer of glass on a pot. Mix one from silica, alumina and a flux.\n\n"
    "## Colours\n\nCobalt gives blue, copper gives green and iron gives brown. Add at most "
    "five percent of an oxide.\n",
    "faq.md": "# Questions\n\n## Why does my pot crack?\n\nIt dried unevenly, or air was left in the clay. Wedge the clay well and dry it slowly under cloth.\n\n"
    "## Where are my settings stored?\n\nIn the file potter.toml in your home folder. The environment "
    "variable POTTER_CONFIG names another one.\n",
    "api.rst": "API\n===\n\nThe module ``potter.api`` has everything.\n\nThrowing\n--------\n\nCall ``throw(weight)`` with the weight of the clay in grams; it returns a pot.\n\n.. code-block:: python\n\n   pot = throw(800)\n   pot.fire(1060)\n",
}


@pytest.fixture
def pottery(tmp_path: Path) -> Path:
    """A folder of documentation about pottery software."""
    folder = tmp_path / "pottery"
    for name, text in PAGES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def clayloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line, in an empty working directory, with nothing of the caller's environment."""
    for name in ("CLAYLOOP_HOME", "CLAYLOOP_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Command(tmp_path / "state", monkeypatch, capfd)
