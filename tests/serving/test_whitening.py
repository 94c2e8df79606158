"""Whitening by the corpus."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from serving import Embedder, EmbeddingSettings, SearchSpace, save_model
from serving.retrieval.whitening import WHITENING, unwhitened, whiten, whitening
from tests.training.material import MODEL, make_chunks

EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
CHUNKS = make_chunks()[:12]
TEXTS = [chunk.text for chunk in CHUNKS]


@given(st.integers(1, 60), st.integers(2, 12), st.integers(0, 10_000))
@settings(max_examples=60, deadline=None)
def test_without_strength_it_only_turns(number: int, size: int, seed: int) -> None:
    vectors = np.random.default_rng(seed).normal(size=(number, size)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    turned = vectors @ whitening(vectors, 0.0, [f"{row // 3}.md" for row in range(number)])
    np.testing.assert_allclose(turned @ turned.T, vectors @ vectors.T, atol=1e-5)
    apart = vectors @ whitening(vectors, 0.0, [f"{row}.md" for row in range(number)])
    assert (np.diff((apart**2).mean(axis=0)) <= 1e-6).all()


def test_whole_whitening_of_many_texts_makes_all_directions_alike() -> None:
    chance = np.random.default_rng(1)
    vectors = (chance.normal(size=(20_000, 4)) * [4, 2, 1, 0.5]).astype(np.float32)
    documents = [f"{row}.md" for row in range(len(vectors))]
    variance = ((vectors @ whitening(vectors, 0.5, documents)) ** 2).mean(axis=0)
    np.testing.assert_allclose(variance / variance.mean(), 1, atol=0.02)
    halfway = ((vectors @ whitening(vectors, 0.25, documents)) ** 2).mean(axis=0)
    assert (np.diff(halfway) < 0).all()


def test_the_first_dimension_tells_documents_apart() -> None:
    chance = np.random.default_rng(2)
    documents = [f"{row % 40}.md" for row in range(4_000)]
    own = chance.normal(size=(40, 4)) * [0, 0, 1, 0]
    vectors = (own[np.arange(4_000) % 40] + chance.normal(size=(4_000, 4)) * [1.5, 1.2, 0.1, 1]).astype(
        np.float32
    )
    first = vectors @ whitening(vectors, 0.25, documents)[:, 0]
    assert abs(np.corrcoef(first, vectors[:, 2])[0, 1]) > 0.95
    one = vectors @ whitening(vectors, 0.25, ["all.md"] * 4_000)[:, 0]
    assert abs(np.corrcoef(one, vectors[:, 2])[0, 1]) < 0.3
    assert np.isfinite(one).all()


def test_the_layer_is_part_of_the_model_and_comes_off_again(tmp_path: Path) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    before = embedder.documents(TEXTS)
    vectors = whiten(embedder, SearchSpace.plain(before), CHUNKS, 0.3).chunks
    np.testing.assert_allclose(embedder.documents(TEXTS), vectors, atol=1e-5)
    assert not np.allclose(vectors @ vectors.T, before @ before.T, atol=0.01)
    save_model(embedder, tmp_path / "model")
    assert not list((tmp_path / "model").rglob("*.bin"))
    np.testing.assert_allclose(unwhitened(tmp_path / "model", vectors), before, atol=1e-5)
    again = Embedder(tmp_path / "model", EMBEDDING)
    np.testing.assert_array_equal(again.documents(TEXTS), embedder.documents(TEXTS))
    assert again.dimension == embedder.dimension
    assert again.remove_layers(WHITENING)
    np.testing.assert_array_equal(again.documents(TEXTS), before)
    assert not again.remove_layers(WHITENING)


@pytest.mark.parametrize("number", [1, 2])
def test_hardly_any_text_is_no_problem(number: int) -> None:
    embedder = Embedder(MODEL, EMBEDDING)
    space = SearchSpace.plain(embedder.documents(TEXTS[:number]))
    vectors = whiten(embedder, space, CHUNKS[:number], 0.5).chunks
    assert np.isfinite(vectors).all()
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("stored", ["float16", "bfloat16"])
def test_a_model_that_is_stored_in_half_precision_is_whitened_too(stored: str, tmp_path: Path) -> None:
    import torch

    half = Embedder(MODEL, EMBEDDING)
    half.model.to(getattr(torch, stored))
    save_model(half, tmp_path / "half")
    embedder = Embedder(tmp_path / "half", EMBEDDING)
    vectors = whiten(embedder, SearchSpace.plain(embedder.documents(TEXTS)), CHUNKS, 0.3).chunks
    np.testing.assert_allclose(embedder.documents(TEXTS), vectors, atol=1e-5)
