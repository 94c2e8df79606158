"""The model card of a trained release: what it learned from, how it scored, where not to trust it."""

from __future__ import annotations

import re

from serving import ReleaseDraft, model_card
from training.fit.data import FitReport
from training.judge.comparison import Comparison
from training.judge.evaluate import METRICS
from training.judge.gate import LATENCY, GateVerdict
from training.ledger.selection import Selection
from training.report.text import one_line
from training.settings import FitSettings

_LIMITS = """\
## Limits

- The held-out questions are like the training questions: real visitors ask differently. Score the release on
  questions of your own with `clayloop evaluate`.
- Where a held-out question is a section's heading, the right chunks of all such questions are ranked without
  their headings, against the other chunks with theirs: those figures are lower than what a visitor sees, for
  both releases alike.
- It was trained on one documentation set. Elsewhere the base model may well be better.
"""


def release_card(
    draft: ReleaseDraft,
    report: FitReport | None,
    settings: FitSettings,
    whitening: float,
    comparison: Comparison,
    verdict: GateVerdict,
) -> str:
    """Markdown: the card of any release, then training (no ``report``: nothing was trained), scores per
    Matryoshka dimension beside those of the release that was served, and limits."""
    trained = "None: the model is that of the release before. The index has what people decided since."
    if report is not None:
        trained = (
            f"Loss {settings.loss} inside MatryoshkaLoss "
            f"(dimensions {', '.join(map(str, report.dimensions))}): {report.examples:,} examples, "
            f"{report.epochs:g} epochs, batches of {report.batch_size} without duplicates, "
            f"{report.steps:,} steps, learning rate {settings.learning_rate:g}, "
            f"texts cut to {settings.max_tokens} tokens, {report.precision}, seed {settings.seed}. "
            f"Weights averaged with {settings.keep:g} of the base model's; "
            "tokens weighed by how rare they are in the indexed chunks (of a model that takes their mean), "
            f"the space whitened by them with strength {whitening:g}."
        )
    lines = [
        model_card(draft),
        "## Training",
        "",
        trained,
        "",
        "## Beside what it replaces",
        "",
        f"{_cell(verdict.reason)} The same {verdict.queries} questions and chunks for both.",
        "",
        *_sure(verdict),
        *_scores(comparison),
        *_slices(verdict),
        *_guards(verdict),
    ]
    return "\n".join([*lines, _LIMITS])


def selection_card(selection: Selection) -> str:
    """A section that says what the run left out; nothing when it learned from everything."""
    if not selection:
        return ""
    parts = "\n".join(f"- `{one_line(part.replace('`', ' '))}`" for part in selection.describe())
    return f"\n## Selection\n\nThis run left out a part of the annotations:\n\n{parts}\n"


def _scores(comparison: Comparison) -> list[str]:
    """A row per dimension, and one for the embedding model alone where there is a reranker."""
    before, after = comparison.holdout.served, comparison.holdout.candidate
    lines = ["| dimensions | " + " | ".join(METRICS) + " |", "|---|" + "---|" * len(METRICS)]
    for dimension in after:
        cells = []
        for name in METRICS:
            old = f"{before[dimension].metrics[name]:.3f} → " if dimension in before else ""
            cells.append(f"{old}{after[dimension].metrics[name]:.3f}")
        lines.append(f"| {dimension} | " + " | ".join(cells) + " |")
    if comparison.without_reranker:
        cells = [f"{comparison.without_reranker[name]:.3f}" for name in METRICS]
        lines.append("| without its reranker | " + " | ".join(cells) + " |")
    return [*lines, ""]


def _sure(verdict: GateVerdict) -> list[str]:
    if verdict.interval is None:
        return []
    interval = verdict.interval
    return [
        f"The mean difference in {verdict.metric} is {interval.estimate:+.3f}; with "
        f"{interval.confidence:.0%} confidence it lies between {interval.low:+.3f} and {interval.high:+.3f} "
        f"(paired bootstrap over the questions): **{verdict.verdict}**. "
        f"The base model without training reaches {verdict.base:.3f}.",
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
            f"| {one.by}: {_cell(one.value)} | {one.queries} | {one.base:.3f} | {one.served:.3f} | "
            f"{one.candidate:.3f} | {one.change} |"
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


def _cell(text: str) -> str:
    """Text from outside in Markdown: no markup, and no end of a table's cell."""
    return re.sub(r"([\\`*_{}\[\]<>#|!])", r"\\\1", one_line(text))
