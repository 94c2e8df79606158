"""Tables for charts and grids. Columns are fixed names; what came from outside is only ever a value."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from curation import SIMULATED_ANNOTATOR, DatasetProgress
from dashboards.data.quality import Mean
from dashboards.data.releases import METRICS, ReleaseRow
from dashboards.data.runs import Outcome, RunRow
from dashboards.escaping import one_line
from dashboards.wording import duration
from training import Guard, Slice, StepRecord

SIGNS: dict[Outcome, str] = {
    "running": "▶",
    "interrupted": "⏸",
    "failed": "⚠",
    "abandoned": "–",
    "finished": "✓",
    "promoted": "✓",
    "rejected": "✗",
    "nothing-new": "–",
    "not-enough": "–",
}
COUNTS = ("Submitted", "Draft", "Discarded")
SCORE_COLUMNS = ("order", "release", "metric", "score", "served", "model")


def score_frame(rows: Sequence[ReleaseRow]) -> pd.DataFrame:
    """One line per release and metric that it has, in the order of ``rows``: `SCORE_COLUMNS`."""
    lines = [
        (order, row.id, METRICS[metric], value, row.served, one_line(row.release.base_model))
        for order, row in enumerate(rows)
        for metric, value in row.metrics.items()
        if metric in METRICS
    ]
    return table_of(lines, SCORE_COLUMNS)


def dimension_frame(row: ReleaseRow) -> pd.DataFrame:
    """One line per Matryoshka dimension, the largest first, one column per metric, and what the dimension
    keeps of the largest one's NDCG@10 (per cent; None when there is nothing to keep)."""
    found = row.evaluation.after
    sizes = sorted(found, reverse=True)
    full = found[sizes[0]].get("ndcg@10", 0.0) if sizes else 0.0
    lines = []
    for size in sizes:
        scores = found[size]
        line: dict[str, object] = {"Dimension": size}
        line.update({label: scores.get(metric) for metric, label in METRICS.items()})
        line["Keeps"] = 100 * scores["ndcg@10"] / full if full and "ndcg@10" in scores else None
        lines.append(line)
    return table_of(lines)


def annotator_frame(rows: Sequence[DatasetProgress]) -> pd.DataFrame:
    """One line per dataset and annotator."""
    lines = [
        {
            "Annotator": one_line(person.username),
            "Kind": "simulated" if person.username == SIMULATED_ANNOTATOR else "person",
            "Dataset": dataset.dataset.capitalize(),
            **dict(zip(COUNTS, (person.submitted, person.draft, person.discarded), strict=True)),
            "Share": 100 * person.submitted / dataset.total if dataset.total else 0.0,
        }
        for dataset in rows
        if dataset.exists
        for person in dataset.annotators
    ]
    return table_of(lines)


def run_frame(rows: Sequence[RunRow]) -> pd.DataFrame:
    """One line per run, in the order of ``rows``."""
    lines = [
        {
            "Run": one_line(row.id),
            "Started": row.started_at,
            "Outcome": f"{SIGNS[row.outcome]} {row.outcome.replace('-', ' ')}",
            "Duration": "–" if row.seconds is None else duration(row.seconds),
            "Change": row.change or "–",
            "Release": row.release or "–",
            "Verdict": one_line(row.verdict),
        }
        for row in rows
    ]
    return table_of(lines)


def guard_frame(guards: Sequence[Guard]) -> pd.DataFrame:
    """One line per guard of one run's gate, those that failed first."""
    lines = [
        {
            "Guard": one_line(guard.name),
            "Holds": "✓" if guard.passed else "✗ failed",
            "Figures": one_line(guard.detail),
        }
        for guard in sorted(guards, key=lambda guard: guard.passed)
    ]
    return table_of(lines)


def step_frame(steps: Sequence[StepRecord]) -> pd.DataFrame:
    """One line per step of one run, in its order."""
    lines = [
        {
            "Step": one_line(step.name),
            "Status": one_line(step.status),
            "Duration": "–" if step.status == "running" else duration(step.seconds),
            "Peak memory": f"{step.peak_memory_mb:,.0f} MB" if step.peak_memory_mb else "–",
            "What it did": one_line(step.note),
        }
        for step in steps
    ]
    return table_of(lines)


def mean_frame(means: Sequence[Mean], served: str) -> pd.DataFrame:
    """One line per mean, in their order; ``served`` is the release that is marked."""
    lines = [
        {
            "release": mean.release,
            "kind": mean.kind,
            "questions": mean.questions,
            "score": mean.value,
            "low": mean.low,
            "high": mean.high,
            "served": "served" if mean.release == served else "",
        }
        for mean in means
    ]
    return table_of(lines)


def slice_frame(slices: Sequence[Slice]) -> pd.DataFrame:
    """One line per slice, the largest of each property first; the interval where enough were asked."""
    lines = [
        {
            "By": one.by,
            "Slice": one_line(one.value),
            "Questions": one.queries,
            "Before": one.served,
            "After": one.candidate,
            "Change": "few questions" if one.change is None else str(one.change),
        }
        for one in slices
    ]
    return table_of(lines, ["By", "Slice", "Questions", "Before", "After", "Change"])


def table_of(lines: Sequence[object], columns: Sequence[str] | None = None) -> pd.DataFrame:
    """A table of ``lines``."""
    table: pd.DataFrame = pd.DataFrame(lines, columns=None if columns is None else list(columns))
    return table
