"""The retrain, and its preview: annotations in, a release or a reason why not out.

A run climbs a ladder: the served model with everything decided in its index, then a fine-tuned one. The
highest rung that the gate lets through is served. Each step (training.runs.record.STEPS) leaves its result in
runs/<run>/<step>. Killed at any instant, the next call goes on after the last finished step. The served
release changes in one instant, at the very end, or not at all.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from functools import partial

from curation import SILENT, Corpus, Home, Progress
from serving import (
    HEADING,
    INDEX_FOLDER,
    MODEL_FOLDER,
    OUT_OF_DOMAIN_QUESTIONS,
    BaseVectors,
    ChunkIndex,
    Embedder,
    ReleaseDraft,
    ReleaseStore,
    ServingSettings,
    heading_questions,
    pull,
)
from training.decide import Choice, News, answers, changed_keys, decide, find_news
from training.ledger.rows import LedgerRow, by_decision, tally
from training.ledger.selection import (
    EVERYTHING,
    FindMatching,
    ReadDecisions,
    Selected,
    Selection,
    read_selected,
)
from training.ledger.store import ANSWERS, ledger_of
from training.prepare.prepared import RunContext, prepare, question_vectors
from training.report.card import release_card, selection_card
from training.report.content import Material, write_report
from training.report.text import Preview, RetrainSummary
from training.runs.asked import (
    make_folds,
    number_asked,
    own_sets,
    questions_of,
    round_of,
    what_is_lacking,
)
from training.runs.progress import NotedProgress
from training.runs.run import RunStore
from training.runs.situation import Situation, clean, ending_of, give_up, read_situation, rows_of
from training.runs.steps import Steps
from training.settings import FINE_TUNED, INDEX_ONLY, Rung, TrainingSettings

log = logging.getLogger(__name__)

_MOST_AHEAD = 5_000  # questions that are embedded before anybody asks for a retrain


@dataclass(frozen=True)
class RetrainOptions:
    """How to retrain this time. ``selection`` says what to leave out, and ``find_matching`` which records
    pass its filters. ``force``: start a run even if nothing is new or the same was tried before. ``highest``
    is the rung that is tried at most."""

    progress: Progress = SILENT
    force: bool = False
    highest: Rung = FINE_TUNED
    selection: Selection = EVERYTHING
    find_matching: FindMatching | None = None


DEFAULT_OPTIONS = RetrainOptions()


def retrain_from_annotations(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    options: RetrainOptions = DEFAULT_OPTIONS,
) -> RetrainSummary:
    """Learn from what annotators decided since the served release, and serve the result if it is not worse.

    An interrupted run is finished first, if it still can be. With nothing new there is no run. Raises
    BusyError while another retrain is at work, StateError without a release or on a full disk, ReleaseError
    when the served release is damaged, SettingsError for an annotator whom nobody knows, and whatever
    ``read_decisions`` raises. In all of these cases the served release stays as it is.
    """
    runs = RunStore(home)
    with runs.exclusive(settings.lease_seconds):
        pull(ReleaseStore(home))  # else it would compare with what another machine has replaced
        context, selected, found = _read(home, corpus, settings, serving, read_decisions, options)
        choice = decide(found, options.force, options.highest)
        _settle_others(choice, runs, context)
        if choice.what == "skip":
            summary = _summary(context, selected, rows_of(selected), choice.news)
            summary.verdict = choice.why
            return summary
        if choice.run is None:
            inputs = found.inputs.model_copy(update={"rung": choice.rung})
            run = runs.create(inputs, context.served.id, selected.selection)
            return _work(Steps(run, context), selected, resumed=False)
        # The run may have promoted its own release already, and compares with the one before.
        compared = replace(context, served=context.store.get(choice.run.inputs.release))
        return _work(Steps(runs.open(choice.run), compared), selected, resumed=True)


def load_ahead(home: Home, corpus: Corpus, settings: TrainingSettings, serving: ServingSettings) -> None:
    """Load what the next retrain of this process needs, and embed the questions that it will ask for all that
    was decided before. Raises what loading the served release raises."""
    import pytrec_eval  # noqa: F401
    import scipy.stats  # noqa: F401
    import sklearn.feature_extraction.text
    import sklearn.linear_model
    import sklearn.model_selection  # noqa: F401

    store = ReleaseStore(home)
    context = RunContext(home, corpus, settings, serving, store, store.verify(store.current().id), SILENT)
    ChunkIndex.open(store.folder(context.served.id) / INDEX_FOLDER).space()
    rows = ledger_of(store, context.served.id, ("query", "teaches", "origin"))
    asked = list(dict.fromkeys(row.query for row in rows if row.query))[:_MOST_AHEAD]
    served = Embedder.shared(store.folder(context.served.id) / MODEL_FOLDER, serving.embedding)
    of_all = [*OUT_OF_DOMAIN_QUESTIONS, *heading_questions(corpus.chunks)]
    own = dict.fromkeys(row.query for row in rows if row.query and row.origin != HEADING)
    question_vectors(context)(asked or of_all[:1])
    served.queries([*of_all, *list(own)[:_MOST_AHEAD]])
    BaseVectors(store, serving.embedding).queries(asked or of_all[:1])


def preview(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    options: RetrainOptions = DEFAULT_OPTIONS,
) -> Preview:
    """Decide and prepare as ``retrain_from_annotations`` would, and raise what it raises until then."""
    context, selected, situation = _read(home, corpus, settings, serving, read_decisions, options)
    choice = decide(situation, options.force, options.highest)
    sets = own_sets(context)
    found = prepare(selected, context, questions_of(sets))
    asked = round_of(found, sets, context)
    if choice.what == "skip":
        verdict = f"Would not train: {choice.why}"
    elif choice.run is not None:
        verdict = f"Would finish run {choice.run.id}, which is unfinished, before anything else."
    elif choice.rung == INDEX_ONLY:
        verdict = "Would bring what was decided into the index. Nothing is new to train on."
    else:
        deciding = number_asked(asked, make_folds(selected, context, sets, asked))
        verdict = what_is_lacking(found, deciding, context) or "Would train."
        if found.chunks and verdict != "Would train.":
            verdict += " Would bring what was decided into its index."
    counted = tally(found.ledger)
    return Preview(
        would_train=verdict == "Would train.",
        verdict=verdict,
        release_before=context.served.id,
        new=choice.news.new,
        withdrawn=choice.news.withdrawn,
        selection=selected.selection.matched.describe(),
        notes=selected.unmatched.notes,
        fates=dict(counted.fates),
        reasons=dict(counted.reasons),
        holdout_questions=len(asked.questions),
        chunks=len(found.chunks),
        rows=found.ledger,
    )


def _read(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    options: RetrainOptions,
) -> tuple[RunContext, Selected, Situation]:
    """What a choice depends on, and what a run works with."""
    store = ReleaseStore(home)
    served = store.verify(store.current().id)
    context = RunContext(home, corpus, settings, serving, store, served, options.progress)
    selected = read_selected(
        read_decisions, options.selection, options.find_matching, settings.without_annotators
    )
    return context, selected, read_situation(context, selected, datetime.now(timezone.utc))


def _work(steps: Steps, selected: Selected, resumed: bool) -> RetrainSummary:
    """Do what is left of a run's steps, and say what came of it."""
    run = steps.run
    noted = NotedProgress(steps.context.progress, run.folder)
    context = steps.context = replace(steps.context, progress=noted)
    run.step("prepare", partial(steps.prepare, selected), context.progress)
    found = steps.prepared
    served_rows = ledger_of(context.store, context.served.id, ANSWERS)
    now, before = answers(found.ledger), answers(served_rows)
    summary = _summary(context, selected, found.ledger, find_news(now, before))
    fresh = set(changed_keys(now, before))
    summary.run, summary.outcome, summary.resumed = run.id, "not-enough", resumed
    summary.take_prepared(found, len(steps.round.questions))
    summary.take_fresh([row for row in found.ledger if row.key in fresh])
    may_train = run.record.inputs.rung == FINE_TUNED
    deciding = number_asked(steps.round, steps.folds)
    lacking = what_is_lacking(found, deciding, context) if may_train else ""
    summary.verdict = lacking or what_is_lacking(found, context.settings.gate.min_queries, context)
    if found.chunks:
        if may_train and not lacking:
            run.step("fit", steps.fit, context.progress)
            run.step("index", steps.index, context.progress)
        run.step("judge", steps.judge, context.progress)
        verdict = steps.verdict
        summary.take_verdict(verdict, steps.verdict_on_training, lacking)
        summary.take_figures(steps.comparison)
        trained, gate = steps.verdict_on_training, context.settings.gate
        few = trained.lacking if trained and not trained.promoted else 0
        if lacking:
            few = gate.min_queries - deciding
        untold, share = steps.round.untold(gate.holdout_share), gate.holdout_share
        summary.take_lacking(few, *(([], 1.0) if steps.folds else (untold, share)))
        if verdict.promoted:
            run.step("publish", partial(steps.publish, partial(_card, steps)), context.progress)
            ending = ending_of(run.record, context.store)
            assert ending is not None  # noqa: S101 - the step is finished
            summary.outcome, summary.release_after = ending.outcome, ending.release
            summary.verdict = ending.verdict or summary.verdict
            summary.rung = verdict.rung if ending.release else ""
            run.record.overtaken = ending.overtaken
    summary.report = _report(steps, summary)
    run.finish(summary.outcome, summary.verdict, summary.release_after)
    context.store.discard(run.staging)
    summary.take_timings(run.record)
    return summary


def _settle_others(choice: Choice, runs: RunStore, context: RunContext) -> None:
    """Close the unfinished runs that nobody goes on with, and remove what kills have left."""
    for line in choice.left_alone.values():
        context.progress.say(line)
    for run_id, reason in choice.given_up.items():
        give_up(runs.open(runs.get(run_id)), context.store, reason, context.progress)
    clean(runs, context.store)
    if choice.run is not None:
        context.progress.say(choice.why)


def _summary(
    context: RunContext, selected: Selected, rows: Sequence[LedgerRow], news: News
) -> RetrainSummary:
    """What is known before anything is done. ``rows`` are of the decisions that were read."""
    return RetrainSummary(
        outcome="nothing-new",
        verdict="",
        release_before=context.served.id,
        decisions=_counts(rows, news),
        metric=context.settings.gate.metric,
        selection=selected.selection.matched.describe(),
        notes=_notes(selected, context.settings),
    )


def _counts(rows: Sequence[LedgerRow], news: News) -> dict[str, int]:
    """Numbers of decisions, as the summary has them."""
    left_out = sum(row.fate == "left-out" for row in rows)
    verdicts = Counter(row.verdict for row in by_decision(rows) if row.fate != "left-out")
    return {
        "total": verdicts.total(),
        "new": news.new,
        "withdrawn": news.withdrawn,
        **({"left out": left_out} if left_out else {}),
        **{verdict: verdicts[verdict] for verdict in ("accepted", "rejected", "undecided")},
    }


def _notes(selected: Selected, settings: TrainingSettings) -> list[str]:
    """What the person who asked for a selection should know about it."""
    notes = [*selected.unmatched.notes]
    if any(name not in settings.without_annotators for name in selected.selection.without_annotators):
        notes.append(
            "The next retrain without this option learns from them again: training.without_annotators leaves "
            "somebody out for good."
        )
    return notes


def _card(steps: Steps, draft: ReleaseDraft) -> str:
    """The release's model card."""
    context = steps.context
    whitening = context.serving.retrieval.whiten
    report = steps.report if steps.verdict.rung == FINE_TUNED else None
    card = release_card(draft, report, context.settings.fit, whitening, steps.comparison, steps.verdict)
    return card + selection_card(steps.run.record.selection.matched)


def _report(steps: Steps, summary: RetrainSummary) -> str | None:
    """Write the run's report, and return its path. Whatever goes wrong with it must not cost a run that is
    nearly finished."""
    run = steps.run
    try:
        comparison = steps.comparison if run.record.has_finished("judge") else None
        gate = steps.context.settings.gate
        material = Material(run.record, summary, gate, steps.prepared, comparison)
        return str(write_report(run.folder, material))
    except Exception as error:
        log.exception("run %s: no report", run.id)
        run.log(f"no report: {type(error).__name__}: {error}")
        summary.notes.append(f"The report could not be written ({type(error).__name__}); run.log says more.")
        return None
