"""The real embedded model server, for tests: a process of its own on a free port."""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from clayloop.up.model_server import READY, find_gguf

START_SECONDS = 120.0


def packaged_gguf() -> Path:
    """The model that clayloop brings."""
    return find_gguf()


@dataclass(frozen=True)
class ModelServer:
    """``base_url`` ends in /v1."""

    base_url: str
    process: subprocess.Popen[str]


@contextmanager
def running_model_server(context: int = 4096, slots: int = 2, gguf: str = "") -> Iterator[ModelServer]:
    """Start the server, wait until it answers, end it with SIGTERM."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "clayloop.up.model_server", "--port", "0", "--gguf", gguf),
            *("--context", str(context), "--slots", str(slots)),
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = _first_line(process)
        assert line.startswith(READY), f"the model server did not start: {line!r}"
        yield ModelServer(base_url=line.removeprefix(READY).split()[0], process=process)
    finally:
        process.terminate()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout:
            process.stdout.close()


def _first_line(process: subprocess.Popen[str]) -> str:
    lines: queue.Queue[str] = queue.Queue()
    assert process.stdout is not None
    threading.Thread(target=lambda: lines.put(process.stdout.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return f"(nothing in {START_SECONDS} s)"
