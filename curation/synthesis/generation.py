"""Starts the distilabel pipeline in a process of its own and follows its progress."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

from curation.addresses import is_loopback
from curation.errors import LanguageModelError, StateError
from curation.home import Home
from curation.progress import Progress
from curation.synthesis.asked import AskedChunk
from curation.synthesis.language_model import NO_KEY, LanguageModel
from curation.synthesis.progress_file import new_lines
from curation.synthesis.store import GenerationStore
from curation.synthesis.worker import Job
from curation.tether import end_group

POLL_SECONDS = 0.2
STALL_FACTOR = 20
"""A pipeline that reports nothing for this many answers' time is stuck."""


@dataclass
class Outcome:
    """``done`` chunks were asked about and are stored; the model ``failed`` on others. ``seconds`` run
    from the start of the pipeline, without imports; ``output_tokens`` are what the model wrote."""

    done: int = 0
    failed: int = 0
    output_tokens: int = 0
    seconds: float = 0.0


def generate(
    rows: Sequence[AskedChunk],
    store: GenerationStore,
    llm: LanguageModel,
    batch_size: int,
    home: Home,
    progress: Progress,
) -> Outcome:
    """Ask ``llm`` about every chunk of ``rows`` and store its answers, batch by batch.

    Raises LanguageModelError when the endpoint goes away, StateError when nothing can be written. What was
    stored before stays.
    """
    store.open()
    work = home.corpus / ".synthesis-work"
    shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True)
        home.logs.mkdir(parents=True, exist_ok=True)
        log = home.logs / "synthesis.log"
        progress_file = work / "progress.jsonl"
        progress_file.touch()
        job = Job(
            rows=list(rows),
            recipe=store.recipe,
            folder=str(store.folder.parent),
            work_folder=str(work / "distilabel"),
            progress_file=str(progress_file),
            base_url=llm.base_url,
            timeout=max(1, round(llm.settings.timeout)),
            batch_size=batch_size,
        )
        with log.open("ab") as output, _worker(job, llm, output) as process:
            return _follow(process, progress_file, len(rows), llm, progress, log)
    except OSError as error:
        raise StateError(
            f"Cannot work in {home.root}: {error.strerror or error}",
            "Check the free space (df) and the permissions of the folder.",
        ) from error
    finally:
        shutil.rmtree(work, ignore_errors=True)


@contextmanager
def _worker(job: Job, llm: LanguageModel, output: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "curation.synthesis.worker"],
        stdin=subprocess.PIPE,
        stdout=output,
        stderr=output,
        env=_environment(job.base_url),
        start_new_session=True,
    )
    try:
        if process.stdin is None:
            raise RuntimeError("the worker has no standard input")
        with suppress(BrokenPipeError):  # it died at once: its exit code and log say why
            key = llm.settings.api_key.get_secret_value() or NO_KEY
            process.stdin.write(f"{job.model_dump_json()}\n{key}\n".encode())
            process.stdin.flush()
        yield process
    finally:
        # The pipeline's steps are processes of the same group; all that they made is stored already.
        end_group(process, patience=0.0)
        process.wait()
        if process.stdin:
            with suppress(BrokenPipeError):
                process.stdin.close()


def _environment(base_url: str) -> dict[str, str]:
    """Ours, with a hub that is left alone and no proxy in front of the endpoint if it is on this machine."""
    environment = {
        **os.environ,
        "HF_HUB_OFFLINE": "1",
        "DISTILABEL_LOG_LEVEL": "WARNING",
        "PYTHONUNBUFFERED": "1",
    }
    host = urlsplit(base_url).hostname or ""
    if is_loopback(host):
        for name in ("NO_PROXY", "no_proxy"):
            environment[name] = ",".join(filter(None, [environment.get(name, ""), host]))
    for name in ("OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_API_KEY"):
        environment.pop(name, None)
    return environment


def _follow(
    process: subprocess.Popen[bytes],
    progress_file: Path,
    total: int,
    llm: LanguageModel,
    progress: Progress,
    log: Path,
) -> Outcome:
    outcome = Outcome()
    started = last = time.monotonic()
    heard = False
    with (
        progress.task("Generating queries", total, "chunks") as advance,
        progress.task("Language model", None, "tokens") as count,
        progress_file.open("rb") as told,
    ):
        while True:
            ended = process.poll() is not None
            for line in new_lines(told):
                last = time.monotonic()
                if not heard:
                    started, heard = last, True
                if "error" in line:
                    raise StateError(line["error"], line["hint"])
                outcome.done += len(line["done"])
                outcome.failed += len(line["failed"])
                outcome.output_tokens += line["tokens"]
                advance(len(line["done"]) + len(line["failed"]))
                count(line["tokens"])
                if line["failed"]:
                    _raise_if_gone(llm, outcome)
            outcome.seconds = time.monotonic() - started
            if outcome.done + outcome.failed >= total:
                # distilabel would still write a table of everything, which nobody needs.
                return outcome
            if ended:
                raise LanguageModelError(
                    f"The generation of queries ended early, with exit code {process.returncode}; "
                    f"{outcome.done} chunks are stored.",
                    f"The reason is at the end of {log}. Running it again goes on from there.",
                )
            if time.monotonic() - last > STALL_FACTOR * llm.settings.timeout:
                raise LanguageModelError(
                    f"The generation of queries has made no progress for {time.monotonic() - last:.0f} s; "
                    f"{outcome.done} chunks are stored.",
                    f"See {log}. Running it again goes on from there.",
                )
            time.sleep(POLL_SECONDS)


def _raise_if_gone(llm: LanguageModel, outcome: Outcome) -> None:
    try:
        llm.check()
    except LanguageModelError as error:
        raise LanguageModelError(
            f"{error.message} {outcome.done} chunks are stored.",
            f"{error.hint} Running it again goes on from there.",
        ) from None
