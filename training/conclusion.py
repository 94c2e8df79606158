"""What a run comes to beside a release: why it cannot train, and what its report is made from."""

from __future__ import annotations

from collections import Counter

from training.gate import too_few
from training.report import Material
from training.steps import Steps
from training.summary import RetrainSummary


def material_of(steps: Steps, summary: RetrainSummary) -> Material:
    """What the run's report is made from."""
    return Material(
        record=steps.run.record,
        outcome=summary.outcome,
        verdict_line=summary.verdict,
        gate=steps.settings.gate,
        release_after=summary.release_after,
        decisions=steps.decisions,
        chunks=steps.chunks,
        examples=steps.examples,
        train=steps.train,
        holdout=steps.holdout,
        dropped=steps.dropped,
        unused=steps.unused,
        conflicts=steps.conflicts,
        negatives=dict(Counter(f"{row.source} {row.kind}s" for row in steps.negatives).most_common()),
        comparison=steps.judging.comparison if summary.gate else None,
        verdict=summary.gate,
        reranker=summary.reranker,
    )


def what_is_lacking(steps: Steps) -> str:
    """Why training is no use yet, or nothing."""
    if not steps.chunks:
        return _nothing_to_index(steps) + " The served release stays."
    if not steps.examples:
        return "Not enough to learn from: no accepted triplet or conversation yet. The served release stays."
    if len(steps.train) < 2:
        return (
            f"Not enough to learn from: {len(steps.train)} example(s) to train on after {len(steps.holdout)} were "
            "held out and duplicates dropped. Accept more triplets, about other sections. The served release stays."
        )
    if steps.deciding < steps.settings.gate.min_queries:
        return too_few(steps.deciding, steps.settings.gate.min_queries) + " The served release stays."
    return ""


def _nothing_to_index(steps: Steps) -> str:
    if not steps.corpus.chunks:
        return "Not enough to index: there are no documents any more (`clayloop ingest`)."
    if not steps.learnable.rejected_chunks:
        return (
            "Not enough to index: no chunk was accepted, and serving.retrieval.include_unreviewed is false."
        )
    return "Not enough to index: every chunk was rejected."
