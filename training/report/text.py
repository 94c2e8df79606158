"""What a retrain did or would do, for machines (``RetrainSummary``, ``Preview``) and as lines for people."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from pydantic import BaseModel, Field

from training.judge.comparison import SIDES, Comparison
from training.judge.evaluate import METRICS
from training.judge.gate import PHRASES, GateVerdict
from training.ledger.rows import LedgerRow, of, tally
from training.prepare.prepared import Prepared
from training.runs.record import Outcome, RunRecord
from training.settings import INDEX_ONLY

_MOST = 8  # of a kind: slices, reasons, duplicates


class RetrainSummary(BaseModel):
    """The result of a retrain; ``model_dump(mode="json")`` is what ``--json`` writes.

    ``run`` is None when there was nothing to do. ``release_after`` is the release that was made and promoted,
    None when there is none. ``decisions`` counts total, new, withdrawn, accepted, rejected and undecided
    ones; ``examples`` those found, trained on and held out; ``chunks`` those indexed and rejected. ``fates``
    counts decisions by what became of them, ``reasons`` maps a fate to reason → number, of decisions that
    nothing is learned from. ``before``, ``after`` and ``base`` map dimension → metric → mean over the
    ``holdout_questions``, of the served release, the candidate and the untouched base model.
    ``without_reranker`` has the candidate's means by its embedding model alone, where it has a reranker.
    ``gate`` is the verdict with its interval, guards and slices, None when nothing was judged. ``rung`` is
    the one that is served now ("" when none is), ``why_not_higher`` says what kept the next one,
    ``would_help`` how many decisions about what would change that. ``report`` is the run's page for a
    browser. ``seconds`` are per step; ``peak_memory_mb`` in 10^6 bytes is the largest of all steps.
    ``resumed``: an interrupted run was finished. ``selection`` says what was left out,
    ``notes`` what to know about it.
    """

    run: str | None = None
    outcome: Outcome
    verdict: str
    release_before: str | None = None
    release_after: str | None = None
    decisions: dict[str, int] = Field(default_factory=dict)
    examples: dict[str, int] = Field(default_factory=dict)
    chunks: dict[str, int] = Field(default_factory=dict)
    fates: dict[str, int] = Field(default_factory=dict)
    reasons: dict[str, dict[str, int]] = Field(default_factory=dict)
    holdout_questions: int = 0
    metric: str = "ndcg@10"
    before: dict[int, dict[str, float]] = Field(default_factory=dict)
    after: dict[int, dict[str, float]] = Field(default_factory=dict)
    base: dict[int, dict[str, float]] = Field(default_factory=dict)
    without_reranker: dict[str, float] = Field(default_factory=dict)
    gate: GateVerdict | None = None
    rung: str = ""
    why_not_higher: str = ""
    would_help: str = ""
    report: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    total_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    resumed: bool = False
    selection: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def take_prepared(self, found: Prepared, questions: int) -> None:
        """Fill in what becomes of the decisions; ``questions`` are held out."""
        counted = tally(found.ledger)
        self.fates, self.reasons = dict(counted.fates.items()), dict(counted.reasons.items())
        self.examples = {
            "found": len(found.accepted),
            "train": len(found.train),
            "holdout": len(found.holdout),
        }
        removed = of(found.ledger, "chunk", "removed")
        self.chunks = {"indexed": len(found.chunks), "rejected": len(removed)}
        self.holdout_questions = questions

    def take_verdict(self, reached: GateVerdict, fine_tuned: GateVerdict | None, lacking: str) -> None:
        """Fill in what the gate said of the rung that was reached, and what kept the ``fine_tuned`` one;
        ``lacking`` says why there is none."""
        self.gate, self.verdict = reached, reached.reason
        self.outcome = "not-enough" if reached.verdict == "not-enough" else "rejected"
        if reached.rung == INDEX_ONLY:
            why = fine_tuned.reason if fine_tuned else lacking
            self.why_not_higher = why.removeprefix("Not promoted: ")
            if not reached.promoted and lacking:
                self.verdict, self.outcome = lacking, "not-enough"

    def take_lacking(self, lacking: int, untold: Sequence[str], share: float) -> None:
        """Fill in what would change a verdict for which ``lacking`` questions are too few: about held-out
        sections, such as ``untold``, every one counts, of all a ``share``."""
        if lacking <= 0:
            return
        every = f", {lacking} if about held-out sections, such as {', '.join(untold)}"
        self.would_help = (
            f"accept about {math.ceil(lacking / share)} triplets more, or conversations whose source is "
            f"right or was named{every if untold else ''}."
        )

    def take_figures(self, found: Comparison) -> None:
        """Fill in what base, served release and candidate reach on the holdout, if anything is held out."""
        if not found.holdout.questions:
            return
        self.base, self.before, self.after = (
            {dimension: scores.metrics for dimension, scores in found.holdout.side(side).items()}
            for side in SIDES
        )
        self.without_reranker = found.without_reranker

    def take_timings(self, record: RunRecord) -> None:
        """Fill in what the run recorded about its steps."""
        self.seconds = {step.name: step.seconds for step in record.steps}
        self.total_seconds = round(sum(self.seconds.values()), 2)
        self.peak_memory_mb = max((step.peak_memory_mb for step in record.steps), default=0.0)


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


def render_summary(summary: RetrainSummary) -> str:
    """A few lines of plain text that say what happened and why."""
    lines = [summary.verdict]
    if summary.why_not_higher and summary.why_not_higher != summary.verdict:
        lines.append(f"No newly trained model: {summary.why_not_higher}")
    if summary.would_help:
        lines.append(f"To tell     {summary.would_help}")
    if summary.selection:
        lines += ["", f"Selection   {', '.join(summary.selection)}"]
    lines += [f"Note        {note}" for note in summary.notes]
    if summary.decisions.get("total"):
        counts = summary.decisions
        parts = [f"{counts[name]} {name}" for name in ("new", "withdrawn") if counts.get(name)]
        of_it = f" ({', '.join(parts)} since the last release)" if parts else ""
        lines += [
            "",
            f"Decisions   {counts['total']}{of_it}: {counts.get('accepted', 0)} accepted, "
            f"{counts.get('rejected', 0)} rejected, {counts.get('undecided', 0)} undecided",
        ]
    if summary.examples:
        lines.append(
            f"Examples    {summary.examples.get('train', 0)} to train on, "
            f"{summary.examples.get('holdout', 0)} held out ({summary.holdout_questions} questions)"
        )
    lines += [
        f"  {fate:<9} {count} × {reason}"
        for fate, reasons in summary.reasons.items()
        for reason, count in list(reasons.items())[:_MOST]  # the most frequent ones
    ]
    if summary.chunks:
        removed = summary.chunks.get("rejected", 0)
        lines.append(
            f"Index       {summary.chunks.get('indexed', 0)} chunks"
            + (f", {removed} rejected ones left out" if removed else "")
        )
    lines += _table(summary)
    if summary.gate is not None:
        lines += _gate(summary.gate)
    if summary.seconds:
        slowest = ", ".join(f"{name} {took:.0f} s" for name, took in summary.seconds.items() if took >= 1)
        lines += ["", f"Time        {summary.total_seconds:.0f} s" + (f" ({slowest})" if slowest else "")]
        lines.append(f"Memory      {summary.peak_memory_mb / 1000:.1f} GB at most")
    if summary.run:
        lines.append(
            f"Run         {summary.run}{' (an interrupted one, finished now)' if summary.resumed else ''}"
        )
    if summary.report:
        lines.append(f"Report      {summary.report}")
    if summary.release_after:
        lines.append(
            f"Release     {summary.release_after} is served now, instead of {summary.release_before}"
        )
    return "\n".join(lines)


def _table(summary: RetrainSummary) -> list[str]:
    """Metrics side by side: "served → candidate" per dimension, the base model's at full dimension below."""
    dimensions = [dimension for dimension in summary.after if dimension in summary.before]
    if not dimensions:
        return []
    lines = ["", "On the held-out questions, served release → candidate:", _row("dimensions", METRICS)]
    for dimension in dimensions:
        before, after = summary.before[dimension], summary.after[dimension]
        lines.append(_row(dimension, (f"{before[name]:.3f} → {after[name]:.3f}" for name in METRICS)))
    base = summary.base[max(summary.base)] if summary.base else {}
    for label, means in (("base model", base), ("no reranker", summary.without_reranker)):
        if means:
            lines.append(_row(label, (f"{means[name]:.3f}" for name in METRICS)))
    return lines


def _row(label: str | int, cells: Iterable[str]) -> str:
    return (f"{label:<12}" + "".join(f"{cell:<17}" for cell in cells)).rstrip()


def _gate(verdict: GateVerdict) -> list[str]:
    """How sure the verdict is, where it differs, and every guard."""
    lines = [""]
    if verdict.interval is not None:
        interval = verdict.interval
        lines.append(
            f"Verdict     {PHRASES[verdict.verdict]}: {verdict.metric} {interval} "
            f"({interval.confidence:.0%} interval, {interval.size} questions)"
        )
    else:
        lines.append(f"Verdict     {PHRASES[verdict.verdict]} ({verdict.queries})")
    if verdict.earlier is not None and verdict.fresh is not None:
        lines.append(f"            {verdict.earlier} on earlier questions, {verdict.fresh} on new ones")
    counted = [one for one in verdict.slices if one.change is not None]
    for one in counted[:_MOST]:
        lines.append(f"  {one.by:<9} {one.value}: {one.change} ({one.queries} questions)")
    if len(counted) > _MOST:
        lines.append(f"            … and {len(counted) - _MOST} more slices")
    lines += [
        f"Guard       {'ok  ' if guard.passed else 'FAIL'} {guard.name}: {guard.detail}"
        for guard in verdict.guards
    ]
    return lines


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
    lines += [f"  duplicate {one_line(row.query)}: {one_line(row.reason)}" for row in same[:_MOST]]
    if len(same) > _MOST:
        lines.append(f"  …         and {len(same) - _MOST} more (--json has every row)")
    return "\n".join(lines)


def one_line(text: str) -> str:
    return " ".join(text.split())
