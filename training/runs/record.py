"""What run.json holds, and the digests of all that a run's result depends on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import psutil
from pydantic import BaseModel, ConfigDict, Field

from curation import Decision, SettingsError, content_id
from serving import resolve_model, switched_off, unsettled_answers
from training.ledger.selection import Selection
from training.prepare.prepared import RunContext
from training.settings import FINE_TUNED, Rung, TestSetSettings

# In the order in which they are done. A run that trains nothing leaves out fit and index, and one that the
# gate refuses ends before the last.
STEPS = ("prepare", "fit", "index", "judge", "publish")

StepStatus = Literal["running", "finished", "failed"]
RunStatus = Literal["running", "finished", "failed", "abandoned"]
Outcome = Literal["promoted", "rejected", "nothing-new", "not-enough"]

# Settings that say when to retrain, who may, that the selection holds already, or are about another model.
_NOT_INPUTS = {"without_annotators", "lease_seconds", "answering"}

# What computes: after an upgrade the same files come to other weights.
_CODE = ("torch", "transformers", "sentence-transformers")
_SET_FILES = ("queries.jsonl", "qrels.tsv", "qrels/test.tsv", "corpus.jsonl")
_MODEL_FILES = frozenset({".json", ".safetensors", ".txt", ".model"})
_WHOLE = 8 << 20  # bytes up to which a model's file is read whole
_SAMPLES = 64  # blocks that are read of a larger one
_BLOCK = 64 << 10  # bytes
_CLOCKS = 5  # seconds by which the clocks of a record and of the system may differ


class StepRecord(BaseModel):
    """One step.

    ``peak_memory_mb`` is the most resident memory of the process while it ran, in MB (10^6 bytes), measured
    as ``peak_memory_kind`` says. ``outputs`` maps each file that it wrote, below the step's folder, to its
    bytes. ``inputs`` names the earlier steps that were finished when it began: it read nothing but their
    folders and the run's own inputs.
    """

    name: str
    status: StepStatus
    started: datetime
    seconds: float = 0.0
    peak_memory_mb: float = 0.0
    peak_memory_kind: str = ""
    inputs: list[str] = Field(default_factory=list)
    outputs: dict[str, int] = Field(default_factory=dict)
    note: str = ""


class RunInputs(BaseModel):
    """Digests of all that a run's result depends on: runs with equal inputs come to the same.

    ``decisions`` is of those that the selection left. ``selection`` is empty when nothing was left out,
    ``testsets`` when the settings name none. ``model`` is of the models' files and of how they are computed
    with. ``release`` is the id of the served release. ``rung`` is the highest that is tried. ``curated`` is
    what is to be settled about its curated answers beside the decisions.
    """

    model_config = ConfigDict(frozen=True)

    decisions: str
    corpus: str
    settings: str
    release: str
    selection: str = ""
    testsets: str = ""
    model: str = ""
    rung: Rung = FINE_TUNED
    curated: tuple[str, ...] = ()


class RunRecord(BaseModel):
    """The contents of run.json.

    ``process`` is the id of the process that works or last worked on it. ``selection`` is what the person who
    started it wanted left out. ``overtaken``: it came to nothing because somebody promoted another release
    while it was at work.
    """

    id: str
    status: RunStatus = "running"
    created_at: datetime
    finished_at: datetime | None = None
    process: int = 0
    inputs: RunInputs
    selection: Selection = Selection()
    steps: list[StepRecord] = Field(default_factory=list)
    outcome: Outcome | None = None
    verdict: str = ""
    release_before: str | None = None
    release_after: str | None = None
    overtaken: bool = False

    def step(self, name: str) -> StepRecord | None:
        return next((step for step in self.steps if step.name == name), None)

    def has_finished(self, name: str) -> bool:
        """Whether the step ``name`` is done."""
        step = self.step(name)
        return step is not None and step.status == "finished"

    @property
    def last_sign(self) -> datetime:
        """When somebody last began to work on it."""
        return max([self.created_at, *(step.started for step in self.steps)])

    @property
    def is_at_work(self) -> bool:
        """Whether the process that it names lives and is not a later one that got its number."""
        try:
            return psutil.Process(self.process).create_time() <= self.last_sign.timestamp() + _CLOCKS
        except (psutil.Error, ValueError):
            return False


def run_inputs(context: RunContext, decisions: Sequence[Decision], selection: Selection) -> RunInputs:
    """The inputs of a run on ``decisions``, which are those that ``selection`` leaves."""
    settings, serving = context.settings, context.serving
    embedding = serving.embedding
    # The number of threads (embedding.threads) is no input: it changes how long a run takes.
    models = [digest_of_model(embedding.model), embedding.precision, embedding.device]
    if settings.reranker.model:
        models.append(digest_of_model(settings.reranker.model))
    relevant = {
        "training": settings.model_dump(mode="json", exclude=_NOT_INPUTS),
        "model": embedding.model,
        "retrieval": serving.retrieval.model_dump(mode="json"),
    }
    off, answered = switched_off(context.home), {one.record_id: one.last_answer for one in decisions}
    return RunInputs(
        decisions=content_id("decisions", *sorted(f"{one.fingerprint} {one.verdict}" for one in decisions)),
        # In their order: vectors.npy has a row for each, and an id says nothing about its place.
        corpus=content_id(*(chunk.id for chunk in context.corpus.chunks)),
        settings=content_id(repr(relevant)),
        release=context.served.id,
        selection=selection.digest,
        testsets=digest_of_test_sets(settings.testsets),
        curated=unsettled_answers(context.store, context.served.id, off, answered),
        model=content_id("model", *models, *map(version, _CODE)),
    )


def digest_of_test_sets(settings: Sequence[TestSetSettings]) -> str:
    """Of the contents of all files that the test sets consist of, in the order of the settings; empty without
    any.

    A file that can't be read has a digest too; whoever loads it says what is wrong with it.
    """
    if not settings:
        return ""
    paths = [
        [Path(one.folder) / name for name in _SET_FILES]
        if one.folder
        else [Path(name) for name in (one.queries, one.qrels, one.corpus) if name]
        for one in settings
    ]
    return content_id("test sets", *(content_id(*map(_digest, files)) for files in paths))


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
    """Of all bytes of a file, or where it is large and ``sampled`` of blocks that are evenly spaced from the
    first (where safetensors keep their header) to the last. Empty when it can't be read."""
    found = hashlib.sha256()
    try:
        size = path.stat().st_size
        found.update(size.to_bytes(8, "big"))
        starts: Iterable[int] = range(0, size, _BLOCK)
        if sampled and size > _WHOLE:
            starts = ((size - _BLOCK) * number // (_SAMPLES - 1) for number in range(_SAMPLES))
        with path.open("rb") as file:
            for start in starts:
                file.seek(start)
                found.update(file.read(_BLOCK))
    except OSError:
        return ""
    return found.hexdigest()
