"""kill -9 at every step of a promotion and of a bot.

Each round a promotion and then a bot are killed, each just before one of the calls by which it changes
files (write, fsync, rename, …): the next one in each round, and the first again after the last. After the
promotion the old release or the new one has to be current and whole, and the bot has to serve it. The bot is
asked until it is dead; the next round's bot sends what it left. At the end every turn that was answered has
to have arrived, and outbox/ has to be empty. "Argilla" is a file here: stand-in.

    python -m benchmarks killed [--rounds 100] [--json FILE]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import httpx

from benchmarks.rows import Row, at_least, at_most, figure
from curation import ChunkSettings, ClayloopError, Corpus, Home, ReleaseError, Turn, ingest
from serving import (
    BotSettings,
    ModelTokenCounter,
    ReleaseStore,
    RetrievalSettings,
    ServingSettings,
    bootstrap,
    run_bot,
)

_CHANGES = {
    "write",
    "fsync",
    "replace",
    "rename",
    "unlink",
    "remove",
    "mkdir",
    "link",
    "truncate",
    "chmod",
    "close",
}
_QUESTIONS = 4  # a bot is asked so many, if it lives
_PAGES = {"start": "How to start", "stop": "How to stop"}
PORT = 20_000 + os.getpid() % 20_000


class Death:
    """Kills this process before its ``at``-th call that changes files; hooked into each thread by itself."""

    def __init__(self, at: int) -> None:
        self._left = at

    def hook(self) -> None:
        sys.setprofile(self._see)
        threading.setprofile(self._see)

    def _see(self, frame: FrameType, event: str, called: Any) -> None:
        owner = getattr(called, "__self__", None)
        is_file = isinstance(owner, (io.FileIO, io.BufferedWriter, io.TextIOWrapper))
        is_system = getattr(called, "__module__", "") == "posix"
        if event == "c_call" and (is_file or is_system) and called.__name__ in _CHANGES:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


def child(work: Callable[[], object]) -> int:
    """``work`` in a process of its own, with everything imported."""
    pid = os.fork()
    if pid:
        return pid
    try:
        work()
    except ClayloopError as error:
        print(error, file=sys.stderr)
        os._exit(1)
    os._exit(0)


def was_killed(pid: int) -> bool:
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == -signal.SIGKILL


def prepare(home: Home, docs: Path) -> None:
    """Two releases."""
    docs.mkdir()
    for name, title in _PAGES.items():
        (docs / f"{name}.md").write_text(f"# {title}\n\nType `kiln {name}` and wait for a minute.\n")
    settings = ServingSettings()
    ingest([str(docs)], home, ChunkSettings(), ModelTokenCounter(settings.embedding.model))
    for whiten in (0.1, 0.15):
        chosen = settings.model_copy(update={"retrieval": RetrievalSettings(whiten=whiten)})
        bootstrap(home, Corpus.load(home), chosen, force=True)


class Rounds:
    """Kills, and what was wrong after them."""

    def __init__(self, home: Home) -> None:
        self.home, self.store = home, ReleaseStore(home)
        self.both = tuple(release.id for release in self.store.list())
        self.arrived = home.root / "arrived.jsonl"
        self.answered: list[str] = []
        self.kills = {"promotion": 0, "bot": 0}
        self.wrong = 0
        self._steps = {"promotion": 0, "bot": 0}

    def promotion(self) -> None:
        old = self.store.current_id()
        new = next(release for release in self.both if release != old)

        def promote() -> None:
            Death(self._next("promotion")).hook()
            ReleaseStore(self.home).promote(new)

        self._died("promotion", child(promote))
        try:
            self.wrong += self.store.current().id not in (old, new)
            self.store.verify(self.store.current().id)
        except (ReleaseError, ClayloopError) as error:
            print(error)
            self.wrong += 1

    def bot(self, is_killed: bool) -> None:
        """Start one, and ask it until it is dead, or until it has sent everything."""
        death = Death(self._next("bot")) if is_killed else None
        pid = child(lambda: self._serve(death))
        with httpx.Client(base_url=f"http://127.0.0.1:{PORT}", timeout=60) as http:
            while True:
                try:
                    self.wrong += http.get("/release").json()["id"] != self.store.current_id()
                    break
                except httpx.HTTPError:
                    if os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
                        self._died("bot", pid)  # while it sent what was left
                        return
                    time.sleep(0.02)
            outlives = all(self._ask(http) for _ in range(_QUESTIONS))
            if death is None:
                end = time.monotonic() + 30
                while http.get("/healthz").json()["outbox"]["pending"] and time.monotonic() < end:
                    time.sleep(0.05)
        if death is None or outlives:
            os.kill(pid, signal.SIGTERM)
        self._died("bot", pid)

    def _ask(self, http: httpx.Client) -> bool:
        """Whether the bot lives long enough to answer."""
        question = f"How do I start it, number {len(self.answered)}?"
        asked = {"messages": [{"role": "user", "content": question}]}
        try:
            http.post("/v1/chat/completions", json=asked).raise_for_status()
        except httpx.HTTPError:
            return False
        self.answered.append(question)
        return True

    def _serve(self, death: Death | None) -> None:
        def send(turns: list[Turn]) -> None:
            if death is not None:
                death.hook()  # this is the thread that sends
            with self.arrived.open("a") as file:
                file.writelines(json.dumps(turn.question) + "\n" for turn in turns)

        settings = ServingSettings(bot=BotSettings(port=PORT))
        run_bot(self.home, settings, None, send, lambda _: death.hook() if death else None)

    def _next(self, what: str) -> int:
        self._steps[what] += 1
        return self._steps[what]

    def _died(self, what: str, pid: int) -> None:
        if was_killed(pid):
            self.kills[what] += 1
        else:
            self._steps[what] = 0  # it has no step of that number: from the first one again


def main(arguments: Sequence[str]) -> list[Row]:
    parser = argparse.ArgumentParser(prog="python -m benchmarks killed", description=__doc__)
    parser.add_argument("--rounds", type=int, default=100)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="clayloop-killed-") as scratch:
        home = Home(Path(scratch) / "home")
        os.waitpid(child(lambda: prepare(home, Path(scratch) / "docs")), 0)
        rounds = Rounds(home)
        for number in range(options.rounds):
            rounds.promotion()
            rounds.bot(is_killed=True)
            print(f"round {number + 1}: {rounds.kills}, {rounds.wrong} wrong", flush=True)
        for left in home.outbox.glob(".*"):
            os.utime(left, (0, 0))  # as if a minute had passed
        rounds.bot(is_killed=False)
        arrived = {json.loads(line) for line in rounds.arrived.read_text().splitlines()}
        left_over = [path.name for path in home.outbox.iterdir()]
    lost = set(rounds.answered) - arrived
    return [
        at_least("kills", sum(rounds.kills.values()), 2 * options.rounds * 0.9),
        figure("of them promotions", rounds.kills["promotion"]),
        at_most("after a kill neither the old nor the new release, whole and served", rounds.wrong, 0),
        at_most(f"turns lost, of {len(rounds.answered)} answered", len(lost), 0),
        at_most("files left in outbox/", len(left_over), 0),
    ]
