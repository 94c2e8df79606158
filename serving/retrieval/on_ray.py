"""Embedding on Ray: many texts are dealt out to workers, each of which loads the model once.

A part is some whole batches, the same as in one process, so the vectors are the same, byte for byte, however
many workers there are. A worker that dies costs its part: Ray gives it to another one. Every node has
clayloop in its environment; the model travels.
"""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np

from curation import SettingsError, StateError, first_line
from serving.retrieval.vectors import Vectors
from serving.settings import EmbeddingSettings

EmbedBatch = Callable[[list[str], bool], Vectors]  # texts, and whether they are questions
Load = Callable[[Path, EmbeddingSettings], EmbedBatch]

_BATCHES = 16  # in a part
_AHEAD = 2  # parts for each processor that wait in Ray's memory
_RETRIES = 5  # of a part whose worker died
_loaded: dict[str, EmbedBatch] = {}  # of a worker


def embed_on_ray(
    model: Any, settings: EmbeddingSettings, load: Load, batches: Sequence[list[str]], is_query: bool
) -> Iterator[Vectors]:
    """The vectors of the texts in ``batches``, part by part, in their order. ``load`` makes of the model's
    files what embeds a batch, in a worker.

    The precision ``auto`` is float32: a trial would find something else on each node. Raises SettingsError
    without Ray, StateError when the cluster cannot be reached or gives up.
    """
    precision = "bfloat16" if settings.precision == "bfloat16" else "float32"
    threads = settings.threads or 1
    chosen = {**settings.model_dump(), "engine": "local", "precision": precision, "threads": threads}
    try:
        import ray
    except ImportError as error:
        raise SettingsError(
            'serving.embedding.engine = "ray" needs the package ray.', "pip install 'clayloop[ray]'"
        ) from error
    try:
        if not ray.is_initialized():
            ray.init(address=settings.ray_address or None, log_to_driver=False, include_dashboard=False)
        packed = _packed(model)
        files, key = ray.put(packed), blake2b(packed, digest_size=16).hexdigest()
        work = ray.remote(num_cpus=1, max_retries=_RETRIES)(_embed_part)
        room = _AHEAD * max(1, int(ray.cluster_resources().get("CPU", 1)))
        waiting: deque[Any] = deque()
        for start in range(0, len(batches), _BATCHES):
            part = list(batches[start : start + _BATCHES])
            waiting.append(work.remote(files, key, load, chosen, part, is_query))
            if len(waiting) >= room:
                yield ray.get(waiting.popleft())
        while waiting:
            yield ray.get(waiting.popleft())
    except (ray.exceptions.RayError, ConnectionError, RuntimeError) as error:
        raise StateError(
            f"Ray ({settings.ray_address or 'on this machine'}) failed while embedding: {first_line(error)}",
            'Look at `ray status`, or set serving.embedding.engine = "local"; nothing was changed.',
        ) from error


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
    packed: bytes, key: str, load: Load, chosen: dict[str, Any], batches: list[list[str]], is_query: bool
) -> Vectors:
    """In a worker."""
    if key not in _loaded:
        _loaded.clear()
        with tempfile.TemporaryDirectory() as folder:
            with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
                archive.extractall(folder, filter="data")
            _loaded[key] = load(Path(folder), EmbeddingSettings.model_validate(chosen))
    return np.concatenate([_loaded[key](batch, is_query) for batch in batches])
