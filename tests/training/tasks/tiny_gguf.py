"""A language model of llama.cpp's kind that is made in a moment and knows nothing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.model_server import packaged_gguf

VOCABULARY = 600
TOKENS, MERGES, TYPES = (f"tokenizer.ggml.{name}" for name in ("tokens", "merges", "token_type"))
SIZES = {
    "block_count": 2,
    "context_length": 4096,
    "embedding_length": 64,
    "feed_forward_length": 128,
    "attention.head_count": 4,
    "attention.head_count_kv": 2,
    "rope.dimension_count": 16,
}
SHAPES = {
    "attn_norm": (64,),
    "ffn_norm": (64,),
    "attn_q": (64, 64),
    "attn_k": (32, 64),
    "attn_v": (32, 64),
    "attn_output": (64, 64),
    "ffn_gate": (128, 64),
    "ffn_up": (128, 64),
    "ffn_down": (64, 128),
}


def tiny_gguf(path: Path) -> Path:
    """A llama of two layers that knows nothing, with the first of SmolLM2's tokens and its chat template: all
    49,152 take half a minute to read."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    fields = gguf.GGUFReader(packaged_gguf()).fields
    tokens = [bytes(fields[TOKENS].parts[place]).decode() for place in fields[TOKENS].data[:VOCABULARY]]
    merges = [bytes(fields[MERGES].parts[place]).decode() for place in fields[MERGES].data[:VOCABULARY]]
    types = [int(fields[TYPES].parts[place][0]) for place in fields[TYPES].data[:VOCABULARY]]
    known = set(tokens)
    short = {
        TOKENS: tokens,
        MERGES: [merge for merge in merges if {*merge.split(" "), merge.replace(" ", "")} <= known],
        TYPES: types,
        "llama.vocab_size": VOCABULARY,
    }
    for field in fields.values():
        if not field.name.startswith(("GGUF.", "general.")):
            value = short.get(field.name) or SIZES.get(field.name.removeprefix("llama.")) or field.contents()
            part = field.types[-1] if len(field.types) > 1 else None
            writer.add_key_value(field.name, value, field.types[0], sub_type=part)
    shapes = {"token_embd.weight": (VOCABULARY, 64), "output_norm.weight": (64,)}
    shapes |= {f"blk.{at}.{name}.weight": shape for at in range(2) for name, shape in SHAPES.items()}
    random = np.random.default_rng(0)
    for name, shape in shapes.items():
        values = random.normal(0, 0.1, shape) if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, values.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
