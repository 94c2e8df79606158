"""Averaging the trained weights with those that training started from."""

from __future__ import annotations

import torch
from transformers import T5Config, T5EncoderModel

from training.fit.train import average, copy_of


def test_every_weight_goes_back_by_the_share_whatever_the_number_of_its_names() -> None:
    config = T5Config(vocab_size=20, d_model=8, d_ff=8, num_layers=1, num_heads=2, d_kv=4)
    model = T5EncoderModel(config)
    assert model.shared.weight is model.encoder.embed_tokens.weight
    start = {name: weights.clone() for name, weights in model.state_dict().items()}
    before = copy_of(model)
    with torch.no_grad():
        for weights in model.parameters():
            weights.add_(1.0)
    average(model, before, 0.25)
    for name, weights in model.state_dict().items():
        torch.testing.assert_close(weights, start[name] + 0.75)
