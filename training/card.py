"""The model card of a trained release: what it learned from, how it scored, and where it must not be trusted."""

from __future__ import annotations

from collections.abc import Mapping

from serving.card import model_card
from serving.release import Draft
from training.evaluation import METRICS, Scores
from training.fit import FitReport
from training.gate import GateVerdict
from training.settings import TrainingSettings

_LIMITS = """\
## Limits

- The held-out questions come from the same annotated sections' style as the training questions: real visitors ask
  differently. Score the release on questions of your own with `clayloop evaluate`.
- Where a held-out question is a section's heading, the right chunks are ranked without their headings, against all other
  chunks with theirs: those figures are lower than what a visitor sees, for both releases alike.
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
        "MultipleNegativesRankingLoss inside MatryoshkaLoss "
        f"(dimensions {', '.join(map(str, report.dimensions))}): {report.examples:,} examples, {report.epochs:g} epochs, "
        f"batches of {report.batch_size} without duplicates, {report.steps:,} steps, learning rate "
        f"{settings.fit.learning_rate:g}, texts cut to {settings.fit.max_tokens} tokens, {report.precision}, seed "
        f"{settings.fit.seed}, {report.seconds:.0f} s.",
        "",
        "## Beside the release that it replaces",
        "",
        f"{verdict.reason} The same {verdict.queries} questions and chunks for both.",
        "",
        "| dimensions | " + " | ".join(METRICS) + " |",
        "|---|" + "---|" * len(METRICS),
    ]
    for dimension in after:
        cells = []
        for name in METRICS:
            old = f"{before[dimension].metrics[name]:.3f} → " if dimension in before else ""
            cells.append(f"{old}{after[dimension].metrics[name]:.3f}")
        lines.append(f"| {dimension} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", _LIMITS])
