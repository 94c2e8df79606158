"""The base model's vectors come from an index that has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from curation import Corpus, Home, Progress
from serving import Embedder, EmbeddingSettings, RetrievalSettings, ServingSettings, Vectors, bootstrap
from serving.releases.base_vectors import BaseVectors
from serving.releases.store import ReleaseStore
from serving.retrieval.token_weights import weigh_tokens
from tests.training.material import MODEL, make_chunks

EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
CHUNKS = make_chunks()[:12]


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_only_what_no_untrained_release_has_is_embedded(
    strength: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serving = ServingSettings(embedding=EMBEDDING, retrieval=RetrievalSettings(whiten=strength))
    home = Home(tmp_path / "home")
    bootstrap(home, Corpus(documents=[], chunks=CHUNKS), serving)
    texts = [CHUNKS[7].text, "Something else about lamps.", CHUNKS[3].text]
    weighed = Embedder(MODEL, EMBEDDING)
    weigh_tokens(weighed, CHUNKS)
    wanted, asked = weighed.documents(texts), weighed.queries(["Which lamp?"])
    base = BaseVectors(ReleaseStore(home), EMBEDDING)
    embedded: list[str] = []

    def documents(given: Sequence[str], progress: Progress) -> Vectors:
        embedded.extend(given)
        return Embedder.documents(base.embedder, given, progress)

    monkeypatch.setattr(base.embedder, "documents", documents)
    np.testing.assert_allclose(base.documents(texts), wanted, atol=1e-4)
    assert embedded == [texts[1]]
    for quick in (False, True):
        found = BaseVectors(ReleaseStore(home), EMBEDDING, quick)
        np.testing.assert_allclose(found.queries(["Which lamp?"]), asked, atol=1e-5)
        assert found.name == weighed.name


def test_without_a_release_all_is_embedded_with_the_published_model(tmp_path: Path) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    vectors = BaseVectors(ReleaseStore(Home(tmp_path)), EMBEDDING)
    texts = [chunk.text for chunk in CHUNKS[:3]]
    np.testing.assert_array_equal(vectors.documents(texts), embedder.documents(texts))
    assert vectors.documents([]).shape == (0, vectors.dimension)


def test_many_texts_are_worth_loading_torch(tmp_path: Path) -> None:
    home = Home(tmp_path)
    bootstrap(home, Corpus(documents=[], chunks=CHUNKS), ServingSettings(embedding=EMBEDDING))
    vectors = BaseVectors(ReleaseStore(home), EMBEDDING, quick=True)
    one = vectors.queries(["Which lamp?"])
    assert vectors.embedder.is_quick
    many = vectors.queries(["Which lamp?", *(f"Lamp {number}" for number in range(400))])
    assert not vectors.embedder.is_quick
    np.testing.assert_allclose(many[:1], one, atol=1e-5)
