"""A small documentation set, and the command line on an empty state folder."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clayloop.command import Command

PAGES = {
    "guide/install.md": """\
# Installing

Run `pip install potter` on Python 3.10 or newer. On Windows use the py launcher.

## Upgrading

Run `pip install --upgrade potter`. Old kilns keep working, their files are migrated at the next start.
""",
    "guide/kilns.md": """\
# Kilns

A kiln fires pots in the background. Start one with `potter kiln start`.

## Temperature

Set the temperature in degrees Celsius with `--heat`. The default is 1060, right for earthenware.

## Cooling down

A kiln must cool for eight hours before its door can be opened safely.
""",
    "guide/glazes.md": """\
# Glazes

A glaze is a thin layer of glass on a pot. Mix one from silica, alumina and a flux.

## Colours

Cobalt gives blue, copper gives green and iron gives brown. Add at most five percent of an oxide.
""",
    "faq.md": """\
# Questions

## Why does my pot crack?

It dried unevenly, or air was left in the clay. Wedge the clay well and dry it slowly under cloth.

## Where are my settings stored?

In the file potter.toml in your home folder. The environment variable POTTER_CONFIG names another one.
""",
    "api.rst": """\
API
===

The module ``potter.api`` has everything.

Throwing
--------

Call ``throw(weight)`` with the weight of the clay in grams; it returns a pot.

.. code-block:: python

   pot = throw(800)
   pot.fire(1060)
""",
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
