"""Datasets and tiny models that several tests train on, made once."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.training.tasks import folders, models


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


def texts_of(*datasets: Path) -> list[str]:
    return [
        text
        for dataset in datasets
        for record in json.loads((dataset / "records.json").read_text())
        for text in record["fields"].values()
    ]
