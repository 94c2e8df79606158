"""Soft whitening: the directions in which all chunks of a corpus point alike count less, rare ones more.

All texts of one documentation share a good part of their vectors ("this is about Django"), which says nothing
about which of them answers a question. A linear layer after the model turns the space into the corpus's
principal directions and divides each by its variance to the power of ``strength``: 0 only turns, 0.5 whitens
wholly (Su et al. 2021, arXiv:2103.15316; Huang et al. 2021, arXiv:2104.01767). It needs the chunks and no
question. The whitened space is then turned so that the directions come first in which documents differ most:
the first 64 dimensions tell documents apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from curation import Chunk
from serving.retrieval.embedding import Embedder
from serving.retrieval.space import SearchSpace
from serving.retrieval.vectors import MOST_CHUNKS, Vectors, spread, truncate_vectors

LAYER, _UNIT = WHITENING = ("whitening", "whitening_unit")  # the names of its layers
_OWN = 0.3  # weight of the differences between chunks beside those between documents


def whitening(vectors: Vectors, strength: float, documents: Sequence[str]) -> Vectors:
    """The (d, d) matrix W for (n, d) unit ``vectors``: vectors @ W are whitened, best direction first.

    ``documents`` names the document that each row is from; cosines over all dimensions do not depend on it.
    The best direction is the one that tells documents apart best (`_telling_apart`). The spectrum is shrunk
    to its mean by d / (n + d), since few texts say little about many directions (after Ledoit and Wolf 2004).
    """
    number, size = vectors.shape
    second = vectors.astype(np.float64).T @ vectors.astype(np.float64) / number
    spectrum, directions = np.linalg.eigh(second)
    spectrum, directions = np.maximum(spectrum[::-1], 0.0), directions[:, ::-1]
    shrinkage = size / (number + size)
    shrunk = (1 - shrinkage) * spectrum + shrinkage * spectrum.mean()
    scaled = directions * (shrunk / shrunk.mean()) ** -strength
    matrix = scaled @ _telling_apart(vectors @ scaled, documents)
    signs = np.sign(matrix[np.abs(matrix).argmax(axis=0), np.arange(size)])  # eigh leaves them open
    whitened: Vectors = (matrix * signs).astype(np.float32)
    return whitened


def _telling_apart(vectors: npt.NDArray[np.float64], documents: Sequence[str]) -> npt.NDArray[np.float64]:
    """An orthogonal (d, d) matrix: directions by how much the documents' means differ in them, largest first.

    A share of the chunks' own differences is added, so that few documents leave no direction open.
    """
    _, document, chunks = np.unique(
        np.asarray(documents, dtype=object), return_inverse=True, return_counts=True
    )
    sums = np.zeros((len(chunks), vectors.shape[1]))
    np.add.at(sums, document, vectors)
    between = (sums / chunks[:, None]).T @ sums
    directions: npt.NDArray[np.float64] = np.linalg.eigh(between + _OWN * vectors.T @ vectors)[1][:, ::-1]
    return directions


def whiten(embedder: Embedder, space: SearchSpace, chunks: Sequence[Chunk], strength: float) -> SearchSpace:
    """Give ``embedder.model`` a layer that whitens by ``chunks``, whose vectors ``space`` has; the space as
    the model sees it then. ``strength`` 0 changes nothing.

    The model must have no such layer yet (``Embedder.remove_layers`` takes ``WHITENING`` off).
    """
    if not strength:
        return space
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    documents = [f"{chunk.source}\t{chunk.path}" for chunk in chunks]
    some = spread(len(space), MOST_CHUNKS)
    matrix = whitening(space.chunks[some], strength, [documents[row] for row in some])
    layer = Dense(
        embedder.dimension,
        embedder.dimension,
        bias=False,
        activation_function=torch.nn.Identity(),
        init_weight=torch.from_numpy(np.ascontiguousarray(matrix.T)),
    )
    model: Any = embedder.model
    model.add_module(LAYER, layer.to(model.device))
    model.add_module(_UNIT, Normalize())
    embedder.forget()
    return space.turned(matrix)


def unwhitened(model: Path, vectors: Vectors) -> Vectors:
    """What the (n, d) unit ``vectors`` of the model in the folder ``model`` are without its whitening."""
    from safetensors.numpy import load_file

    parts = json.loads((model / "modules.json").read_text(encoding="utf-8"))
    folder = next((part["path"] for part in parts if part["name"] == LAYER), None)
    if folder is None:
        return vectors
    (weight,) = load_file(model / folder / "model.safetensors").values()
    return truncate_vectors(np.linalg.solve(weight.astype(np.float64), vectors.T).T, vectors.shape[1])
