"""The corpus and its accepted questions on a plane: near together is near in meaning.

t-SNE (van der Maaten and Hinton 2008) by scikit-learn from the first principal components. It takes half a
minute for some thousand points, so the places are kept in ``maps/`` of the state folder, a file a release.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from curation import Decision, Home, StateError, read_json, write_text
from serving import INDEX_FOLDER, ChunkIndex, ReleaseStore

Standing = Literal["wrong", "refused", "accepted", "open"]
MOST_CHUNKS, MOST_QUESTIONS = 2_000, 500
_FEW = 10  # points, below which components alone must do
_COMPONENTS = 50
_SEED = 15


@dataclass(frozen=True)
class Point:
    """A chunk, or an accepted question that leads to the chunk ``id``, and where it lies."""

    id: str
    what: Literal["chunk", "question"]
    title: str
    text: str
    x: float
    y: float


def read_map(home: Home, release: str) -> list[Point]:
    """The points of a release, all of a small corpus, every nth chunk of a large one. Raises ReleaseError for
    a damaged release."""
    store = ReleaseStore(home)
    index = ChunkIndex.open(store.folder(release) / INDEX_FOLDER)
    chunks, vectors = index.sample(MOST_CHUNKS)
    questions = index.questions()[:MOST_QUESTIONS] if store.get(release).index.rows <= MOST_CHUNKS else []
    if questions:
        vectors = np.concatenate([vectors, index.space().questions.leads.vectors[: len(questions)]])
    places = _places(home, release, vectors)
    named = [(one.id, "chunk", " › ".join((one.path, *one.section)), one.body) for one in chunks]
    named += [(one.chunk_id, "question", one.text, "") for one in questions]
    return [
        Point(key, what, title, text, float(x), float(y))  # type: ignore[arg-type]
        for (key, what, title, text), (x, y) in zip(named, places, strict=True)
    ]


def standings(decisions: Sequence[Decision]) -> Mapping[str, Standing]:
    """What became of each chunk that somebody judged: an answer from it was wrong, it was refused, or it (or
    a question about it) was accepted. The first of these that holds."""
    found: dict[str, Standing] = {}
    for one in decisions:
        key = one.record_id if one.dataset == "chunks" else str(one.metadata.get("chunk_id", ""))
        if one.dataset == "conversations" and one.verdict == "rejected":
            found[key] = "wrong"
        elif one.dataset == "chunks" and one.verdict == "rejected":
            if found.get(key) != "wrong":
                found[key] = "refused"
        elif one.verdict == "accepted":
            found.setdefault(key, "accepted")
    return found


def _places(home: Home, release: str, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    path = home.root / "maps" / f"{release}.json"
    try:
        known = np.asarray(read_json(path), dtype=np.float64)
        if known.shape == (len(vectors), 2):
            return known
    except (OSError, StateError, ValueError):
        pass  # there is none yet, or it is damaged: it is made again
    found = _projected(vectors)
    rounded = np.round(found, 3)
    write_text(path, json.dumps(rounded.tolist()))
    return rounded


def _projected(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    parts = min(_COMPONENTS, *vectors.shape)
    reduced = (
        PCA(parts, random_state=_SEED).fit_transform(vectors) if parts > 1 else np.zeros((len(vectors), 2))
    )
    if len(vectors) < _FEW:
        return np.asarray(np.pad(reduced, ((0, 0), (0, 2)))[:, :2], dtype=np.float64)
    near = min(30.0, (len(vectors) - 1) / 3)
    made = TSNE(2, perplexity=near, init="pca", random_state=_SEED, metric="euclidean", n_jobs=1)
    return np.asarray(made.fit_transform(reduced), dtype=np.float64)
