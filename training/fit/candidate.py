"""The steps "fit" and "index" of a run: from examples and negatives to a candidate model and its vectors."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from curation import SILENT, Chunk, Progress, SettingsError, StateError, read_record, tethered, write_json
from serving import (
    MODEL_FOLDER,
    Embedder,
    EmbeddingSettings,
    ServingSettings,
    fit_space,
    save_model,
)
from training.fit.data import FitReport, TrainingMaterial, diverged
from training.fit.train import fine_tune
from training.settings import FitSettings

FIT_FILE = "fit.json"
_BATCHES = 4  # of the configured size, an epoch, for each process
_SHOWN = 2_000  # characters of what the workers said last


def train_candidate(
    material: TrainingMaterial,
    settings: FitSettings,
    embedding: EmbeddingSettings,
    folder: Path,
    progress: Progress = SILENT,
) -> FitReport:
    """Train the base model ``embedding.model``; write ``model/`` and ``fit.json`` (the report) into
    ``folder``. Raises what ``fine_tune`` and ``fit_in_processes`` raise."""
    if is_worth_processes(len(material.examples), settings):
        model, report = fit_in_processes(material, settings, embedding, folder, progress)
    else:
        model = Embedder(embedding.model, embedding, name="candidate")
        report = fine_tune(model, material, settings, progress)
    save_model(model, folder / MODEL_FOLDER)
    write_json(folder / FIT_FILE, report.model_dump(mode="json"))
    return report


def index_candidate(
    trained: Path,
    chunks: Sequence[Chunk],
    serving: ServingSettings,
    folder: Path,
    progress: Progress = SILENT,
) -> str:
    """Fit the model in ``trained`` to ``chunks`` and embed them (``fit_space``). Write ``model/`` and the
    vectors (``SearchSpace.load``) into ``folder``, and say what was done."""
    model = Embedder(trained, serving.embedding, name="candidate")
    space = fit_space(model, chunks, serving.retrieval.whiten, progress)
    space.save(folder)
    save_model(model, folder / MODEL_FOLDER)
    return f"{len(space)} chunks and {len(space.pieces)} pieces embedded with {space.dimension} dimensions"


def is_worth_processes(examples: int, settings: FitSettings) -> bool:
    """Whether several processes are set, and gain more than the seconds that it takes to start them."""
    return settings.processes > 1 and examples >= _BATCHES * settings.batch_size * settings.processes


def check_gpus(device: str, processes: int) -> None:
    """Raise SettingsError for fewer GPUs than ``processes`` on ``device`` "cuda": NCCL takes one each."""
    import torch

    if device == "cuda" and processes > torch.cuda.device_count():
        raise SettingsError(
            f"training.fit.processes is {processes}, and there are {torch.cuda.device_count()} GPUs.",
            "Set it to the number of GPUs at most: one process trains on each.",
        )


def fit_in_processes(
    material: TrainingMaterial,
    settings: FitSettings,
    embedding: EmbeddingSettings,
    folder: Path,
    progress: Progress = SILENT,
) -> tuple[Embedder, FitReport]:
    """``fine_tune`` the model ``embedding.model`` in ``settings.processes`` processes; it and the report.

    What passes between them lies in ``folder`` (a model's size) and is gone afterwards, unless this process
    is killed. On the CPU they share the torch threads of this one. Raises StateError when the loss is not a
    number or a worker dies.
    """
    import torch

    with (
        tempfile.TemporaryDirectory(prefix="clayloop-processes-", dir=folder) as scratch,
        progress.task(f"Training in {settings.processes} processes"),
    ):
        place = Path(scratch)
        job = _Job(material=material, settings=settings, embedding=embedding)
        (place / "job.json").write_text(job.model_dump_json(), encoding="utf-8")
        threads = max(1, torch.get_num_threads() // settings.processes)
        run = (
            "torch.distributed.run",
            "--standalone",
            f"--nproc-per-node={settings.processes}",
            "--no-python",
        )
        worker = tethered([sys.executable, "-m", "training.fit.candidate", scratch])
        done = subprocess.run(
            tethered([sys.executable, "-m", *run, *worker]),
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if (place / "diverged").exists():
            raise diverged()
        if done.returncode:
            raise StateError(
                f"A training process ended with an error:\n{done.stdout[-_SHOWN:].strip()}",
                "Set training.fit.processes to 1, or look at what it says. Killed by signal 9: memory has "
                "probably run out.",
            )
        trained = Embedder(place / MODEL_FOLDER, embedding, name="candidate")
        return trained, read_record(place / FIT_FILE, FitReport)


class _Job(BaseModel):
    """What a worker is told."""

    material: TrainingMaterial
    settings: FitSettings
    embedding: EmbeddingSettings


def main() -> int:
    """One worker of torchrun's. Each trains on a GPU of its own, if there are any; the first writes."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    place = Path(sys.argv[1])
    job = _Job.model_validate_json((place / "job.json").read_bytes())
    embedding = job.embedding.model_copy(update={"threads": 0})  # OMP_NUM_THREADS shares them out
    embedder = Embedder(embedding.model, embedding, name="candidate")
    try:
        report = fine_tune(embedder, job.material, job.settings)
    except StateError:
        (place / "diverged").touch()
        return 1
    if os.environ.get("RANK", "0") == "0":
        save_model(embedder, place / MODEL_FOLDER)
        write_json(place / FIT_FILE, report.model_dump(mode="json"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
