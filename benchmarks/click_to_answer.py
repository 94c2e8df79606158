"""From the click on an accepted correction to the running bot's answer, with `clayloop watch` on.

    python -m benchmarks click_to_answer [--clicks 20] [--docs FOLDER] [--json FILE]

All parts are real, each a process of its own: argilla_lite, `clayloop watch` and `clayloop serve`, over
FOLDER (default: pages made from the standard library's docstrings). A simulated annotator has judged chunks
and headings before. The bot was asked about a heading for each click, and its turns are in Argilla. Then, one
after the other, an annotator submits with a key of their own, as the page does, that the answer is wrong and
what it should have been. The clock runs from before that request until the bot's GET /search has the
correction as its first hit. Between two clicks lie 20 s: a person needs as long to write the next.

Beside the figure: when each stage was reached, in seconds from the click, how long the retrain's steps took,
and the CPU seconds of the retrain's process, which say more than the clock on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
from gradio_client import Client
from pydantic import SecretStr

from benchmarks.rows import Row, at_most, figure
from curation import Api, ArgillaSettings, Corpus, Home, connect_to_argilla, find_dataset
from serving import ReleaseStore
from tests.argilla_lite.server import ArgillaLite, running_argilla_lite
from tests.clayloop.stdlib_docs import write_stdlib_docs
from tests.curation.argilla.sample import Person, hire
from training import RunStore

ROOT = Path(__file__).resolve().parents[1]
CLAYLOOP = (sys.executable, "-m", "clayloop")
PAUSE = 20.0  # seconds between two clicks
PATIENCE = 600.0  # seconds until a click has failed
P50, P95 = 10.0, 20.0  # seconds
_POLL = 0.2


@dataclass
class Click:
    """What became of one: stage → seconds from the click, step → seconds that it took."""

    reached: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    cpu: float = 0.0


@dataclass
class Service:
    """A process of clayloop's, which says where it listens."""

    process: subprocess.Popen[bytes]
    output: Path
    url: str = ""

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def get(self, path: str, **params: str | int) -> Any:
        return httpx.get(f"{self.url}{path}", params=params, timeout=60).json()


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks click_to_answer", description=__doc__)
    parser.add_argument("--clicks", type=int, default=20)
    parser.add_argument("--docs", type=Path)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as folder:
        root = Path(folder)
        docs = options.docs or root / "docs"
        if not options.docs:
            write_stdlib_docs(docs)
        with running_argilla_lite(root / "argilla") as server:
            clicks, chunks = measure(root, docs, server, options.clicks)
    return report(clicks, chunks)


def measure(folder: Path, docs: Path, server: ArgillaLite, count: int) -> tuple[list[Click], int]:
    """Make a project, start its services, and click. Returns also how many chunks there are."""
    home = Home(folder / "home")
    environment = environment_of(home, server)
    made = ("bootstrap", "synthesize --headings-only", "push", "simulate", "retrain --index-only")
    for command in (["ingest", str(docs)], *(one.split() for one in made)):
        run = subprocess.run(
            [*CLAYLOOP, *command], env=environment, cwd=ROOT, check=False, capture_output=True
        )
        if run.returncode:
            raise RuntimeError(f"clayloop {command[0]}: {run.stdout.decode()}{run.stderr.decode()}")
    corpus = Corpus.load(home)
    chosen = questions_about(corpus, count)
    settings = ArgillaSettings(url=server.url, api_key=SecretStr(server.api_key), workspace=server.workspace)
    owner = Api.of(connect_to_argilla(settings, home))
    person = hire(owner, settings, "clicker")
    with service(["serve", "--no-model", "--port", "0"], environment, folder / "bot.txt") as bot:
        chat = Client(bot.url, verbose=False)
        for question in chosen:
            chat.predict(question, api_name="/chat")
        until(lambda: len(records_of(owner, settings)) == count, "the turns come to Argilla")
        records = records_of(owner, settings)
        with service(["watch"], environment, folder / "watch.txt") as watcher:
            until(lambda: watcher.get("/healthz")["looks"] > 0, "the watcher looks")
            clicks = []
            for question in chosen:
                time.sleep(PAUSE)
                clicks.append(click(home, person, records[question], question, bot, watcher))
                print(f"{len(clicks):3}  {told(clicks[-1])}; load {os.getloadavg()[0]:.1f}", flush=True)
                until(lambda: not watcher.get("/healthz")["retraining"], "the retrain ends")
    return clicks, len(corpus.chunks)


def click(home: Home, person: Person, record: str, question: str, bot: Service, watcher: Service) -> Click:
    """Submit one correction, and wait for it."""
    correction = f"The maintainers say: read the page as a whole. (To “{question}”)"
    done, found = {one.id for one in RunStore(home).list()}, Click()
    calls, said = watcher.get("/healthz")["calls"]["accepted"], len(watcher.said)
    retrain = psutil.Process(watcher.process.pid).children(recursive=True)
    spent = cpu_seconds(retrain)
    given = {"is_response_correct": "no", "out_of_guardrails": "no", "correction": correction}
    body = {"status": "submitted", "values": {name: {"value": value} for name, value in given.items()}}
    started = time.time()

    def note(stage: str, at: float = 0.0) -> None:
        found.reached.setdefault(stage, (at or time.time()) - started)

    person.api.request("POST", f"/api/v1/records/{record}/responses", "answering", body)
    note("answered")

    def is_there() -> bool:
        if watcher.get("/healthz")["calls"]["accepted"] > calls:
            note("called")
        if "Retraining:" in watcher.said[said:]:
            note("ordered")
        found.cpu = max(found.cpu, cpu_seconds(retrain) - spent)
        hits = bot.get("/search", q=question, k=1)["hits"]
        return bool(hits) and (hits[0]["answer"] or {}).get("text") == correction

    until(is_there, f"the bot answers {question!r}; the watcher said:\n{watcher.said[said:]}")
    note("seen")
    made = next(one for one in RunStore(home).list() if one.id not in done)
    note("run", made.created_at.timestamp())
    for step in made.steps:
        note(step.name, step.started.timestamp())
        found.steps[step.name] = step.seconds
    note("promoted", ReleaseStore(home).promotions.lines()[-1].at.timestamp())
    return found


def told(one: Click) -> str:
    stages = sorted(one.reached.items(), key=lambda stage: stage[1])
    reached = ", ".join(f"{name} {seconds:.1f}" for name, seconds in stages)
    steps = ", ".join(f"{name} {seconds:.1f}" for name, seconds in one.steps.items())
    return f"{reached} s ({steps} s; {one.cpu:.1f} CPU s)"


def report(clicks: Sequence[Click], chunks: int) -> list[Row]:
    """The bars, and the median of each stage."""
    seen = [one.reached["seen"] for one in clicks]
    what = f"from the click to the bot's answer, {len(seen)} clicks, {chunks} chunks"
    p95 = statistics.quantiles(seen, n=20, method="inclusive")[-1] if len(seen) > 1 else seen[0]
    names = sorted(clicks[0].reached, key=lambda name: clicks[0].reached[name])
    middle = {name: statistics.median(one.reached.get(name, 0.0) for one in clicks) for name in names}
    return [
        at_most(f"{what}, p50, s", statistics.median(seen), P50),
        at_most(f"{what}, p95, s", p95, P95),
        *(figure(f"  {name} after, p50, s", seconds) for name, seconds in middle.items()),
        figure("  CPU of the retrain's process, p50, s", statistics.median(one.cpu for one in clicks)),
        figure("  load of the machine (15 minutes)", os.getloadavg()[2]),
    ]


def environment_of(home: Home, server: ArgillaLite) -> dict[str, str]:
    """How the services find each other. Training is not what is measured here."""
    return {
        **os.environ,
        "CLAYLOOP_HOME": str(home.root),
        "CLAYLOOP_CURATION__ARGILLA__URL": server.url,
        "CLAYLOOP_CURATION__ARGILLA__API_KEY": server.api_key,
        "CLAYLOOP_CURATION__ARGILLA__WORKSPACE": server.workspace,
        "CLAYLOOP_WATCH__MIN_ACCEPTED": "1000000",
    }


def questions_about(corpus: Corpus, count: int) -> list[str]:
    """A question about each of so many headings (seed 5)."""
    headings = sorted({chunk.heading for chunk in corpus.chunks if len(chunk.heading) > 8})
    if len(headings) < count:
        raise SystemExit(f"There are {len(headings)} headings for {count} clicks: use --clicks.")
    return [f"What do I do about this: {one}?" for one in random.Random(5).sample(headings, count)]


def records_of(owner: Api, settings: ArgillaSettings) -> dict[str, str]:
    """Question → id of its record."""
    dataset = find_dataset(owner, settings, "conversations")
    rows = (row for page in owner.records(dataset.id) for row in page) if dataset else ()
    return {row["metadata"]["question"]: str(row["id"]) for row in rows}


def cpu_seconds(processes: Sequence[psutil.Process]) -> float:
    """Of those that live: a retrain's process ends with it."""
    return sum(sum(one.cpu_times()[:2]) for one in processes if one.is_running())


def until(condition: Callable[[], Any], what: str) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError(f"It did not happen within {PATIENCE:.0f} s: {what}")
        time.sleep(_POLL)


@contextmanager
def service(arguments: Sequence[str], environment: Mapping[str, str], output: Path) -> Iterator[Service]:
    """A command that runs until the block ends."""
    with output.open("ab") as file:
        process = subprocess.Popen(
            [*CLAYLOOP, *arguments], cwd=ROOT, env=dict(environment), stdout=file, stderr=file
        )
    one = Service(process, output)

    def listens() -> bool:
        if process.poll() is not None:
            raise RuntimeError(f"clayloop {arguments[0]} ended:\n{one.said}")
        found = re.search(r"http://[\d.:]+", one.said)
        one.url = found.group(0) if found else ""
        return bool(found)

    try:
        until(listens, f"clayloop {arguments[0]} answers")
        yield one
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
