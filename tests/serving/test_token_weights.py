"""Tokens that the corpus is full of count less."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from serving import FITTED, Embedder, EmbeddingSettings, fit_space, save_model
from serving.retrieval.token_weights import WEIGHTS_LAYER, weigh_tokens
from tests.training.material import MODEL, make_chunks

EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
CHUNKS = make_chunks()[:12]
TEXTS = [*(chunk.text for chunk in CHUNKS), "", "\ud800 🙂 中文"]


def cosine(embedder: Embedder, one: str, other: str) -> float:
    first, second = embedder.documents([one, other])
    return float(first @ second)


def test_a_word_that_every_chunk_has_hardly_tells_two_texts_apart() -> None:
    common = [chunk.model_copy(update={"text": f"Lamplighter. {chunk.text}"}) for chunk in CHUNKS]
    plain, weighed = Embedder(MODEL, EMBEDDING), Embedder(MODEL, EMBEDDING)
    weigh_tokens(weighed, common * 40)
    pair = "How is the filter cleaned?", "Lamplighter: how is the Lamplighter filter cleaned?"
    assert cosine(weighed, *pair) > cosine(plain, *pair)


def test_hardly_any_text_changes_hardly_anything() -> None:
    """A token that comes once in a handful of chunks is not frequent."""
    plain, weighed = Embedder(MODEL, EMBEDDING), Embedder(MODEL, EMBEDDING)
    weigh_tokens(weighed, CHUNKS[:1])
    vectors = weighed.documents(TEXTS)
    assert (vectors[:12] * plain.documents(TEXTS)[:12]).sum(axis=1).min() > 0.95
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_the_layer_is_part_of_the_model_and_comes_off_again(tmp_path: Path) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    before = embedder.documents(TEXTS)
    space = fit_space(embedder, CHUNKS, 0.15)
    fitted = embedder.documents(TEXTS)
    np.testing.assert_allclose(space.chunks, fitted[:12], atol=1e-5)
    assert np.isfinite(fitted).all()
    save_model(embedder, tmp_path / "model")
    again = Embedder(tmp_path / "model", EMBEDDING)
    np.testing.assert_array_equal(again.documents(TEXTS), fitted)
    np.testing.assert_allclose(fit_space(again, CHUNKS, 0.15).chunks, space.chunks, atol=1e-5)
    assert again.remove_layers(FITTED)
    np.testing.assert_array_equal(again.documents(TEXTS), before)


@pytest.mark.parametrize("pooling", ["cls", "max"])
def test_a_model_that_takes_no_mean_stays_as_it_is(pooling: str) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    embedder.model[1].pooling_mode = pooling
    weigh_tokens(embedder, CHUNKS)
    assert not embedder.remove_layers([WEIGHTS_LAYER])
