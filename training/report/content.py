"""The page of a run: what the template shows, and how texts from outside are cut and cleaned."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from curation import Chunk, write_text
from training.judge.comparison import SIDES, ComparedSet, Comparison, at
from training.judge.evaluate import METRICS
from training.judge.gate import GateVerdict
from training.judge.questions import HoldoutQuestion
from training.ledger.rows import negatives_of, of
from training.prepare.prepared import Prepared
from training.report.drawings import dimension_bars, forest, question_bars, shares
from training.report.text import RetrainSummary
from training.runs.record import RunRecord
from training.settings import SLICE_QUERIES, GateSettings

REPORT_FILE = "report.html"
_HERE = Path(__file__).parent
_LISTED = 25  # gains, and losses, with their texts
_ROWS = 100
_ALL_QUESTIONS = 1000
_LONGEST = 1200  # characters of a chunk
# Control characters, halves of surrogate pairs and direction overrides: no file can hold the former, and the
# latter make a line read otherwise than it is.
UNSHOWABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]")


@dataclass(frozen=True)
class Material:
    """What a report is made from. ``comparison`` and the summary's verdict of the gate are None when there
    was too little to train on."""

    record: RunRecord
    summary: RetrainSummary
    gate: GateSettings
    prepared: Prepared
    comparison: Comparison | None = None


@dataclass(frozen=True)
class Change:
    """One question: what it scored, by how much it changed, and the text that answers it."""

    text: str
    about: str
    base: float
    served: float
    candidate: float
    change: float
    heading: str = ""
    answer: str = ""
    more: int = 0


def write_report(folder: Path, material: Material) -> Path:
    """Write ``report.html`` into the run's ``folder`` and return its path. Raises StateError when the disk is
    full."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["clean"] = clean
    page = environment.get_template("report.html.jinja").render(**content(material))
    path = folder / REPORT_FILE
    write_text(path, UNSHOWABLE.sub("\ufffd", page))
    return path


def content(material: Material) -> dict[str, Any]:
    """Everything that the template shows."""
    record, summary, ledger = material.record, material.summary, material.prepared.ledger
    negatives = Counter(f"{one.source} {one.kind}s" for one in negatives_of(ledger))
    found: dict[str, Any] = {
        "run": record.id,
        "outcome": summary.outcome,
        "verdict_line": clean(summary.verdict, 4000),
        "further": [clean(line, 4000) for line in _further(summary)],
        "started": f"{record.created_at:%Y-%m-%d %H:%M} UTC",
        "before": record.release_before or "none",
        "after": summary.release_after,
        "selection": [clean(line) for line in summary.selection],
        "metric": material.gate.metric,
        "gate": material.gate,
        "slice_queries": SLICE_QUERIES,
        "rows_shown": _ROWS,
        "funnel": shares(_funnel(material)),
        "reasons": summary.reasons,
        "duplicates": of(ledger, "example", "duplicate")[:_ROWS],
        "queries": {row.key: row.query for row in of(ledger, "example")},
        "conflicts": material.prepared.conflicts[:_ROWS],
        "negatives": sorted(negatives.items()),
        "steps": _steps(record),
        "metrics": list(METRICS),
        "sides": SIDES,
        "verdict": summary.gate,
        "comparison": None,
    }
    if material.comparison is not None and summary.gate is not None:
        found |= _figures(material, material.comparison, summary.gate)
    return found


def _further(summary: RetrainSummary) -> list[str]:
    """What became of the trained model, and what would help."""
    lines = []
    if summary.why_not_higher:
        lines.append(f"No newly trained model: {summary.why_not_higher}")
    if summary.would_help:
        lines.append(f"To tell: {summary.would_help}")
    return lines


def _figures(material: Material, comparison: Comparison, verdict: GateVerdict) -> dict[str, Any]:
    holdout, metric = comparison.holdout, material.gate.metric
    by_id = {chunk.id: chunk for chunk in material.prepared.chunks}
    changes = _changes(holdout, metric, by_id)
    for one in comparison.sets:
        if one.kind != "generic":
            changes += _changes(one, metric, by_id)
    changes.sort(key=lambda one: one.change)
    gains = [one for one in reversed(changes) if one.change > 0]
    losses = [one for one in changes if one.change < 0]
    return {
        "comparison": comparison,
        "forest": forest(verdict, material.gate.margin),
        "dimensions": dimension_bars(holdout, metric) if holdout.questions else None,
        "at": at,
        "questions": question_bars([(one.change, one.text) for one in changes]),
        "same": len(changes) - len(gains) - len(losses),
        "gains": gains[:_LISTED],
        "losses": losses[:_LISTED],
        "gained": len(gains),
        "lost": len(losses),
        "all": sorted(changes, key=lambda one: -one.change)[:_ALL_QUESTIONS],
        "chunks": by_id,
        "longest": _LONGEST,
        "decisions": comparison.decisions,
    }


def _changes(found: ComparedSet, metric: str, by_id: Mapping[str, Chunk]) -> list[Change]:
    sides = [at(found.side(side)).questions for side in SIDES]
    made = []
    for question in found.questions:
        base, served, candidate = (round(side[question.id][metric], 4) for side in sides)
        answers = [by_id[key] for key in question.right if key in by_id]
        first = answers[0] if answers else None
        made.append(
            Change(
                text=clean(question.text),
                about=_about(question, found),
                base=base,
                served=served,
                candidate=candidate,
                change=round(candidate - served, 4),
                heading=clean(f"{first.place}: {first.heading}" if first else ", ".join(question.right), 300),
                answer=clean(first.body, _LONGEST) if first else "",
                more=max(0, len(answers) - 1),
            )
        )
    return made


def _about(question: HoldoutQuestion, found: ComparedSet) -> str:
    parts = (question.section, question.origin, question.style) if found.kind == "holdout" else (found.name,)
    return clean(" · ".join(part for part in parts if part), 120)


def _funnel(material: Material) -> dict[str, float]:
    """From annotations to examples."""
    summary = material.summary
    decisions, fates, verdict = summary.decisions, summary.fates, summary.gate
    return {
        "decisions read": decisions["total"],
        "accepted": decisions["accepted"],
        "rejected": decisions["rejected"],
        "undecided": decisions["undecided"],
        "examples found": summary.examples["found"],
        "dropped as duplicates": fates.get("duplicate", 0),
        "in conflict": fates.get("conflict", 0),
        "trained on": fates.get("train", 0),
        "negatives": fates.get("negative", 0),
        "held out": fates.get("holdout", 0),
        "unused": fates.get("unused", 0),
        "questions that decide": verdict.queries if verdict else 0,
    }


def _steps(record: RunRecord) -> list[tuple[str, float, float, float, str]]:
    """(name, seconds, per cent of the slowest, peak MB, note)."""
    took = shares({step.name: step.seconds for step in record.steps})
    return [
        (*bar, step.peak_memory_mb, clean(step.note, 600))
        for bar, step in zip(took, record.steps, strict=True)
    ]


def clean(text: str, longest: int = 400) -> str:
    """``text`` that can be shown and written, at most ``longest`` characters of it."""
    shown = UNSHOWABLE.sub("\ufffd", text).strip()
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
