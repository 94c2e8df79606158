"""What a retrain would learn, without training and without writing anything."""

from __future__ import annotations

from datetime import datetime, timezone

from pydantic import BaseModel, Field

from curation import Corpus, Home
from serving import ReleaseStore, ServingSettings
from training.decide import decide
from training.ledger.context import RunContext
from training.ledger.rows import LedgerRow, tally
from training.prepare.prepared import prepare
from training.prepare.selection import ReadDecisions, read_selected
from training.retrain import DEFAULT_OPTIONS, RetrainOptions
from training.runs.steps import own_sets, questions_of, round_of, what_is_lacking
from training.settings import TrainingSettings
from training.situation import read_situation

_SHOWN = 8


class Preview(BaseModel):
    """What a retrain would do.

    ``verdict`` says whether it would train, and why not. ``fates`` counts the decisions by what they would
    become, ``reasons`` why nothing is learned from others (fate → reason → number). ``rows`` is the ledger
    that the release would have.
    """

    would_train: bool
    verdict: str
    release_before: str
    new: int
    withdrawn: int
    selection: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)
    fates: dict[str, int] = Field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = Field(default_factory=dict)
    holdout_questions: int = 0
    chunks: int = 0
    rows: list[LedgerRow] = Field(default_factory=list)


def preview(
    home: Home,
    corpus: Corpus,
    settings: TrainingSettings,
    serving: ServingSettings,
    read_decisions: ReadDecisions,
    options: RetrainOptions = DEFAULT_OPTIONS,
) -> Preview:
    """Decide and prepare as ``retrain_from_annotations`` would, and raise what it raises until then."""
    store = ReleaseStore(home)
    context = RunContext(home, corpus, settings, serving, store, store.current(), options.progress)
    selected = read_selected(
        read_decisions, options.selection, options.find_matching, settings.without_annotators
    )
    choice = decide(read_situation(context, selected, datetime.now(timezone.utc)), options.force)
    sets = own_sets(context)
    found = prepare(selected, context, questions_of(sets))
    asked = round_of(found, sets, context)
    if choice.what == "skip":
        verdict = f"Would not train: {choice.why}"
    elif choice.run is not None:
        verdict = f"Would finish run {choice.run.id}, which is unfinished, before anything else."
    else:
        verdict = what_is_lacking(found, len(asked.deciding), context) or "Would train."
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


def render_preview(plan: Preview) -> str:
    """A few lines of plain text."""
    lines = [
        plan.verdict,
        f"New         {plan.new} new or changed, {plan.withdrawn} withdrawn since {plan.release_before}",
    ]
    if plan.selection:
        lines.append(f"Selection   {', '.join(plan.selection)}")
    lines += [f"Note        {note}" for note in plan.notes]
    fates = plan.fates
    lines.append(
        f"Examples    {fates.get('train', 0)} decisions to train on, "
        f"{fates.get('negative', 0)} as negatives, "
        f"{fates.get('holdout', 0)} held out ({plan.holdout_questions} questions)"
    )
    lines.append(f"Index       {plan.chunks} chunks, {fates.get('removed', 0)} rejected ones left out")
    lines += [
        f"  not used  {count} × {fate}: {reason}"
        for fate, reasons in plan.reasons.items()
        for reason, count in reasons.items()
    ]
    same = [row for row in plan.rows if row.fate == "duplicate"]
    lines += [f"  duplicate {_one_line(row.query)}: {_one_line(row.reason)}" for row in same[:_SHOWN]]
    if len(same) > _SHOWN:
        lines.append(f"  …         and {len(same) - _SHOWN} more (--json has every row)")
    return "\n".join(lines)


def _one_line(text: str) -> str:
    return " ".join(text.split())
