"""How long a bot takes to start, to swap and to build anew, and what that costs those who ask meanwhile.

From the documents three releases are made. The models of the first two differ in their whitening, as after
each retrain of the index; the third one's layers differ, as after a fine-tuning. Swaps are measured between
the first and each of the others: clients ask something new each time, so that nothing is remembered. The
commands and the bot are processes of their own, as people start them; the best of three counts, so that a
busy machine is not measured. The rebuild is measured in CPU seconds of one process, imports not counted:
the full build and the `reindex` after 1% of the chunks changed.

    python -m benchmarks serving_speed [--docs ../shared/eval/scrapy/docs] [--swaps 50] [--json FILE]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import psutil

from benchmarks.rows import Row, at_least, at_most, figure
from curation import ChunkSettings, Corpus, Home, ingest
from serving import (
    EmbeddingSettings,
    ModelTokenCounter,
    ReleaseStore,
    RetrievalSettings,
    ServingSettings,
    bootstrap,
    heading_questions,
    reindex,
    resolve_model,
)

CLIENTS = 8
SEARCH_S, START_S, REBUILD, MEMORY_MB, P99 = 2.0, 5.0, 0.12, 50.0, 1.5
PROMOTIONS, ROLLBACKS = 20, 5
CHATS, CHATTED_MB = 200, 800.0


class Bot:
    """A bot in a process of its own."""

    def __init__(self, home: Home) -> None:
        environment = {**os.environ, "CLAYLOOP_SERVING__BOT__LOG_CONVERSATIONS": "false"}
        command = [sys.executable, "-m", "clayloop", "--home", str(home.root), "serve", "--no-model"]
        self.store = ReleaseStore(home)
        self.url = f"http://127.0.0.1:{PORT}"
        # Kept: a client for each look would cost the clients of this process more than any swap.
        self.http = httpx.Client(base_url=self.url, timeout=60)
        started = time.perf_counter()
        self.process = psutil.Popen([*command, "--port", str(PORT)], env=environment)
        while True:
            try:
                self.search("How does it start?")
                break
            except httpx.HTTPError:
                if self.process.poll() is not None:
                    sys.exit("The bot did not start.")
                time.sleep(0.02)
        self.started_in = time.perf_counter() - started

    def search(self, question: str) -> dict[str, object]:
        answer = self.http.get("/search", params={"q": question, "k": 5})
        answer.raise_for_status()
        found: dict[str, object] = answer.json()
        return found

    def swap_to(self, release: str) -> None:
        """Promote, and wait until the bot serves it."""
        self.store.promote(release)
        while self.http.get("/release").json()["id"] != release:
            time.sleep(0.02)

    @property
    def memory_mb(self) -> float:
        return float(self.process.memory_info().rss) / 1e6


@contextmanager
def running(home: Home) -> Iterator[Bot]:
    bot = Bot(home)
    try:
        yield bot
    finally:
        bot.http.close()
        bot.process.terminate()
        bot.process.wait(timeout=30)


PORT = 20_000 + os.getpid() % 20_000


def rebuild(docs: Path, home: Home) -> list[Row]:
    """A full build, and a reindex after 1% of the chunks changed, in CPU seconds."""
    settings, progress = ServingSettings(), ChunkSettings()
    counter = ModelTokenCounter(settings.embedding.model)
    ingest([str(docs)], home, progress, counter)
    bootstrap(home, Corpus.load(home), settings, force=True)  # what is loaded once is loaded
    chunks = Corpus.load(home).chunks
    wanted, changed = max(len(chunks) // 100, 1), 0
    for path in sorted({chunk.path for chunk in chunks}):
        page = docs / path
        mine = [chunk for chunk in chunks if chunk.path == path and len(chunk.body) > 80]
        if not mine or changed >= wanted or not page.is_file():
            continue
        first = mine[0].body.splitlines()[0]
        text = page.read_text(encoding="utf-8")
        if first and first in text:
            page.write_text(text.replace(first, f"{first} It was changed.", 1), encoding="utf-8")
            changed += 1
    ingest([str(docs)], home, progress, counter)
    corpus = Corpus.load(home)
    anew = cpu(lambda: reindex(home, corpus, settings))
    full = cpu(lambda: bootstrap(home, corpus, settings, force=True))
    now = len({chunk.id for chunk in corpus.chunks} - {chunk.id for chunk in chunks})
    print(f"{len(corpus.chunks):,} chunks, {now} changed", flush=True)
    return [at_most("rebuild after 1% changed / full build, CPU s", anew, REBUILD, full)]


def cpu(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def commands(home: Home) -> list[Row]:
    """`clayloop search` without a bot and beside one, and the bot's start."""
    rows = [at_most("clayloop search, no bot runs, s", min(search_once(home) for _ in range(3)), SEARCH_S)]
    starts = []
    for number in range(3):
        with running(home) as bot:
            starts.append(bot.started_in)
            if number == 2:
                beside = min(search_once(home) for _ in range(3))
                memory = bot.memory_mb
                chatted = memory_after_chats(bot)
    rows.append(at_most("clayloop search, a bot runs, s", beside, SEARCH_S))
    rows.append(at_most("bot: start to first answer, s", min(starts), START_S))
    rows.append(figure("bot: memory after its first answers, MB", memory))
    rows.append(at_most(f"bot: memory after {CHATS} chats, MB", chatted, CHATTED_MB))
    return rows


def memory_after_chats(bot: Bot) -> float:
    """Each chat asks something else, by one client."""
    with httpx.Client(base_url=bot.url, timeout=60) as http:
        for number in range(CHATS):
            asked = {"messages": [{"role": "user", "content": f"How does number {number} start?"}]}
            http.post("/v1/chat/completions", json=asked).raise_for_status()
    return bot.memory_mb


def search_once(home: Home) -> float:
    environment = {**os.environ, "CLAYLOOP_SERVING__BOT__PORT": str(PORT)}
    command = [sys.executable, "-m", "clayloop", "--home", str(home.root), "search", "How does it start?"]
    started = time.perf_counter()
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return time.perf_counter() - started


def throughput(home: Home, questions: Sequence[str]) -> Row:
    with running(home) as bot:
        took, _ = asked(bot, questions, lambda: time.sleep(15), anew=False)
    return at_least("/search at 8 clients, requests a second", len(took) / 15, 100)


def swaps(
    home: Home, releases: tuple[str, str], questions: Sequence[str], count: int, kind: str
) -> list[Row]:
    """Eight clients, without and with promotions and rollbacks; then more swaps, and the memory that was
    gained since those clients asked without."""
    with running(home) as bot:
        bot.swap_to(releases[1])  # both have been loaded once
        bot.swap_to(releases[0])
        quiet, _ = asked(bot, questions, lambda: time.sleep(15))
        before = bot.memory_mb

        def change() -> None:
            for number in range(PROMOTIONS):
                bot.swap_to(releases[(number + 1) % 2])
            for _ in range(ROLLBACKS):
                bot.swap_to(releases[1])
                bot.swap_to(bot.store.previous_id())

        busy, errors = asked(bot, questions, change)
        for number in range(max(count - PROMOTIONS - 2 * ROLLBACKS, 0)):
            bot.swap_to(releases[number % 2])
        grown = bot.memory_mb - before
    p99 = [float(np.percentile(one, 99)) * 1000 for one in (busy, quiet)]
    return [
        at_least(f"requests during 20 promotions and rollbacks, {kind}", len(busy), 1000),
        at_most(f"of them errors, {kind}", errors, 0),
        at_most(f"p99 with swaps / without, ms, {kind}", p99[0], P99, p99[1]),
        at_most(f"bot: memory gained by {count} swaps, MB, {kind}", grown, MEMORY_MB),
    ]


def asked(
    bot: Bot, questions: Sequence[str], work: Callable[[], None], anew: bool = True
) -> tuple[list[float], int]:
    """The seconds of each request of eight clients while ``work`` runs, and how many failed or gave what
    another release than the named one finds. ``anew``: each second question was never asked before; the
    others tell whether an answer mixes releases."""
    done = threading.Event()
    expected: dict[tuple[str, str], list[str]] = {}
    lock = threading.Lock()

    def client(number: int) -> tuple[list[float], int]:
        took, wrong = list[float](), 0
        with httpx.Client(timeout=60) as http:
            while not done.is_set():
                question = questions[(number + len(took) * CLIENTS) % len(questions)]
                if anew and len(took) % 2:
                    question = f"{question}, {time.time_ns()}"
                started = time.perf_counter()
                try:
                    body = (
                        http.get(f"{bot.url}/search", params={"q": question, "k": 5})
                        .raise_for_status()
                        .json()
                    )
                except httpx.HTTPError:
                    wrong += 1
                    continue
                took.append(time.perf_counter() - started)
                scores = [f"{hit['id']} {hit['score']}" for hit in body["hits"]]
                with lock:
                    wrong += expected.setdefault((body["release"], question), scores) != scores
        return took, wrong

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        try:
            work()
        finally:
            done.set()
        found = [one.result() for one in clients]
    return [second for took, _ in found for second in took], sum(wrong for _, wrong in found)


def other_layers(folder: Path) -> Path:
    """The base model with one weight changed a little."""
    from safetensors.numpy import load_file, save_file

    shutil.copytree(resolve_model(EmbeddingSettings().model), folder)
    weights = load_file(folder / "model.safetensors")
    name = next(name for name in weights if name.endswith("layer.0.output.LayerNorm.weight"))
    save_file({**weights, name: weights[name] * 1.001}, folder / "model.safetensors", {"format": "pt"})
    return folder


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks serving_speed", description=__doc__)
    parser.add_argument("--docs", type=Path, default=Path("../shared/eval/scrapy/docs"))
    parser.add_argument("--swaps", type=int, default=50)
    options = parser.parse_args(arguments)
    if not options.docs.is_dir():
        sys.exit(f"There is no folder {options.docs}: give one with documents, --docs FOLDER.")
    with tempfile.TemporaryDirectory(prefix="clayloop-bench-") as scratch:
        docs, home = Path(scratch) / "docs", Home(Path(scratch) / "home")
        shutil.copytree(options.docs, docs)
        rows = rebuild(docs, home)
        corpus = Corpus.load(home)
        other = ServingSettings(retrieval=RetrievalSettings(whiten=0.15))
        tuned = ServingSettings(embedding=EmbeddingSettings(model=str(other_layers(Path(scratch) / "tuned"))))
        first = ReleaseStore(home).current().id
        rows += commands(home)
        questions = heading_questions(corpus.chunks)[:100]
        rows.append(throughput(home, questions))
        for kind, settings in (("same layers", other), ("other layers", tuned)):
            made = bootstrap(home, corpus, settings, force=True).id
            rows += swaps(home, (first, made), questions, options.swaps, kind)
    return rows
