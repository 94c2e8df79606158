"""How the demo's report is shown to a person."""

from __future__ import annotations

import re

from clayloop.console import out
from clayloop.demo.loop import DemoReport


def print_answers(report: DemoReport) -> None:
    """Each question with both answers, before and after the swap."""
    for before, after in zip(report.before, report.after, strict=False):
        out.print(f"\n{before.question}", style="bold", markup=False)
        for answered in (before, after):
            out.print(f"[{answered.release}, {answered.seconds:.1f} s]", style="dim", markup=False)
            out.print(_in_short(answered.answer), markup=False)
    out.print()


def _in_short(answer: str, longest: int = 280) -> str:
    """The beginning of an answer, and the titles of its sources without their addresses."""
    text, _, sources = answer.partition("**Sources**")
    flat = " ".join(text.split())
    titles = [title.replace("\\", "") for title in re.findall(r"^\d+\. \[(.+?)\]\(", sources, re.MULTILINE)]
    shown = f"  {flat[:longest]}{'…' if len(flat) > longest else ''}"
    return shown + "".join(f"\n    {number}. {title}" for number, title in enumerate(titles, 1))


def summary_rows(report: DemoReport) -> list[tuple[str, str]]:
    """Label and value, in the order of the loop."""
    gain = ""
    if report.ndcg_at_10_before and report.ndcg_at_10_after:
        gain = f"   ({report.ndcg_at_10_after / report.ndcg_at_10_before - 1:+.1%})"
    return [
        ("documents", f"{report.documents:,} from {report.source}"),
        ("chunks", f"{report.chunks:,}"),
        ("triplets", f"{report.triplets:,}"),
        ("records annotated by the simulated annotator", f"{report.annotated:,}"),
        ("triplets accepted", f"{report.accepted:,}"),
        ("release before", report.release_before or "-"),
        ("release after", report.release_after or "-"),
        ("verdict", report.verdict),
        ("NDCG@10 on the holdout, before", _metric(report.ndcg_at_10_before)),
        ("NDCG@10 on the holdout, after", _metric(report.ndcg_at_10_after) + gain),
        ("peak memory, all processes", f"{report.peak_memory_mb:,.0f} MB"),
        *((f"seconds: {step}", f"{seconds:,.1f}") for step, seconds in report.seconds.items()),
    ]


def _metric(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
