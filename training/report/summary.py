"""What a retrain did, for machines and for people."""

from __future__ import annotations

from pydantic import BaseModel, Field

from training.judge.comparison import SIDES, Comparison
from training.judge.gate import GateVerdict
from training.ledger.tally import Tally
from training.runs.record import Outcome, RunRecord

_SHOWN = ("ndcg@10", "mrr@10", "recall@1", "recall@5", "recall@10", "recall@50")
_MOST_SLICES = 8


class RetrainSummary(BaseModel):
    """The result of ``retrain_from_annotations``; ``model_dump(mode="json")`` is what ``--json`` writes.

    ``run`` is None when nothing was new. ``release_after`` is the release made and promoted, None when there is none.
    ``decisions`` counts total, new, withdrawn, accepted, rejected and undecided ones; ``examples`` those found, trained
    on and held out; ``chunks`` those indexed and rejected; ``dropped`` and ``unused`` count decisions
    that nothing is learned from per reason, as the lineage has them. ``before`` and
    ``after`` map dimension → metric → mean over the ``holdout_questions``, of the served release and the candidate.
    ``seconds`` per step; ``peak_memory_mb`` in 10^6 bytes, the largest of all steps. ``resumed`` tells that an earlier,
    interrupted run was finished. ``base`` is like ``before``, of the untouched base model. ``gate`` is the verdict with its
    interval, guards and slices, None when nothing was trained; ``report`` the run's page for a browser. ``selection`` says what was left out (nothing when empty), ``notes`` what to know about it.
    ``reranker`` names the candidate's, if it has one; ``without_reranker`` has the candidate's means at full
    dimension by its embedding model alone, where it has one.
    """

    run: str | None = None
    outcome: Outcome
    verdict: str
    release_before: str | None = None
    release_after: str | None = None
    decisions: dict[str, int] = Field(default_factory=dict)
    examples: dict[str, int] = Field(default_factory=dict)
    chunks: dict[str, int] = Field(default_factory=dict)
    dropped: dict[str, int] = Field(default_factory=dict)
    unused: dict[str, int] = Field(default_factory=dict)
    holdout_questions: int = 0
    metric: str = "ndcg@10"
    before: dict[int, dict[str, float]] = Field(default_factory=dict)
    after: dict[int, dict[str, float]] = Field(default_factory=dict)
    base: dict[int, dict[str, float]] = Field(default_factory=dict)
    gate: GateVerdict | None = None
    reranker: str = ""
    without_reranker: dict[str, float] = Field(default_factory=dict)
    report: str | None = None
    seconds: dict[str, float] = Field(default_factory=dict)
    total_seconds: float = 0.0
    peak_memory_mb: float = 0.0
    resumed: bool = False
    selection: list[str] = Field(default_factory=list)
    notes: list[str] = Field(default_factory=list)

    def take_figures(self, found: Comparison) -> None:
        """Fill in what base, served release and candidate reach on the holdout."""
        holdout = found.holdout
        self.base, self.before, self.after = (
            {dimension: scores.metrics for dimension, scores in holdout.side(side).items()} for side in SIDES
        )
        self.reranker, self.without_reranker = found.reranker, found.without_reranker

    def take_counts(self, counted: Tally) -> None:
        """Fill in why decisions teach nothing."""
        self.dropped, self.unused = dict(counted.dropped), dict(counted.unused)

    def take_timings(self, record: RunRecord) -> None:
        """Fill in what the run recorded about its steps."""
        self.seconds = {step.name: step.seconds for step in record.steps}
        self.total_seconds = round(sum(self.seconds.values()), 2)
        self.peak_memory_mb = max((step.peak_memory_mb for step in record.steps), default=0.0)


def render_summary(summary: RetrainSummary) -> str:
    """A few lines of plain text that say what happened and why."""
    lines = [summary.verdict]
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
            f"Examples    {summary.examples.get('train', 0)} trained on, {summary.examples.get('holdout', 0)} held out "
            f"({summary.holdout_questions} questions)"
        )
    lines += [f"  dropped   {count} × {reason}" for reason, count in summary.dropped.items()]
    lines += [f"  unused    {count} × {reason}" for reason, count in list(summary.unused.items())[:6]]
    if summary.chunks:
        removed = summary.chunks.get("rejected", 0)
        lines.append(
            f"Index       {summary.chunks.get('indexed', 0)} chunks"
            + (f", {removed} rejected ones left out" if removed else "")
        )
    lines += _table(summary)
    if summary.reranker:
        lines += _reranker(summary)
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
    lines = ["", "On the held-out questions, served release → candidate:"]
    lines.append("dimensions  " + "".join(f"{name:<17}" for name in _SHOWN).rstrip())
    for dimension in dimensions:
        before, after = summary.before[dimension], summary.after[dimension]
        cells = "".join(f"{f'{before[name]:.3f} → {after[name]:.3f}':<17}" for name in _SHOWN)
        lines.append(f"{dimension:<12}{cells}".rstrip())
    if summary.base:
        base = summary.base[max(summary.base)]
        lines.append(f"{'base model':<12}" + "".join(f"{base[name]:<17.3f}" for name in _SHOWN).rstrip())
    return lines


def _reranker(summary: RetrainSummary) -> list[str]:
    """Which one it is, and what the held-out questions say without it."""
    without = "".join(
        f"{value:<17.3f}" for value in map(summary.without_reranker.get, _SHOWN) if value is not None
    )
    return ["", f"Reranker    {summary.reranker}", f"without it  {without}".rstrip()]


def _gate(verdict: GateVerdict) -> list[str]:
    """How sure the verdict is, where it differs, and every guard."""
    lines = [""]
    if verdict.interval is not None:
        interval = verdict.interval
        lines.append(
            f"Verdict     {verdict.verdict}: {verdict.metric} {interval} ({interval.confidence:.0%} interval, "
            f"{interval.size} questions)"
        )
    else:
        lines.append(f"Verdict     {verdict.verdict}: {verdict.queries} questions")
    if verdict.earlier is not None and verdict.fresh is not None:
        lines.append(f"            {verdict.earlier} on earlier questions, {verdict.fresh} on new ones")
    counted = [one for one in verdict.slices if one.change is not None]
    for one in counted[:_MOST_SLICES]:
        lines.append(f"  {one.by:<9} {one.value}: {one.change} ({one.queries} questions)")
    if len(counted) > _MOST_SLICES:
        lines.append(f"            … and {len(counted) - _MOST_SLICES} more slices")
    lines += [
        f"Guard       {'ok  ' if guard.passed else 'FAIL'} {guard.name}: {guard.detail}"
        for guard in verdict.guards
    ]
    return lines
