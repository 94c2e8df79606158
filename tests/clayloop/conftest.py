"""A small documentation set, and the command line on an empty state folder."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from curation import ChunkSettings, Corpus, Home, ingest
from serving import ModelTokenCounter, ServingSettings, bootstrap
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
    return _written(tmp_path / "pottery")


def _written(folder: Path) -> Path:
    for name, text in PAGES.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def first_state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A state folder after `ingest` and `bootstrap`, made once."""
    root = tmp_path_factory.mktemp("first")
    home, serving = Home(root / "state"), ServingSettings()
    counter = ModelTokenCounter(serving.embedding.model)
    ingest([str(_written(root / "pottery"))], home, ChunkSettings(), counter)
    bootstrap(home, Corpus.load(home), serving)
    return home.root


@pytest.fixture
def served(clayloop: Command, first_state: Path) -> Command:
    """The command line on a copy of that."""

    def copied(source: str, target: str) -> None:  # nobody writes into a model's file
        (os.link if source.endswith(".safetensors") else shutil.copy2)(source, target)

    shutil.copytree(first_state, clayloop.home, copy_function=copied)
    return clayloop


@pytest.fixture
def clayloop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Command:
    """The command line, in an empty working directory, with nothing of the caller's environment."""
    for name in ("CLAYLOOP_HOME", "CLAYLOOP_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return Command(tmp_path / "state", monkeypatch, capfd)
