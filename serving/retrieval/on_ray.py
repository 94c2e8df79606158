"""Embedding on Ray: many texts are dealt out to workers, each of which loads the model once.

A part is some whole batches, the same as in one process, so the vectors are the same, byte for byte, however
many workers there are. The model travels.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from serving.retrieval.vectors import Vectors
from serving.settings import EmbeddingSettings

EmbedBatch = Callable[[list[str], bool], Vectors]  # texts, and whether they are questions
Load = Callable[[Path, EmbeddingSettings], EmbedBatch]

_BATCHES = 16  # in a part
_loaded: dict[str, EmbedBatch] = {}  # of a worker


def embed_on_ray(
    model: Any, settings: EmbeddingSettings, load: Load, batches: Sequence[list[str]], is_query: bool
) -> Iterator[Vectors]:
    """The vectors of the texts in ``batches``, part by part, in their order. ``load`` makes of the model's
    files what embeds a batch, in a worker.

    The precision ``auto`` is float32: a trial would find something else on each node. Raises what the workers
    raise (curation.RayWorkers).
    """
    precision = "bfloat16" if settings.precision == "bfloat16" else "float32"
    threads = settings.threads or 1
    chosen = {**settings.model_dump(), "engine": "local", "precision": precision, "threads": threads}
    packed = _packed(model)
    key = blake2b(packed, digest_size=16).hexdigest()
    parts = (list(batches[start : start + _BATCHES]) for start in range(0, len(batches), _BATCHES))
    return settings.workers(_embed_part, parts, packed, key, load, chosen, is_query)


def _packed(model: Any) -> bytes:
    """The model's files as a tar archive, the same bytes for the same model."""
    out = io.BytesIO()
    with tempfile.TemporaryDirectory() as scratch, tarfile.open(fileobj=out, mode="w") as archive:
        model.save_pretrained(scratch, create_model_card=False)
        for path in sorted(Path(scratch).rglob("*")):
            if path.is_file():
                member = tarfile.TarInfo(path.relative_to(scratch).as_posix())
                member.size = path.stat().st_size
                with path.open("rb") as file:
                    archive.addfile(member, file)
    return out.getvalue()


def _embed_part(
    batches: list[list[str]], packed: bytes, key: str, load: Load, chosen: dict[str, Any], is_query: bool
) -> Vectors:
    """In a worker."""
    if key not in _loaded:
        _loaded.clear()
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(folder, filter="data")
            _loaded[key] = load(Path(folder), EmbeddingSettings.model_validate(chosen))
    return np.concatenate([_loaded[key](batch, is_query) for batch in batches])
