"""Datasets and tiny models that several tests train on, made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.tasks import dolly as guide, folders, models


@pytest.fixture(scope="session")
def emotions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.emotions(tmp_path_factory.mktemp("tasks") / "emotions", 40)


@pytest.fixture(scope="session")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folders.names(tmp_path_factory.mktemp("tasks") / "names")


@pytest.fixture(scope="session")
def encoder(emotions: Path, names: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BERT that knows the words of both."""
    return models.encoder(tmp_path_factory.mktemp("tasks") / "encoder", texts_of(emotions, names))


@pytest.fixture(scope="session")
def dolly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return guide.write_dolly(tmp_path_factory.mktemp("tasks") / "dolly")


@pytest.fixture(scope="session")
def gpt(dolly: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 that knows its words."""
    texts = [*texts_of(dolly), guide.TEMPLATE, "where does work"]
    return models.language_model(tmp_path_factory.mktemp("tasks") / "gpt", texts)


def texts_of(*datasets: Path) -> list[str]:
    return [
        text
        for dataset in datasets
        for record in json.loads((dataset / "records.json").read_text())
        for text in record["fields"].values()
    ]
