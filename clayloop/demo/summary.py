"""How the demo's report is shown to a person."""

from __future__ import annotations

from clayloop.console import out, print_table, shortened
from clayloop.demo.report import DemoReport, Gain, Shares
from clayloop.demo.visitors import Found

_LONGEST = 70  # characters of a question


def print_report(report: DemoReport) -> None:
    """What changed for those who ask in other words, need by need and in sum; then the whole turn."""
    if moved := _moved(report.before, report.after):
        print_table(
            f"Place of the right page among the sources: the {len(moved)} of {len(report.after)} needs that "
            "moved",
            ["asked in other words", "before", "after"],
            moved,
        )
    if report.asked_again is not None:
        print_table(
            "Asked again in other words, before → after",
            ["needs", "right page first", "right page among the sources"],
            [
                _row("annotated", report.asked_again.annotated),
                _row("not annotated", report.asked_again.others),
            ],
        )
        if report.release_after == report.release_before:
            out.print(
                f"The bot still serves the release from before ({report.verdict}): nothing could change.",
                markup=False,
                soft_wrap=True,
            )
    print_table("One turn of the loop", ["", ""], _turn_rows(report))


def _moved(before: list[Found], after: list[Found]) -> list[tuple[str, str, str]]:
    """The needs whose right page has another place, better or worse."""
    return [
        (shortened(last.question, _LONGEST), _place(first.right), _place(last.right))
        for first, last in zip(before, after, strict=True)
        if first.right != last.right
    ]


def _place(right: int) -> str:
    return str(right) if right else "-"


def _row(name: str, gain: Gain) -> tuple[str, str, str]:
    def counts(shares: Shares) -> str:
        before, after = (round(share * gain.needs) for share in shares)
        return f"{before} → {after} of {gain.needs}"

    return name, counts(gain.right_first), counts(gain.right_among)


def _turn_rows(report: DemoReport) -> list[tuple[str, str]]:
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
        ("conversations judged", f"{report.conversations:,}"),
        ("their source right, or the right one named", f"{report.affirmed:,}"),
        ("release before", report.release_before or "-"),
        ("release after", report.release_after or "-"),
        ("verdict", report.verdict),
        ("", report.reason),
        ("NDCG@10 on the holdout, before", _metric(report.ndcg_at_10_before)),
        ("NDCG@10 on the holdout, after", _metric(report.ndcg_at_10_after) + gain),
        ("peak memory, all processes", f"{report.peak_memory_mb:,.0f} MB"),
        *((f"seconds: {step}", f"{seconds:,.1f}") for step, seconds in report.seconds.items()),
    ]


def _metric(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
