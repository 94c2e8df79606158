"""A retrain in a process of its own, to be killed.

The processes are forked from a server (multiprocessing's) that has imported what takes seconds to import and
has done nothing with it; what starts threads when it is imported (lancedb) each process imports itself.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Protocol

from pydantic import TypeAdapter

from curation import ClayloopError, Corpus, Decision, Home, Progress
from serving import ReleaseStore
from tests.training.material import make_chunks, serving, settings
from training.retrain import retrain_from_annotations
from training.runs.run import Run

_FORKS = multiprocessing.get_context("forkserver")
_FORKS.set_forkserver_preload(
    ["sentence_transformers", "transformers.trainer", "datasets", "scipy.stats", __name__]
)


class _Process(Protocol):
    pid: int | None
    exitcode: int | None

    def is_alive(self) -> bool: ...
    def join(self, timeout: float | None = None) -> None: ...


class Child:
    """A retrain on ``home``, from its own base model, with the decisions in a JSON file instead of Argilla's.

    Files that it writes may have at most ``largest`` bytes: writing more fails as on a full disk.
    ``killed_at`` is a step and a point in it, at which the process is killed: "begun", "written" (its work is
    done), or "renamed" (its folder has its final name, and the record does not say so yet). With ``by``
    SIGSTOP it is stopped there instead, and its lease lasts a second.
    """

    def __init__(
        self,
        home: Home,
        decisions: Path,
        largest: int = 0,
        killed_at: tuple[str, str] | None = None,
        by: signal.Signals = signal.SIGKILL,
    ) -> None:
        stem = f"{decisions.name}-{time.monotonic_ns()}"
        self._said, self._complained = (decisions.with_name(f"{stem}.{name}") for name in ("out", "err"))
        self._process: _Process = _FORKS.Process(
            target=_retrain,
            args=(home, decisions, largest, killed_at, by, (self._said, self._complained)),
        )
        # A new process would run the main module again: pytest's, or what another test (Streamlit's) has left
        # in its place.
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            self._process.start()  # type: ignore[attr-defined]
        finally:
            sys.modules["__main__"] = main

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def ended(self) -> bool:
        return not self._process.is_alive()

    def kill(self) -> None:
        """As the kernel does when memory runs out."""
        if not self.ended:
            os.kill(self.pid, signal.SIGKILL)
        self._process.join()

    def wait(self, seconds: float) -> tuple[int, str, str]:
        """Exit code (below 0: the signal), the summary as JSON if it came to one, and what it complained
        about."""
        self._process.join(seconds)
        assert self._process.exitcode is not None, f"not at its end after {seconds} s"
        return self._process.exitcode, self._said.read_text(), self._complained.read_text()


def _retrain(
    home: Home,
    decisions: Path,
    largest: int,
    killed_at: tuple[str, str] | None,
    by: signal.Signals,
    output: tuple[Path, Path],
) -> None:
    sys.stdout, sys.stderr = (path.open("w") for path in output)
    for stream, number in ((sys.stdout, 1), (sys.stderr, 2)):
        os.dup2(stream.fileno(), number)
    if largest:
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    if killed_at is not None:
        _be_killed_at(*killed_at, by)

    def read() -> list[Decision]:
        return TypeAdapter(list[Decision]).validate_json(decisions.read_bytes())

    try:
        corpus = Corpus(documents=[], chunks=make_chunks())
        lease = 1.0 if by == signal.SIGSTOP else 60.0
        chosen = settings().model_copy(update={"lease_seconds": lease})
        model = ReleaseStore(home).current().base_model
        summary = retrain_from_annotations(home, corpus, chosen, serving(model), read)
    except ClayloopError as error:
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        sys.exit(error.exit_code)
    sys.stdout.write(summary.model_dump_json())


def _be_killed_at(step: str, point: str, by: signal.Signals) -> None:
    """The signal for this process when it is there."""
    from training.runs import run

    whole, sync = Run.step, run.sync_folder

    def do(self: Run, name: str, work: Callable[[Path], str], progress: Progress) -> Path:
        def killed(folder: Path) -> str:
            if point == "begun":
                _kill(by)
            note = work(folder)
            if point == "written":
                _kill(by)
            return note

        def synced(folder: Path) -> None:
            if point == "renamed" and folder == self.folder:
                _kill(by)
            sync(folder)

        if name == step:
            run.sync_folder = synced
        return whole(self, name, killed if name == step else work, progress)

    Run.step = do  # type: ignore[method-assign]


def _kill(by: signal.Signals) -> None:
    os.kill(os.getpid(), by)
    if by == signal.SIGKILL:
        time.sleep(60)
