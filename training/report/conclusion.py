"""What a run comes to beside a release: why it cannot train, what became of each decision, and what its report is made from."""

from __future__ import annotations

from collections import Counter

from curation import read_json
from training.judge.gate import too_few
from training.ledger.lineage import trace
from training.ledger.lineage_record import LineageRow
from training.ledger.tally import tally
from training.prepare.examples import Example
from training.prepare.negatives import Negative
from training.prepare.reading import kept
from training.prepare.selection import Selection
from training.prepare.taught import choose_refused
from training.report.material import Material
from training.report.summary import RetrainSummary
from training.runs.run import Run
from training.runs.steps import Steps


def material_of(steps: Steps, summary: RetrainSummary) -> Material:
    """What the run's report is made from."""
    return Material(
        record=steps.run.record.model_copy(update={"selection": selection_told(steps.run)}),
        outcome=summary.outcome,
        verdict_line=summary.verdict,
        gate=steps.settings.gate,
        release_after=summary.release_after,
        decisions=steps.decisions,
        chunks=steps.chunks,
        examples=steps.examples,
        dropped=steps.dropped,
        tally=tally(lineage_of(steps)),
        conflicts=steps.conflicts,
        negatives=dict(Counter(f"{row.source} {row.kind}s" for row in _against(steps)).most_common()),
        comparison=steps.judging.comparison if summary.gate else None,
        verdict=summary.gate,
    )


def selection_told(run: Run) -> Selection:
    """The run's selection without names that matched nobody: nothing is without them."""
    return run.record.selection.told(kept(run.folder).unmatched)


def learned(steps: Steps) -> list[Example]:
    """What is trained on: what the step "start" left of the split's, where the run came as far."""
    return steps.tuning.train if _is_planned(steps) else steps.train


def lineage_of(steps: Steps) -> list[LineageRow]:
    """What became of each decision, as the release's lineage says it."""
    return trace(
        steps.decisions,
        learned(steps),
        steps.holdout,
        steps.dropped,
        steps.unused,
        {chunk.id for chunk in steps.chunks},
        steps.left_out,
        _against(steps),
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
    if not _differ(steps):
        return (
            f"Not enough to learn from: all {len(steps.train)} examples are about the same text, and there is nothing to tell "
            "it from. Accept triplets about other sections. The served release stays."
        )
    if steps.deciding < steps.settings.gate.min_queries:
        return too_few(steps.deciding, steps.settings.gate.min_queries) + " The served release stays."
    return ""


def _differ(steps: Steps) -> bool:
    """Whether two of the examples are about different texts, near duplicates being the same."""
    groups: dict[str, str] = read_json(steps.run.folder / "dedup" / "groups.json")
    texts = {example.text for example in steps.train}
    return min(len(texts), len({groups.get(one.chunk_id, one.chunk_id) for one in steps.train})) > 1


def _is_planned(steps: Steps) -> bool:
    return (steps.run.folder / "start").is_dir()


def _against(steps: Steps) -> list[Negative]:
    """What training is set against, without the refusals that it does not get to."""
    refused = {one.refusal for one in choose_refused(learned(steps), steps.negatives).negatives}
    return [one for one in steps.negatives if one.source != "refused" or one.refusal in refused]


def _nothing_to_index(steps: Steps) -> str:
    if not steps.corpus.chunks:
        return "Not enough to index: there are no documents any more (`clayloop ingest`)."
    if not steps.learnable.rejected_chunks:
        return (
            "Not enough to index: no chunk was accepted, and serving.retrieval.include_unreviewed is false."
        )
    return "Not enough to index: every chunk was rejected."
