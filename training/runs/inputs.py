"""Digests of all that a run's result depends on.

Files count by what is in them, not by their paths. The digests are taken before every retrain and whenever
the watcher looks, so they must be quick: of large files (weights) only samples are read. Fine-tuning changes
weights all over, so the samples tell two versions of a model apart.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from curation import Decision, SettingsError, content_id
from serving import ServingSettings, resolve_model
from training.ledger.context import RunContext
from training.ledger.people import Selection
from training.runs.record import RunInputs
from training.settings import TestSetSettings, TrainingSettings

# Settings that say when to retrain, or that the selection holds already.
_NOT_INPUTS = {"min_new", "without_annotators"}

_SET_FILES = ("queries.jsonl", "qrels.tsv", "qrels/test.tsv", "corpus.jsonl")
_MODEL_FILES = frozenset({".json", ".safetensors", ".txt", ".model"})
_WHOLE = 8 << 20  # bytes up to which a model's file is read whole
_SAMPLES = 64
_SAMPLE = 64 << 10  # bytes
_BLOCK = 1 << 20


def run_inputs(context: RunContext, decisions: Sequence[Decision], selection: Selection) -> RunInputs:
    """The inputs of a run on ``decisions``, which are those that ``selection`` leaves."""
    settings, serving = context.settings, context.serving
    relevant = {
        "training": settings.model_dump(mode="json", exclude=_NOT_INPUTS),
        "model": serving.embedding.model,
        "retrieval": serving.retrieval.model_dump(mode="json"),
    }
    return RunInputs(
        decisions=content_id("decisions", *sorted(f"{one.fingerprint} {one.verdict}" for one in decisions)),
        corpus=content_id(*sorted(chunk.id for chunk in context.corpus.chunks)),
        settings=content_id(repr(relevant)),
        release=context.served.id,
        selection=selection.digest,
        testsets=digest_of_test_sets(settings.testsets),
        model=_digest_of_models(settings, serving),
    )


def _digest_of_models(settings: TrainingSettings, serving: ServingSettings) -> str:
    """Of the models' files and the arithmetic. Threads and batch size change the speed, not what is learned."""
    embedding, reranker = serving.embedding, settings.reranker
    parts = [digest_of_model(embedding.model), embedding.precision, embedding.device]
    if reranker.model:
        parts.append(digest_of_model(reranker.model))
    return content_id("model", *parts)


def digest_of_test_sets(settings: Sequence[TestSetSettings]) -> str:
    """Of the contents of all files that the test sets consist of, in the order of the settings; empty without
    any.

    A file that can't be read has a digest too; whoever loads it says what is wrong with it.
    """
    if not settings:
        return ""
    parts = []
    for one in settings:
        paths = (
            [Path(one.folder) / name for name in _SET_FILES]
            if one.folder
            else [Path(name) for name in (one.queries, one.qrels, one.corpus) if name]
        )
        parts.append(content_id(*(_digest(path) for path in paths)))
    return content_id("test sets", *parts)


def digest_of_model(name: str) -> str:
    """Of a model's configuration and weights.

    For a Hugging Face name that is no folder it is the digest of the commit in the local cache. A model that
    can't be found has a digest too; whoever loads it says what is wrong with it.
    """
    try:
        place = resolve_model(name)
    except SettingsError:
        return content_id("no model", name)
    if not isinstance(place, Path):
        return content_id("hub", name, _commit(place))
    files = sorted(
        (path.relative_to(place).as_posix(), path)
        for path in place.rglob("*")
        if path.suffix in _MODEL_FILES and path.is_file()
    )
    return content_id("model", *(part for key, path in files for part in (key, _digest(path, sampled=True))))


def _commit(name: str) -> str:
    from huggingface_hub import try_to_load_from_cache
    from huggingface_hub.errors import HFValidationError

    try:
        found = try_to_load_from_cache(name, "config.json")
    except (HFValidationError, ValueError, OSError):
        return ""
    return Path(found).parent.name if isinstance(found, str) else ""


def _digest(path: Path, sampled: bool = False) -> str:
    """Empty when it can't be read."""
    found = hashlib.sha256()
    try:
        size = path.stat().st_size
        found.update(size.to_bytes(8, "big"))
        for block in _samples(path, size) if sampled and size > _WHOLE else _blocks(path):
            found.update(block)
    except OSError:
        return ""
    return found.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _samples(path: Path, size: int) -> Iterator[bytes]:
    """The first bytes (where safetensors keep their header), the last ones, and evenly spaced ones between
    them."""
    with path.open("rb") as file:
        for number in range(_SAMPLES):
            file.seek((size - _SAMPLE) * number // (_SAMPLES - 1))
            yield file.read(_SAMPLE)
