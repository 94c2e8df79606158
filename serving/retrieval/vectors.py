"""Vectors of texts: one row of float32 for each text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Vectors = npt.NDArray[np.float32]

_READ = 100_000_000  # bytes of a file
MOST_CHUNKS = 20_000  # of which a model learns what the corpus is like: more tell hardly more


def spread(count: int, most: int) -> npt.NDArray[np.int64]:
    """``most`` of the places 0 to ``count`` - 1, evenly spread; all of them if there are no more."""
    return np.linspace(0, count - 1, min(count, most)).astype(np.int64)


def truncate_vectors(vectors: Vectors, dim: int) -> Vectors:
    """The first ``dim`` columns of (n, d) ``vectors``, each row of unit length again (a zero row stays zero).

    How a Matryoshka model is used at a smaller dimension (Kusupati et al. 2022, arXiv:2205.13147).
    Raises ValueError when ``dim`` is not in 1..d.
    """
    if not 1 <= dim <= vectors.shape[1]:
        raise ValueError(f"dim must be between 1 and {vectors.shape[1]}, not {dim}")
    cut = np.ascontiguousarray(vectors[:, :dim], dtype=np.float32)
    norms = np.linalg.norm(cut, axis=1, keepdims=True)
    unit: Vectors = np.divide(cut, norms, out=np.zeros_like(cut), where=norms > 0)
    return unit


def is_small(path: Path) -> bool:
    """Whether the file is read, and not mapped: one that another machine removes or cuts short then does not
    end the bot. What is larger would take too much memory, and processes that map it share it."""
    return path.stat().st_size <= _READ


def loaded(path: Path) -> npt.NDArray[Any]:
    """The array that numpy saved at ``path``, to be read only. Of a large one only what is used comes into
    memory."""
    found: npt.NDArray[Any] = np.load(path, mmap_mode=None if is_small(path) else "r", allow_pickle=False)
    return np.asarray(found)
