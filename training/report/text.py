"""What a retrain did or would do, for machines (``RetrainSummary``, ``Preview``) and as lines for people."""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import BaseModel, Field

from training.judge.comparison import SIDES, Comparison
from training.judge.gate import GateVerdict
from training.ledger.rows import Fate, LedgerRow, Tally, of, tally
from training.prepare.prepared import Prepared
from training.runs.record import Outcome, RunRecord
from training.settings import FINE_TUNED, INDEX_ONLY

_MOST = 8  # of a kind: reasons, duplicates

# What becomes of a decision from which something is learned, in the order in which it is told.
_LEARNED: dict[Fate, str] = {
    "train": "to be trained on",
    "negative": "to be trained on, as what does not answer a question",
    "holdout": "kept to test each new model, and never trained on",
    "served": "shown by the bot word for word, as an answer that a person wrote",
    "indexed": "confirmed: the chunk stays in the index",
    "removed": "rejected: the chunk leaves the index",
}
_SINCE: dict[str, str] = {FINE_TUNED: "trained on", INDEX_ONLY: "in the index now, to be trained on later"}


class RetrainSummary(BaseModel):
    """The result of a retrain; ``model_dump(mode="json")`` is what ``--json`` writes.

    ``run`` is None when there was nothing to do. ``release_after`` is the release that was made and promoted,
    None when there is none. ``decisions`` counts total, new, withdrawn, accepted, rejected and undecided
    ones; ``examples`` those found, trained on and held out; ``chunks`` those indexed and rejected. ``fates``
    counts decisions by what became of them, ``reasons`` maps a fate to reason → number, of decisions that
    nothing is learned from; ``fresh`` has both of the new decisions alone, an answer that is served counted
    beside what else its decision teaches. ``before``, ``after`` and ``base`` map dimension → metric → mean
    over the ``holdout_questions``, of the served release, the candidate and the untouched base model.
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
    fresh: Tally = Tally()
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

    def take_fresh(self, rows: Sequence[LedgerRow]) -> None:
        """Fill in what becomes of the new decisions, whose ``rows`` these are."""
        counted, shown = tally(rows), len(of(rows, "answer", "served"))
        self.fresh = counted.model_copy(
            update={"fates": {**counted.fates, **({"served": shown} if shown else {})}}
        )

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
    """A few lines of plain text that say what happened and why. The run's report has the rest."""
    lines = [summary.verdict]
    if summary.gate is not None and summary.gate.interval is not None:
        sure = f"{summary.gate.interval.confidence:.0%}"
        lines.append(
            f"{summary.metric} is 1 where what is right always comes first; the true change lies between the "
            f"brackets with {sure}."
        )
    if summary.why_not_higher and summary.why_not_higher != summary.verdict:
        lines.append(f"No newly trained model: {summary.why_not_higher}")
    if summary.would_help:
        lines.append(f"To tell     {summary.would_help}")
    if summary.release_after:
        lines.append(f"Served now  {summary.release_after}, instead of {summary.release_before}")
    if summary.selection:
        left_out = summary.decisions.get("left out", 0)
        lines.append(f"Selection   {', '.join(summary.selection)}; {left_out} decisions left out by it")
    lines += [f"Note        {note}" for note in summary.notes]
    if summary.examples:  # something was done
        lines += ["", *_decisions(summary)]
    if summary.gate is not None and summary.gate.guards:
        failed, number = summary.gate.failed, len(summary.gate.guards)
        names = f"{len(failed)} of {number} failed: {', '.join(one.name for one in failed)}"
        lines.append(f"Checks      {names if failed else f'all {number} passed'}")
    if summary.seconds:
        resumed = ", an interrupted run finished" if summary.resumed else ""
        took = f"{summary.total_seconds:.0f} s, {summary.peak_memory_mb / 1000:.1f} GB of memory at most"
        lines.append(f"Took        {took}{resumed}")
    if summary.report:
        lines.append(f"Report      {summary.report}")
    return "\n".join(lines)


def _decisions(summary: RetrainSummary) -> list[str]:
    """What became of the new ones, and where each can be looked at."""
    counts = summary.decisions
    total, new, withdrawn = (counts.get(name, 0) for name in ("total", "new", "withdrawn"))
    taken_back = f", {withdrawn} withdrawn" if withdrawn else ""
    lines = [f"Decisions   {new} new{taken_back} since {summary.release_before}, {total} in all"]
    lines += _became(summary.fresh, _SINCE.get(summary.rung, _LEARNED["train"]))
    if new and summary.release_after:
        lines.append("  Who said what: clayloop decisions. What became of one: clayloop explain --record ID")
    return lines


def _became(found: Tally, trained: str) -> list[str]:
    """A line for each thing that became of decisions. ``trained`` says it of those to be trained on."""
    said = {**_LEARNED, "train": trained}
    lines = [f"  {found.fates[fate]:>6,}  {words}" for fate, words in said.items() if found.fates.get(fate)]
    for fate, reasons in found.reasons.items():
        how = "left out" if fate == "left-out" else "not used"
        lines += [f"  {count:>6,}  {how}: {reason}" for reason, count in list(reasons.items())[:_MOST]]
        if len(reasons) > _MOST:
            lines.append(f"          … and {len(reasons) - _MOST} more reasons: clayloop explain")
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
    lines.append(f"Decisions   {sum(plan.fates.values())} in all")
    lines += _became(Tally(fates=plan.fates, reasons=plan.reasons), _LEARNED["train"])
    lines += [f"Held out    {plan.holdout_questions} questions", f"Index       {plan.chunks} chunks"]
    same = [row for row in plan.rows if row.fate == "duplicate"]
    lines += [f"  duplicate {one_line(row.query)}: {one_line(row.reason)}" for row in same[:_MOST]]
    if len(same) > _MOST:
        lines.append(f"  …         and {len(same) - _MOST} more (--json has every row)")
    return "\n".join(lines)


def one_line(text: str) -> str:
    return " ".join(text.split())
