"""Training in several processes on one machine, each with a share of every batch (torchrun, DistributedDataParallel).

What comes out is what one process would have trained, but for rounding: training/batches.py shares the batches.

The processes get their work as files in a temporary folder, so that nothing but settings and rows passes between them, and
the first one writes the trained model back. ``python -m training.processes FOLDER`` is what torchrun starts. torchrun ends with
the process that started it, and its workers with torchrun, even by kill -9 (curation.tether): none goes on alone.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import BaseModel

from curation import SILENT, Progress, SettingsError, StateError, read_json, write_json
from serving import Embedder, EmbeddingSettings, save_model
from training.fit.train import FitReport, diverged, fine_tune
from training.fit_settings import FitSettings
from training.prepare.examples import Example
from training.prepare.negatives import Negative
from training.runs.jsonl import read_rows, write_rows

_DIVERGED = 64  # exit code of a worker whose loss was not a number
_BATCHES = 4  # of the configured size, an epoch, for each process
_TOLD = 2_000  # characters of what the workers said last
_TETHERED = (sys.executable, "-m", "curation.tether", sys.executable, "-m")


class Job(BaseModel):
    """What a worker needs beside the rows."""

    start: str
    embedding: EmbeddingSettings
    settings: FitSettings
    groups: dict[str, str]


def worth_it(examples: int, settings: FitSettings) -> bool:
    """Whether there is so much to train that processes gain more than it takes to start them (seconds, and a model each)."""
    return examples >= _BATCHES * settings.batch_size * settings.processes


def check_gpus(device: str, processes: int) -> None:
    """Raise SettingsError when training on ``device`` ("cuda", ...) has fewer GPUs than ``processes``: NCCL takes one a process."""
    import torch

    if device == "cuda" and processes > torch.cuda.device_count():
        raise SettingsError(
            f"training.fit.processes is {processes}, and there are {torch.cuda.device_count()} GPUs to train on.",
            "Set it to the number of GPUs at most: one process trains on each.",
        )


def fit_in_processes(
    start: str | Path,
    embedding: EmbeddingSettings,
    examples: Sequence[Example],
    settings: FitSettings,
    negatives: Sequence[Negative],
    groups: Mapping[str, str],
    accepted: Sequence[Example] = (),
    progress: Progress = SILENT,
    place: Path | None = None,
) -> tuple[Embedder, FitReport]:
    """``fit`` from the model ``start`` with ``settings.processes`` processes; the trained model and its report.

    ``place`` is the folder for what passes between them (a model's size; None: the system's), which is gone afterwards, unless
    this process is killed. On the CPU they share the torch threads of this one. Raises StateError when the loss is not a number or
    a worker dies.
    """
    import torch

    with (
        tempfile.TemporaryDirectory(prefix="clayloop-processes-", dir=place) as scratch,
        progress.task(f"Training in {settings.processes} processes"),
    ):
        folder = Path(scratch)
        job = Job(start=str(start), embedding=embedding, settings=settings, groups=dict(groups))
        write_json(folder / "job.json", job.model_dump(mode="json"))
        write_rows(folder / "examples.jsonl", examples)
        write_rows(folder / "negatives.jsonl", negatives)
        write_rows(folder / "accepted.jsonl", accepted)
        threads = max(1, torch.get_num_threads() // settings.processes)
        done = subprocess.run(
            [
                *_TETHERED,
                *("torch.distributed.run", "--standalone", f"--nproc-per-node={settings.processes}"),
                *("--no-python", *_TETHERED, "training.fit.processes", str(folder)),
            ],
            env={**os.environ, "OMP_NUM_THREADS": str(threads), "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if (folder / "diverged").exists():
            raise diverged()
        if done.returncode:
            raise StateError(
                f"A training process ended with an error:\n{done.stdout[-_TOLD:].strip()}",
                "Set training.fit.processes to 1, or look at what it says. Killed by signal 9: memory has probably run out.",
            )
        trained = Embedder(folder / "model", embedding, name="candidate")
        return trained, FitReport.model_validate(read_json(folder / "fit.json"))


def main() -> int:
    """One worker: all of them train, each on a GPU of its own where there are any, and the first one writes."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    folder = Path(sys.argv[1])
    job = Job.model_validate(read_json(folder / "job.json"))
    embedder = Embedder(job.start, job.embedding.model_copy(update={"threads": 0}), name="candidate")
    try:
        report = fine_tune(
            embedder,
            read_rows(folder / "examples.jsonl", Example),
            job.settings,
            SILENT,
            read_rows(folder / "negatives.jsonl", Negative),
            job.groups,
            read_rows(folder / "accepted.jsonl", Example),
        )
    except StateError:
        (folder / "diverged").touch()
        return _DIVERGED
    if os.environ.get("RANK", "0") == "0":
        save_model(embedder, folder / "model")
        write_json(folder / "fit.json", report.model_dump(mode="json"))
    return 0


if __name__ == "__main__":
    sys.exit(main())
