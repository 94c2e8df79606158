"""The model card of a trained release: what it learned from, how it scored, and where it must not be trusted."""

from __future__ import annotations

import re
from collections.abc import Mapping

from serving import Draft, model_card
from training.fit.train import FitReport
from training.judge.comparison import Comparison, at
from training.judge.evaluate import METRICS, Scores
from training.judge.gate import GateVerdict
from training.judge.guards import LATENCY
from training.settings import TrainingSettings

_LIMITS = """\
## Limits

- The held-out questions come from the same annotated sections' style as the training questions: real visitors ask
  differently. Score the release on questions of your own with `clayloop evaluate`.
- Where a held-out question is a section's heading, the right chunks of all such questions are ranked without their
  headings, against the other chunks with theirs: those figures are lower than what a visitor sees, for both releases alike.
- It was trained on one documentation set. Elsewhere the base model may well be better.
"""


def release_card(
    draft: Draft,
    report: FitReport,
    settings: TrainingSettings,
    before: Mapping[int, Scores],
    after: Mapping[int, Scores],
    verdict: GateVerdict,
) -> str:
    """Markdown: the card of any release, then training, scores per Matryoshka dimension beside those of the release that
    was served, and limits."""
    lines = [
        model_card(draft),
        "## Training",
        "",
        f"Loss {settings.fit.loss} inside MatryoshkaLoss "
        f"(dimensions {', '.join(map(str, report.dimensions))}): {report.examples:,} examples, {report.epochs:g} epochs, "
        f"batches of {report.batch_size} without duplicates, {report.steps:,} steps, learning rate "
        f"{settings.fit.learning_rate:g}, texts cut to {settings.fit.max_tokens} tokens, {report.precision}, seed "
        f"{settings.fit.seed}. Weights averaged with {settings.fit.keep:g} of the starting model's; the space whitened by the "
        f"indexed chunks with strength {settings.fit.whiten:g}.",
        "",
        "## Beside the release that it replaces",
        "",
        f"{_cell(verdict.reason)} The same {verdict.queries} questions and chunks for both.",
        "",
        *_sure(verdict),
        "| dimensions | " + " | ".join(METRICS) + " |",
        "|---|" + "---|" * len(METRICS),
    ]
    for dimension in after:
        cells = []
        for name in METRICS:
            old = f"{before[dimension].metrics[name]:.3f} → " if dimension in before else ""
            cells.append(f"{old}{after[dimension].metrics[name]:.3f}")
        lines.append(f"| {dimension} | " + " | ".join(cells) + " |")
    lines += ["", *_slices(verdict), *_guards(verdict)]
    return "\n".join([*lines, _LIMITS])


def reranker_card(comparison: Comparison) -> str:
    """A section about the reranker, if there is one. No milliseconds: they differ from run to run."""
    if not comparison.reranker:
        return ""
    lines = ["", "## Reranker", "", f"`{_one_line(comparison.reranker)}`, used as it is.", ""]
    if comparison.without_reranker:
        with_it = at(comparison.holdout.candidate).metrics
        lines += ["| held-out questions | " + " | ".join(METRICS) + " |", "|---|" + "---|" * len(METRICS)]
        for name, metrics in (("without it", comparison.without_reranker), ("with it", with_it)):
            lines.append(f"| {name} | " + " | ".join(f"{metrics[one]:.3f}" for one in METRICS) + " |")
        lines.append("")
    return "\n".join(lines)


def _sure(verdict: GateVerdict) -> list[str]:
    if verdict.interval is None:
        return []
    interval = verdict.interval
    return [
        f"The mean difference in {verdict.metric} is {interval.estimate:+.3f}; with {interval.confidence:.0%} confidence it lies "
        f"between {interval.low:+.3f} and {interval.high:+.3f} (paired bootstrap over the questions): **{verdict.verdict}**. The "
        f"base model without training reaches {verdict.base:.3f}.",
        "",
    ]


def _slices(verdict: GateVerdict) -> list[str]:
    counted = [one for one in verdict.slices if one.change is not None]
    if not counted:
        return []
    return [
        "### By slice",
        "",
        "Intervals are widened for the number of slices.",
        "",
        "| slice | questions | base | before | now | change |",
        "|---|---|---|---|---|---|",
        *(
            f"| {one.by}: {_cell(one.value)} | {one.queries} | {one.base:.3f} | {one.served:.3f} | {one.candidate:.3f} | "
            f"{one.change} |"
            for one in counted
        ),
        "",
    ]


def _guards(verdict: GateVerdict) -> list[str]:
    if not verdict.guards:
        return []
    return [
        "### Guards",
        "",
        *(
            f"- {_cell(guard.name)}: {_cell(guard.detail)}" + ("" if guard.passed else " (**failed**)")
            for guard in verdict.guards
            if guard.name != LATENCY  # milliseconds of one machine, and another figure in each rerun
        ),
        "",
    ]


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _cell(text: str) -> str:
    """Text from outside in Markdown: no markup, and no end of a table's cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", _one_line(text))
