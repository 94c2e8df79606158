"""A BERT sentence model computed by numpy, for those who embed one question at a time and start often.

To load torch and sentence-transformers takes most of the time of `clayloop search` and of a bot's start, and
a third of the bot's memory. For one question this takes less time than torch, and its vectors differ from
torch's by less than 1e-6 (tests/serving/test_quick_model.py). What is trained, or embeds many texts, uses
torch; so does every model that is built otherwise (``QuickModel.load`` gives None for it).
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np

from serving.retrieval.tokens import ModelTokenCounter
from serving.retrieval.vectors import Vectors

Weights = dict[str, Vectors]
Layer = Callable[[Vectors], Vectors]

_AFTER_POOLING = ("Normalize", "Dense")
_PIECE = 250_000  # numbers that are read at once
_REMEMBERED = 5_000  # texts: some ten megabytes


class QuickModel:
    """What ``Embedder`` needs of a SentenceTransformer, with the weights of ``folder``."""

    def __init__(
        self,
        folder: Path,
        modules: _Modules,
        max_tokens: int | None,
        like: QuickModel | None = None,
    ) -> None:
        config = _read(folder / "config.json")
        # What is asked or quoted again is remembered, also by a model that takes the layers over.
        self._mean: Callable[[tuple[int, ...]], Vectors] = (
            like._mean if like else lru_cache(_REMEMBERED)(_Bert(folder, config, modules.token_weights).mean)
        )
        # Weights may be stored in half precision: how we compute is ours.
        self._after = [_after_pooling(kind, path) for kind, path in modules.after_pooling]
        prompts = _read(folder / "config_sentence_transformers.json").get("prompts") or {}
        self._prompts = {name: str(prompts.get(name, "")) for name in ("query", "document")}
        self.max_seq_length = max_tokens or _longest(folder, config)
        self.counter: ModelTokenCounter = like.counter if like else ModelTokenCounter.shared(folder)
        self.device = SimpleNamespace(type="numpy")

    @classmethod
    def load(
        cls,
        folder: Path,
        max_tokens: int | None = None,
        like: QuickModel | None = None,
        without: Sequence[str] = (),
    ) -> QuickModel | None:
        """The model in ``folder``, or None where it is none that can be computed here. It reads the first
        ``max_tokens`` of a text (None: as its files say). The layers up to the pooling are taken from
        ``like`` where that is given: it has the same weights, config and tokenizer. Modules that ``without``
        names are left out."""
        modules = _modules(folder, without)
        if modules is None or not (folder / "model.safetensors").is_file():
            return None
        return cls(folder, modules, max_tokens, like)

    def get_embedding_dimension(self) -> int:
        return len(self._vector(""))

    def encode_query(self, texts: Sequence[str], **_: Any) -> Vectors:
        return np.stack([self._vector(self._prompts["query"] + text) for text in texts])

    def encode_document(self, texts: Sequence[str], **_: Any) -> Vectors:
        return np.stack([self._vector(self._prompts["document"] + text) for text in texts])

    def _vector(self, text: str) -> Vectors:
        # Embedder sorts by length and gives batches: here there is nothing to pad.
        ids = self.counter.ids(text)
        if len(ids) > self.max_seq_length:
            ids = [*ids[: self.max_seq_length - 1], ids[-1]]  # the last one ends a text
        found: Vectors = self._mean(tuple(ids))
        for layer in self._after:
            found = layer(found)
        return found


class _Bert:
    """Devlin et al. 2018, arXiv:1810.04805, with the exact GELU, for one text at a time.

    States are (features, tokens): with few tokens BLAS multiplies weights by states in half the time that
    states by transposed weights take.
    """

    def __init__(self, folder: Path, config: dict[str, Any], token_weights: Path | None) -> None:
        weights = _read_weights(folder)
        self._weights = {name.removeprefix("bert."): one for name, one in weights.items()}
        self._token_weights = (
            _read_weights(token_weights)["emb_layer.weight"][:, 0]
            if token_weights
            else np.ones(config["vocab_size"], np.float32)
        )
        self._layers, self._heads = config["num_hidden_layers"], config["num_attention_heads"]
        self._epsilon = np.float32(config["layer_norm_eps"])
        for number in range(self._layers):
            self._join(f"encoder.layer.{number}.attention.self.")

    def mean(self, ids: Sequence[int]) -> Vectors:
        """(d,): the mean of the last layer over the tokens ``ids``, each by its weight."""
        weights, place = self._weights, "embeddings."
        states = (
            weights[place + "word_embeddings.weight"][list(ids)]
            + weights[place + "position_embeddings.weight"][: len(ids)]
            + weights[place + "token_type_embeddings.weight"][0]
        )
        states = self._normed(np.ascontiguousarray(states.T), place + "LayerNorm")
        for number in range(self._layers):
            states = self._layer(states, f"encoder.layer.{number}.")
        shares = self._token_weights[list(ids)]
        found: Vectors = states @ (shares / shares.sum())
        return found

    def _join(self, place: str) -> None:
        """Query, key and value become one product."""
        for kind in ("weight", "bias"):
            parts = [self._weights.pop(f"{place}{part}.{kind}") for part in ("query", "key", "value")]
            self._weights[f"{place}all.{kind}"] = np.concatenate(parts)

    def _layer(self, states: Vectors, name: str) -> Vectors:
        tokens = states.shape[1]
        joined = self._linear(states, name + "attention.self.all")
        query, key, value = joined.reshape(3, self._heads, -1, tokens)
        scores = key.transpose(0, 2, 1) @ query / np.sqrt(np.float32(query.shape[1]))
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        attended = self._linear((value @ weights).reshape(-1, tokens), name + "attention.output.dense")
        attended = self._normed(attended + states, name + "attention.output.LayerNorm")
        wide = _gelu(self._linear(attended, name + "intermediate.dense"))
        return self._normed(self._linear(wide, name + "output.dense") + attended, name + "output.LayerNorm")

    def _linear(self, states: Vectors, name: str) -> Vectors:
        found: Vectors = self._weights[name + ".weight"] @ states
        found += self._weights[name + ".bias"][:, None]
        return found

    def _normed(self, states: Vectors, name: str) -> Vectors:
        """``states`` are the caller's no longer: they are centred in place."""
        states -= states.mean(axis=0)
        spread = np.sqrt((states * states).mean(axis=0) + self._epsilon)
        found: Vectors = states / spread * self._weights[name + ".weight"][:, None]
        found += self._weights[name + ".bias"][:, None]
        return found


def _gelu(states: Vectors) -> Vectors:
    """With the error function by Abramowitz and Stegun 7.1.26, which is off by at most 1.5e-7."""
    scaled = np.abs(states) * np.float32(0.5**0.5)
    step = 1 / (1 + np.float32(0.3275911) * scaled)
    terms = np.zeros_like(step)
    for factor in (1.061405429, -1.453152027, 1.421413741, -0.284496736, 0.254829592):
        terms += np.float32(factor)
        terms *= step
    terms *= np.exp(-scaled * scaled)
    # x (1 + erf(x)) / 2 is x less the tail for a positive x, the tail for a negative one.
    found: Vectors = np.maximum(states, 0) - np.float32(0.5) * np.abs(states) * terms
    return found


class _Modules(NamedTuple):
    """Where the parts beside the transformer lie: the token weights, and each that comes after the pooling,
    by its kind."""

    token_weights: Path | None
    after_pooling: list[tuple[str, Path]]


def _modules(folder: Path, without: Sequence[str]) -> _Modules | None:
    """None for a model that is built otherwise."""
    try:
        listed = [
            (str(one["type"]).rpartition(".")[2], folder / one["path"])
            for one in _read(folder / "modules.json")
            if one["name"] not in without
        ]
        weighing = listed.pop(1)[1] if listed[1][0] == "WordWeights" else None
        config = _read(folder / "config.json")
        pooling = _read(listed[1][1] / "config.json")
        dense = [_read(path / "config.json") for kind, path in listed[2:] if kind == "Dense"]
        reading = folder / "sentence_bert_config.json"
        lowers = reading.is_file() and _read(reading).get("do_lower_case", False)
    except (OSError, ValueError, KeyError, IndexError, TypeError):
        return None
    is_bert = (
        config.get("model_type") == "bert"
        and config.get("hidden_act") == "gelu"
        and config.get("position_embedding_type", "absolute") == "absolute"
        and "bfloat16" not in (config.get("dtype"), config.get("torch_dtype"))  # numpy has none
    )
    means = _pools_by_mean(pooling) and pooling.get("include_prompt", True)
    plain = all(not one.get("bias") and one["activation_function"].endswith("Identity") for one in dense)
    shape = [kind for kind, _ in listed]
    known = shape[:2] == ["Transformer", "Pooling"] and set(shape[2:]) <= set(_AFTER_POOLING)
    return _Modules(weighing, listed[2:]) if is_bert and means and plain and known and not lowers else None


def _pools_by_mean(pooling: dict[str, Any]) -> bool:
    """As newer models say it, or as those published before: a flag for each mode."""
    if "pooling_mode" in pooling:
        return bool(pooling["pooling_mode"] == "mean")
    return {key for key, value in pooling.items() if key.startswith("pooling_mode_") and value} == {
        "pooling_mode_mean_tokens"
    }


def _longest(folder: Path, config: dict[str, Any]) -> int:
    """The most tokens of a text, as sentence-transformers finds it."""
    for file, key in (
        ("sentence_bert_config.json", "max_seq_length"),
        ("tokenizer_config.json", "model_max_length"),
    ):
        path = folder / file
        limit = _read(path).get(key) if path.is_file() else None
        if limit:
            return min(int(limit), int(config["max_position_embeddings"]))
    return int(config["max_position_embeddings"])


def _after_pooling(kind: str, folder: Path) -> Layer:
    if kind == "Normalize":
        return _unit
    matrix = _read_weights(folder)["linear.weight"].T
    return lambda vector: vector @ matrix


def _unit(vector: Vectors) -> Vectors:
    found: Vectors = vector / max(float(np.linalg.norm(vector)), 1e-12)
    return found


def _read_weights(folder: Path) -> Weights:
    """In pieces: while safetensors copies one, no other thread runs, and the release before is asked."""
    from safetensors import safe_open

    weights = {}
    with safe_open(folder / "model.safetensors", "numpy") as file:
        for name in file.keys():  # noqa: SIM118 - it is no dictionary
            tensor = file.get_slice(name)
            rows, *row = tensor.get_shape()
            found = np.empty((rows, *row), np.float32)
            step = max(1, _PIECE // math.prod(row))
            for at in range(0, rows, step):
                part = slice(at, min(at + step, rows))
                found[part] = tensor[part]
            weights[name] = found
    return weights


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))
