"""How much each token counts in the mean that a text's vector is: little where the corpus is full of it.

A model that pools by the mean lets "the" and the product's name count as much as the word that a question
turns on. Smooth inverse frequency (Arora, Liang and Ma 2017, "A simple but tough-to-beat baseline for
sentence embeddings") weighs a token by a / (a + its share of all tokens). It needs the chunks and no
question, and costs nothing when a text is embedded (docs/measurements/2026-11-token-weights.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation import Chunk
from serving.retrieval.embedding import Embedder
from serving.retrieval.vectors import MOST_CHUNKS, spread

WEIGHTS_LAYER = "token_weights"  # the name of the layer
_SHARE = 1e-3  # a: a token with this share of all tokens counts half
_SPECIAL = 1e-6  # of [CLS] and [SEP], which every text has; not 0: an empty text has nothing else


def weigh_tokens(embedder: Embedder, chunks: Sequence[Chunk]) -> None:
    """Give ``embedder.model``, which has none yet, a layer before its pooling that weighs tokens by how rare
    they are in ``chunks``.

    A model that pools by something else than the mean, or has no fast tokenizer, stays as it is.
    """
    model: Any = embedder.model
    layers = list(model._modules.items())
    if embedder.counter is None or not _pools_by_mean(layers):
        return
    from sentence_transformers.sentence_transformer.modules import WordWeights

    some = spread(len(chunks), MOST_CHUNKS)
    seen = embedder.counter.frequencies([chunks[place].text for place in some])
    for prompt in (model.prompts or {}).values():  # which every text has before it
        seen.update({token: len(some) for token in embedder.counter.frequencies([prompt])})
    vocabulary, around = embedder.counter.vocabulary(), embedder.counter.added()
    # One more of each: in a small corpus a token that comes once is not frequent.
    total = sum(seen.values()) + len(vocabulary)

    def weight(count: int) -> float:
        return _SHARE / (_SHARE + (count + 1) / total)

    weights = {vocabulary[token]: weight(count) for token, count in seen.items()}
    weights |= {vocabulary[token]: _SPECIAL for token in around}
    layer = WordWeights(vocabulary, weights, unknown_word_weight=weight(0))
    layer.requires_grad_(False)
    model._modules.clear()
    for place, (name, module) in enumerate(layers):
        if place == 1:
            model.add_module(WEIGHTS_LAYER, layer.to(model.device))
        model.add_module(name, module)
    embedder.forget()


def _pools_by_mean(layers: Sequence[tuple[str, Any]]) -> bool:
    """Whether tokens' states are followed by their mean, and nothing comes between."""
    names = [type(module).__name__ for _, module in layers[:2]]
    return names == ["Transformer", "Pooling"] and layers[1][1].pooling_mode == "mean"
