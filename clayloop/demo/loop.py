"""One turn of the loop, step by step, with what it measured."""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from clayloop.context import Context
from clayloop.demo.memory import PeakMemory
from clayloop.demo.needs import Need, answered_by, halves
from clayloop.demo.report import DemoReport, asked_again
from clayloop.demo.visitors import Found, chat, look_up, wait_for_outbox, wait_for_release
from clayloop.up.running import Running
from clayloop.up.services import this_clayloop
from curation import ClayloopError, DatasetName, first_line
from serving import BaseVectors, ReleaseStore

JUDGED_CHUNKS = 150  # at most, by the simulated annotator: Argilla takes some 30 answers a second
LEFT_TO_PEOPLE = 25  # records of chunks, and of triplets, at least


class Demo:
    """Turns the loop once, with the commands that a maintainer would run, each a process of its own: what one
    of them loaded is gone when the next one starts. A second demo on the same state folder goes on from where
    the first ended.

    ``sample`` chunks get generated queries. Of ``needs`` those count that the documentation answers.
    """

    def __init__(
        self, context: Context, running: Running, source: str, sample: int, needs: Sequence[Need]
    ) -> None:
        self._context = context
        self._running = running
        self._source = source
        self._sample = sample
        self._needs = needs
        self.report = DemoReport(source=source)

    def turn(self) -> DemoReport:
        """All steps. Raises ClayloopError from the first that fails."""
        started = time.monotonic()
        with PeakMemory() as memory:
            with self._step("start Argilla and the model server"):
                self._running.start_argilla()
                self._running.start_model()
            self._ingest()
            self._bootstrap()
            with self._step("start the bot and the dashboard"):
                self._running.start_bot()
                self._running.start_dashboard()
            self._synthesize()
            self._push()
            asked, _ = halves(self._needs)
            self._visit(asked)
            with self._step("ask in other words, before"):
                self.report.before = self._look_up()
            self._annotate(asked)
            self._retrain()
            with self._step("ask in other words, after"):
                self.report.after = self._look_up()
        self.report.asked_again = asked_again(
            self.report.before, self.report.after, {need.id for need in asked}
        )
        self.report.peak_memory_mb = round(memory.megabytes)
        self.report.seconds["total"] = round(time.monotonic() - started, 1)
        return self.report

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._context.progress.say(f"── {name}")
        started = time.monotonic()
        try:
            yield
        except httpx.HTTPError as error:
            raise ClayloopError(
                f"The bot did not answer in the step {name!r}: {first_line(error)}",
                f"Its log is {self._context.home.logs / 'bot.log'}. Start the demo again: it goes on.",
            ) from error
        self.report.seconds[name] = round(time.monotonic() - started, 1)

    def _ingest(self) -> None:
        from curation import ingest
        from serving import ModelTokenCounter

        context = self._context
        with self._step("ingest"):
            settings = context.settings.curation.documents
            counter = ModelTokenCounter(context.settings.serving.embedding.model)
            report = ingest([self._source], context.home, settings, counter, context.progress)
        self.report.documents, self.report.chunks = report.documents, report.chunks
        self._needs = answered_by(self._needs, {chunk.path for chunk in context.corpus().chunks})
        if not self._needs:
            context.progress.say(f"What people want to know of {self._source} is not known: nobody asks.")

    def _bootstrap(self) -> None:
        store = ReleaseStore(self._context.home)
        with self._step("bootstrap"):
            if store.current_id() is None:
                self._command("bootstrap")
        self.report.release_before = store.current_id()

    def _synthesize(self) -> None:
        from curation import load_triplets

        with self._step("synthesize"):
            # One variation a query: the embedded model's second and third repeat the first
            # (docs/decisions.md).
            self._command("synthesize", "--sample", str(self._sample), CURATION__SYNTHESIS__NUM_QUERIES="1")
        self.report.triplets = len(load_triplets(self._context.home))

    def _push(self) -> None:
        with self._step("push"):
            self._command("push")

    def _visit(self, asked: Sequence[Need]) -> None:
        bot = self._running.addresses["bot"]
        with self._step("visitors ask"):
            self.report.visitors = chat(bot, [need.a for need in asked], self._context.progress)
            wait_for_outbox(bot)

    def _look_up(self) -> list[Found]:
        sources = self._context.settings.serving.retrieval.top_k
        return look_up(self._running.addresses["bot"], self._needs, sources)

    def _annotate(self, asked: Sequence[Need]) -> None:
        from curation import (
            annotate_as_simulated,
            annotate_by_pages,
            place_named_sources,
            read_decisions,
        )

        context = self._context
        argilla = context.settings.curation.argilla
        vectors = BaseVectors(ReleaseStore(context.home), context.settings.serving.embedding, quick=True)
        # Some records are left for people to try it by hand.
        limits: dict[DatasetName, int] = {
            "chunks": min(JUDGED_CHUNKS, max(0, self.report.chunks - LEFT_TO_PEOPLE)),
            "triplets": max(0, self.report.triplets - LEFT_TO_PEOPLE),
        }
        with self._step("annotate (simulated annotator)"):
            client, corpus = context.argilla(), context.corpus()
            annotate_as_simulated(client, argilla, corpus, vectors, limits, context.progress)
            pages = {need.a: need.paths for need in asked}
            answered = annotate_by_pages(client, argilla, corpus, pages, context.progress)
        self.report.conversations = answered.submitted
        decisions = read_decisions(client, argilla, context.progress)
        decisions = place_named_sources(decisions, corpus.chunks)
        self.report.annotated = len(decisions)
        self.report.accepted = sum(
            decision.dataset == "triplets" and decision.verdict == "accepted" for decision in decisions
        )
        self.report.affirmed = sum(
            decision.dataset == "conversations" and decision.affirms for decision in decisions
        )

    def _retrain(self) -> None:
        with self._step("retrain"), tempfile.TemporaryDirectory() as folder:
            summary_file = Path(folder) / "summary.json"
            # Cross-fitting would train three models more, for a verdict that the demo is not about.
            self._command("retrain", "--json", str(summary_file), TRAINING__GATE__CROSS_FIT_BELOW="0")
            summary = json.loads(summary_file.read_text(encoding="utf-8"))
        self.report.verdict, self.report.reason = str(summary["outcome"]), str(summary["verdict"])
        if summary["why_not_higher"]:
            self.report.reason += f" No newly trained model: {summary['why_not_higher']}"
        self.report.release_after = summary.get("release_after") or self.report.release_before
        self.report.ndcg_at_10_before = _ndcg(summary["before"])
        self.report.ndcg_at_10_after = _ndcg(summary["after"])
        if self.report.release_after and self.report.release_after != self.report.release_before:
            with self._step("swap under the running bot"):
                wait_for_release(self._running.addresses["bot"], self.report.release_after)

    def _command(self, *arguments: str, **settings: str) -> None:
        """Run ``clayloop ARGUMENTS``. ``settings`` (SECTION__KEY) hold where the user has set nothing."""
        context = self._context
        environment = {**{f"CLAYLOOP_{key}": value for key, value in settings.items()}, **os.environ}
        command = [*this_clayloop(context.settings, context.config), *arguments]
        code = subprocess.run(command, env=environment, check=False).returncode
        if code:
            raise ClayloopError(
                f"`clayloop {arguments[0]}` ended with exit code {code}.", "Its messages stand above."
            )


def _ndcg(scores: dict[str, dict[str, float]]) -> float | None:
    """NDCG@10 at the full dimension; ``scores`` maps dimension → metric → value."""
    return float(scores[max(scores, key=int)]["ndcg@10"]) if scores else None
