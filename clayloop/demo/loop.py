"""One turn of the loop, step by step, with what it measured."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from clayloop.context import Context
from clayloop.demo.memory import PeakMemory
from clayloop.demo.questions import Answered, ask, wait_for_release
from clayloop.up.running import Running
from curation import ClayloopError, DatasetName
from serving import ReleaseStore

LEFT_TO_PEOPLE = 25  # records of chunks, and of triplets


class DemoReport(BaseModel):
    """What `clayloop demo --json` writes: ``seconds`` of each step, ``peak_memory_mb`` of all processes."""

    source: str
    documents: int = 0
    chunks: int = 0
    triplets: int = 0
    annotated: int = 0
    accepted: int = 0
    release_before: str | None = None
    release_after: str | None = None
    verdict: str = ""
    ndcg_at_10_before: float | None = None
    ndcg_at_10_after: float | None = None
    seconds: dict[str, float] = {}
    peak_memory_mb: float = 0.0
    before: list[Answered] = []
    after: list[Answered] = []

    def as_json(self) -> dict[str, Any]:
        """With the metrics under their field names."""
        values = self.model_dump(mode="json")
        values["ndcg@10_before"] = values.pop("ndcg_at_10_before")
        values["ndcg@10_after"] = values.pop("ndcg_at_10_after")
        values["ndcg@10"] = {"before": values["ndcg@10_before"], "after": values["ndcg@10_after"]}
        return values


class Demo:
    """Turns the loop once. A second demo on the same state folder goes on from where the first ended."""

    def __init__(self, context: Context, running: Running, source: str, sample: int) -> None:
        self._context = context
        self._running = running
        self._source = source
        self._sample = sample
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
            with self._step("ask before"):
                self.report.before = ask(self._running.addresses["bot"])
            self._synthesize()
            self._push()
            self._annotate()
            self._retrain()
            with self._step("ask after"):
                self.report.after = ask(self._running.addresses["bot"])
        self.report.peak_memory_mb = round(memory.megabytes)
        self.report.seconds["total"] = round(time.monotonic() - started, 1)
        return self.report

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        self._context.progress.say(f"── {name}")
        started = time.monotonic()
        yield
        self.report.seconds[name] = round(time.monotonic() - started, 1)

    def _ingest(self) -> None:
        from curation import ingest
        from serving import ModelTokenCounter

        context = self._context
        with self._step("ingest"):
            settings = context.settings.curation.documents
            counter = ModelTokenCounter(context.base_model)
            report = ingest([self._source], context.home, settings, counter, context.progress)
        self.report.documents, self.report.chunks = report.documents, report.chunks

    def _bootstrap(self) -> None:
        from serving import bootstrap

        context = self._context
        with self._step("bootstrap"):
            current = ReleaseStore(context.home).current_id()
            if current is None:
                bootstrap(context.home, context.corpus(), context.settings.serving, context.progress)
                current = ReleaseStore(context.home).current_id()
        self.report.release_before = current

    def _synthesize(self) -> None:
        from curation import LanguageModel, load_triplets, synthesize

        context = self._context
        model = LanguageModel(context.settings.curation.language_model, self._running.addresses["model"])
        with self._step("synthesize"):
            # One variation a query: the embedded model's second and third repeat the first
            # (docs/decisions.md).
            settings = context.settings.curation.synthesis.model_copy(
                update={"sample": self._sample, "num_queries": 1}
            )
            synthesize(context.home, context.corpus(), settings, model, context.progress)
        self.report.triplets = len(load_triplets(context.home))

    def _push(self) -> None:
        from curation import load_triplets, push_to_argilla

        context = self._context
        with self._step("push"):
            push_to_argilla(
                context.argilla(),
                context.settings.curation.argilla,
                context.corpus(),
                load_triplets(context.home),
                context.base_embedder,
                context.progress,
            )

    def _annotate(self) -> None:
        from curation import annotate_as_simulated, read_decisions

        context = self._context
        argilla = context.settings.curation.argilla
        # Some records are left for people to try it by hand.
        limits: dict[DatasetName, int] = {
            "chunks": max(0, self.report.chunks - LEFT_TO_PEOPLE),
            "triplets": max(0, self.report.triplets - LEFT_TO_PEOPLE),
            "conversations": 1_000,
        }
        with self._step("annotate (simulated annotator)"):
            annotate_as_simulated(
                context.argilla(),
                argilla,
                context.corpus(),
                context.base_embedder,
                limits,
                context.progress,
            )
        decisions = read_decisions(context.argilla(), argilla, context.progress)
        self.report.annotated = len(decisions)
        self.report.accepted = sum(
            decision.dataset == "triplets" and decision.verdict == "accepted" for decision in decisions
        )

    def _retrain(self) -> None:
        """The command itself, in a process of its own: what a maintainer would run."""
        context = self._context
        with self._step("retrain"), tempfile.TemporaryDirectory() as folder:
            summary_file = Path(folder) / "summary.json"
            command = [sys.executable, "-m", "clayloop", "--home", str(context.home.root)]
            if context.config:
                command += ["--config", str(context.config)]
            code = subprocess.run([*command, "retrain", "--json", str(summary_file)], check=False).returncode
            if code:
                raise ClayloopError(f"The retrain ended with exit code {code}.", "Its messages stand above.")
            summary = json.loads(summary_file.read_text(encoding="utf-8"))
        self.report.verdict = str(summary["outcome"])
        self.report.release_after = summary.get("release_after") or self.report.release_before
        self.report.ndcg_at_10_before = _ndcg(summary["before"])
        self.report.ndcg_at_10_after = _ndcg(summary["after"])
        if self.report.release_after and self.report.release_after != self.report.release_before:
            with self._step("swap under the running bot"):
                wait_for_release(self._running.addresses["bot"], self.report.release_after)


def _ndcg(scores: dict[str, dict[str, float]]) -> float | None:
    """NDCG@10 at the full dimension; ``scores`` maps dimension → metric → value."""
    return float(scores[max(scores, key=int)]["ndcg@10"]) if scores else None
