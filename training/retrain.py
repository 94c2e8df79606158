"""The retrain: annotations in, a release or a reason why not out.

The steps are training.run_record.STEPS. Each leaves its result in runs/<run>/<step>. Killed at any
instant, the next call goes on after the last finished step; the served release changes in one instant, at the very end, or
not at all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from curation import SILENT, Decision, Home, Progress
from serving import LINEAGE_FILE, Release, ReleaseStore, ServingSettings
from training.ledger.ancestry import clean_start
from training.ledger.known import News, compare
from training.ledger.lineage import not_indexed, read_lineage
from training.ledger.lineage_record import LineageRow
from training.ledger.looked_at import note_looked_at
from training.ledger.news import run_inputs, tried_before, worth_a_run
from training.ledger.tally import tally
from training.prepare.reading import EVERYTHING, FindMatching, ReadDecisions, keep, kept, read_selected
from training.prepare.selection import Selected, Selection
from training.report.conclusion import lineage_of, material_of, what_is_lacking
from training.report.page import write_report
from training.report.summary import RetrainSummary
from training.runs.ending import overruled
from training.runs.jsonl import DamagedRowsError
from training.runs.publishing import serve
from training.runs.record import RunInputs
from training.runs.resume import give_up, take_up
from training.runs.run import Run, RunStore
from training.runs.steps import Steps
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from curation import Corpus

log = logging.getLogger(__name__)


def retrain_from_annotations(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    progress: Progress = SILENT,
    force: bool = False,
    selection: Selection = EVERYTHING,
    find_matching: FindMatching | None = None,
) -> RetrainSummary:
    """Learn from what annotators decided since the served release, and serve the result if it is not worse.

    Finishes an interrupted run first, if its corpus, settings and served release are still the same. With nothing new
    there is no run; decisions that were tried before with the same corpus, settings and release are not tried again
    unless ``force``.

    ``selection`` says what to leave out, and ``find_matching`` which records pass its filters. What the selection is to
    forget must not come back by way of weights that have seen it: if the served release's have, training starts from the
    base model whatever the settings say. Raises BusyError while another retrain is at work, StateError without a release
    or on a full disk, ReleaseError when the served release is damaged, SettingsError for an annotator whom nobody knows,
    and whatever ``read_decisions`` raises. The served release stays as it is in all of these cases.
    """
    runs = RunStore(home)
    with runs.exclusive():
        return _Retrain(home, corpus, settings, serving, runs, progress, selection).start(
            lambda: read_selected(read_decisions, selection, find_matching, settings, home), force
        )


class _Retrain:
    def __init__(
        self,
        home: Home,
        corpus: Corpus,
        settings: TrainingSettings,
        serving: ServingSettings,
        runs: RunStore,
        progress: Progress,
        selection: Selection,
    ) -> None:
        self.home = home
        self.corpus = corpus
        self.settings = settings
        self.selection = selection
        self.selected = Selected()
        self.serving = serving
        self.runs = runs
        self.progress = progress
        self.store = ReleaseStore(home)
        self.news = News(new=0, withdrawn=0)

    def start(self, read: Callable[[], Selected], force: bool) -> RetrainSummary:
        served = self.store.verify(self.store.current().id)
        now = self._inputs([], served.id)
        run = take_up(self.runs, self.store, served, now, self.selection, self.progress)
        if run is not None and self._needs_no_reading(run, served):
            summary = self._go_on(run, served, "was interrupted")
            if summary is not None:
                return summary
            run = None
        self.selected = selected = read()
        self.selection = selected.selection
        decisions = selected.decisions
        inputs = self._inputs(decisions, served.id)
        if run is not None and run.record.inputs.same_as(inputs):
            summary = self._go_on(run, served, "had failed")
            if summary is not None:
                return summary
            self.selected, self.selection = selected, selected.selection
        elif run is not None:
            reason = "it had failed, and the annotations have changed since"
            give_up(self.runs, run.record, self.store, reason, self.progress)
        lineage = read_lineage(self.store.folder(served.id) / LINEAGE_FILE)
        self.news = compare(decisions, lineage)
        if not force:
            verdict = self._nothing_to_do(inputs, served, lineage)
            if verdict:
                return self._nothing_new(verdict, decisions, served)
        return self._work(self._create(inputs, decisions, served), served, resumed=False)

    # before a run

    def _inputs(self, decisions: Sequence[Decision], release_id: str) -> RunInputs:
        return run_inputs(decisions, self.corpus, self.settings, self.serving, release_id, self.selection)

    def _needs_no_reading(self, run: Run, served: Release) -> bool:
        """Whether it goes on whatever is decided by now: it was killed, or is at its end. One that failed may have done so
        because of what it read."""
        return (
            run.record.status == "running"
            or run.record.inputs.release != served.id
            or overruled(run, self.store)
        )

    def _go_on(self, run: Run, served: Release, why: str) -> RetrainSummary | None:
        """Finish a run. None, and it is given up, when what it wrote turns out to be damaged."""
        # It may itself have promoted another release than the one that it compares with before it was killed.
        before = run.record.inputs.release
        self.progress.say(f"Going on with run {run.id}, which {why}")
        try:
            compared = served if served.id == before else self.store.get(before)
            return self._work(run, compared, resumed=True)
        except DamagedRowsError as error:
            give_up(self.runs, run.record, self.store, error.message, self.progress)
            return None

    def _nothing_to_do(self, inputs: RunInputs, served: Release, lineage: Sequence[LineageRow]) -> str:
        """Why no run is needed, or nothing."""
        if not worth_a_run(self.news, self.settings, self.store, served.id, self.selection):
            if self.news.total:
                verdict = (
                    f"Not yet: {self.news.total} new decisions since {served.id}, and a retrain starts from "
                    f"{self.settings.min_new} (training.min_new)."
                )
            else:
                verdict = f"Nothing new to learn: no decision has been added or changed since {served.id}."
            left_out = not_indexed(lineage, self.corpus.chunks, self.serving.retrieval.include_unreviewed)
            indexed, here = served.index.rows, len(self.corpus.chunks) - len(left_out)
            if indexed != here:
                verdict += (
                    f" It indexes {indexed} chunks and the documents have {here} now: "
                    "`clayloop reindex` brings them to the bot."
                )
            return verdict
        tried = tried_before(self.runs, inputs)
        if tried is not None:
            return (
                f"Nothing new to learn since run {tried.id} tried exactly these annotations: {tried.verdict} "
                "(--force tries again.)"
            )
        return ""

    def _nothing_new(self, verdict: str, decisions: Sequence[Decision], served: Release) -> RetrainSummary:
        return RetrainSummary(
            outcome="nothing-new",
            verdict=verdict,
            release_before=served.id,
            decisions=self._counts(decisions),
            metric=self.settings.gate.metric,
            selection=self.selection.told(self.selected.unmatched).describe(),
            notes=self.selection.notes(self.selected.unmatched, self.settings.without_annotators),
        )

    def _counts(self, decisions: Sequence[Decision]) -> dict[str, int]:
        verdicts = Counter(one.verdict for one in decisions)
        return {
            "total": len(decisions),
            "new": self.news.new,
            "withdrawn": self.news.withdrawn,
            **({"left out": len(self.selected.left_out)} if self.selection else {}),
            **{name: verdicts[name] for name in ("accepted", "rejected", "undecided")},
        }

    # a run

    def _create(self, inputs: RunInputs, decisions: Sequence[Decision], served: Release) -> Run:
        run = self.runs.create(inputs, release_before=served.id, selection=self.selection)

        def read(folder: Path) -> str:
            keep(self.selected, folder)
            left_out = f", {len(self.selected.left_out)} left out" if self.selected.left_out else ""
            return (
                f"{len(decisions)} decisions, {self.news.new} new, {self.news.withdrawn} withdrawn{left_out}"
            )

        run.step("read", read, self.progress)
        return run

    def _work(self, run: Run, served: Release, resumed: bool) -> RetrainSummary:
        self.selection = run.record.selection  # a resumed run's says who was meant
        settings, start = clean_start(self.store, served, self.settings, self.selection)
        if start:
            self.progress.say(start)
        steps = Steps(run, self.corpus, settings, self.serving, self.store, served, self.progress)
        if resumed:
            self.selected = kept(run.folder)
            self.news = compare(steps.decisions, read_lineage(self.store.folder(served.id) / LINEAGE_FILE))
        summary = RetrainSummary(
            run=run.id,
            outcome="not-enough",
            verdict="",
            release_before=served.id,
            metric=self.settings.gate.metric,
            resumed=resumed,
            selection=self.selection.told(self.selected.unmatched).describe(),
            notes=[
                *([start] if start else []),
                *self.selection.notes(self.selected.unmatched, self.settings.without_annotators),
            ],
        )
        run.step("examples", steps.make_examples, self.progress)
        run.step("dedup", steps.drop_duplicates, self.progress)
        run.step("split", steps.hold_out, self.progress)
        summary.decisions = self._counts(steps.decisions)
        summary.examples = {
            "found": len(steps.examples),
            "train": len(steps.train),
            "holdout": len(steps.holdout),
        }
        summary.chunks = {
            "indexed": len(steps.chunks),
            "rejected": len(steps.learnable.rejected_chunks),
        }
        summary.take_counts(tally(lineage_of(steps)))
        summary.holdout_questions = len(steps.questions)
        lacking = what_is_lacking(steps)
        if lacking:
            summary.verdict = lacking
        else:
            self._train(run, steps, summary)
        self._report(run, steps, summary)
        run.finish(summary.outcome, summary.verdict, summary.release_after)
        note_looked_at(self.home, run, self.selected.decisions)
        self.store.discard(run.id)
        summary.take_timings(run.record)
        return summary

    def _report(self, run: Run, steps: Steps, summary: RetrainSummary) -> None:
        """Write the run's report. Whatever goes wrong with it must not cost a run that is as good as finished."""
        try:
            summary.report = str(write_report(run.folder, material_of(steps, summary)))
        except Exception as error:
            log.exception("run %s: no report", run.id)
            run.log(f"no report: {type(error).__name__}: {error}")
            summary.notes.append(
                f"The report could not be written ({type(error).__name__}); run.log says more."
            )

    def _train(self, run: Run, steps: Steps, summary: RetrainSummary) -> None:
        tuning = steps.tuning
        run.step("start", tuning.plan, self.progress)
        summary.examples["train"] = len(tuning.train)
        summary.take_counts(tally(lineage_of(steps)))
        run.step("mine", tuning.mine, self.progress)
        run.step("fit", tuning.fit, self.progress)
        run.step("index", tuning.embed, self.progress)
        run.step("rerank", steps.reranking.compete, self.progress)
        run.step("evaluate", steps.judging.evaluate, self.progress)
        run.step("gate", steps.judging.judge, self.progress)
        summary.take_figures(steps.judging.comparison)
        verdict = steps.judging.verdict
        summary.gate, summary.reranker = verdict, steps.reranking.outcome
        summary.outcome = "not-enough" if verdict.verdict == "not-enough" else "rejected"
        summary.verdict = verdict.reason
        if not verdict.promoted:
            return
        ending = serve(steps)
        summary.outcome, summary.release_after = ending.outcome, ending.release
        summary.verdict = ending.verdict or summary.verdict
