"""What a retrain would learn, without training and without writing anything that stays."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from curation import SILENT, Home, Progress
from serving import LINEAGE_FILE, ReleaseStore, ServingSettings
from training.ledger.ancestry import clean_start
from training.ledger.known import compare
from training.ledger.lineage import read_lineage
from training.ledger.lineage_record import LineageRow
from training.ledger.news import run_inputs, tried_before, worth_a_run
from training.ledger.tally import tally
from training.prepare.reading import EVERYTHING, FindMatching, ReadDecisions, keep, read_selected
from training.prepare.selection import Selection
from training.report.conclusion import lineage_of, what_is_lacking
from training.runs.run import RunStore
from training.runs.steps import Steps
from training.settings import TrainingSettings

if TYPE_CHECKING:
    from curation import Corpus

_SHOWN = 8


class DryRun(BaseModel):
    """What a retrain would do. ``verdict`` says whether it would train and why not; ``roles`` counts the decisions by what
    they would become, ``reasons`` why those that teach nothing don't; ``rows`` has each decision's fate, as the lineage
    of the release would."""

    would_train: bool
    verdict: str
    release_before: str
    new: int
    withdrawn: int
    selection: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    roles: dict[str, int] = Field(default_factory=dict)
    reasons: dict[str, int] = Field(default_factory=dict)
    holdout_questions: int = 0
    chunks: int = 0
    rows: list[LineageRow] = Field(default_factory=list)


def preview(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    progress: Progress = SILENT,
    selection: Selection = EVERYTHING,
    find_matching: FindMatching | None = None,
    force: bool = False,
) -> DryRun:
    """Do the steps before training in a folder for temporary files that is removed again: for that long it holds all decisions,
    and nobody else may read it. ``force``: as if it was to be tried again.

    An unfinished run is left as it is: the real command would finish that one first. Raises what
    ``retrain_from_annotations`` raises before training.
    """
    store, runs = ReleaseStore(home), RunStore(home)
    served = store.current()
    selected = read_selected(read_decisions, selection, find_matching, settings, home)
    selection = selected.selection
    news = compare(selected.decisions, read_lineage(store.folder(served.id) / LINEAGE_FILE))
    inputs = run_inputs(selected.decisions, corpus, settings, serving, served.id, selection)
    settings, start = clean_start(store, served, settings, selection)
    notes = [start] if start else []
    notes += selected.unmatched.notes
    with tempfile.TemporaryDirectory(prefix="clayloop-dry-run-") as folder:
        run = RunStore(Home(Path(folder))).create(inputs, served.id, selection)
        aside = run.folder / "read"
        aside.mkdir()
        keep(selected, aside)
        steps = Steps(run, corpus, settings, serving, store, served, SILENT)
        run.step("examples", steps.make_examples, SILENT)
        run.step("dedup", steps.drop_duplicates, SILENT)
        run.step("split", steps.hold_out, progress)
        lacking = what_is_lacking(steps)
        if not lacking:
            run.step("start", _set_aside(steps), SILENT)
        rows = lineage_of(steps)
        counted = tally(rows)
        questions, chunks = len(steps.questions), len(steps.chunks)
    tried = tried_before(runs, inputs)
    if force:
        verdict = lacking or "Would train."
    elif not worth_a_run(news, settings, store, served.id, selection):
        verdict = (
            f"Would not train: {news.total} new decisions, and a retrain starts from {settings.min_new}."
        )
    elif tried is not None:
        verdict = f"Would not train: run {tried.id} tried exactly these annotations. {tried.verdict}"
    else:
        verdict = lacking or "Would train."
    unfinished = next((one for one in runs.unfinished() if one.inputs.selection == inputs.selection), None)
    if unfinished is not None:
        notes.append(f"Run {unfinished.id} is unfinished: the real command looks at that one first.")
    return DryRun(
        would_train=verdict == "Would train.",
        verdict=verdict,
        release_before=served.id,
        new=news.new,
        withdrawn=news.withdrawn,
        selection=selection.told(selected.unmatched).describe(),
        notes=notes,
        roles=dict(counted.roles),
        reasons=counted.reasons,
        holdout_questions=questions,
        chunks=chunks,
        rows=rows,
    )


def _set_aside(steps: Steps) -> Callable[[Path], str]:
    """The step "start" without its trial of the arithmetic: that takes a model."""
    return lambda folder: steps.tuning.set_aside(folder).plan.reason


def render_dry_run(plan: DryRun) -> str:
    """A few lines of plain text."""
    lines = [
        plan.verdict,
        f"New         {plan.new} new or changed, {plan.withdrawn} withdrawn since {plan.release_before}",
    ]
    if plan.selection:
        lines.append(f"Selection   {', '.join(plan.selection)}")
    lines += [f"Note        {note}" for note in plan.notes]
    roles = plan.roles
    lines.append(
        f"Examples    {roles.get('train', 0)} decisions to train on, {roles.get('negative', 0)} as negatives, "
        f"{roles.get('holdout', 0)} held out "
        f"({plan.holdout_questions} questions)"
    )
    lines.append(f"Index       {plan.chunks} chunks, {roles.get('index-removed', 0)} rejected ones left out")
    lines += [f"  not used  {count} × {reason}" for reason, count in plan.reasons.items()]
    dropped = [row for row in plan.rows if row.role == "dropped"]
    lines += [f"  dropped   {_question(row)}: {_one_line(row.reason)}" for row in dropped[:_SHOWN]]
    if len(dropped) > _SHOWN:
        lines.append(f"  …         and {len(dropped) - _SHOWN} more dropped (--json has every row)")
    return "\n".join(lines)


def _question(row: LineageRow) -> str:
    queries: Sequence[str] = [example.query for example in row.examples]
    return _one_line(queries[0]) if queries else row.record_id


def _one_line(text: str) -> str:
    return " ".join(text.split())
