"""Tables about turns, topics, curated answers, releases and what was or would be dropped. The column Records
leads to records in Argilla."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from curation import AskedTurn, Calibration, RecordLinks
from dashboards.data.actions import Action
from dashboards.data.frames import table_of
from dashboards.data.funnel import Dropped
from dashboards.data.releases import ReleaseRow
from dashboards.escaping import one_line
from serving import Gap, ListedAnswer
from training import CanaryReport, Preview


def turn_table(turns: Sequence[AskedTurn], links: RecordLinks) -> pd.DataFrame:
    """One line per turn, in their order."""
    lines = [
        {
            "Day": one.day,
            "Question": one_line(one.question),
            "Release": one_line(one.release),
            "Refused": "refused" if one.refused else "",
            "Thumb": one.thumb,
            "Judged": one.verdict,
            "Seconds": one.seconds,
            "Records": links.records("conversations", [one.record_id]),
        }
        for one in turns
    ]
    return table_of(lines)


def topic_table(topics: Sequence[Gap], links: RecordLinks) -> pd.DataFrame:
    """One line per topic, in their order."""
    lines = [
        {
            "Questions": one.questions,
            "For example": one_line(" · ".join(one.examples)),
            "How it showed": one_line(", ".join(f"{count} × {lack}" for lack, count in one.lacks.items())),
            "Records": links.records("conversations", one.records),
        }
        for one in topics
    ]
    return table_of(lines)


def answer_table(answers: Sequence[ListedAnswer], links: RecordLinks) -> pd.DataFrame:
    """One line per curated answer, in their order."""
    lines = [
        {
            "Question": one_line(one.question),
            "Answer": one_line(one.text),
            "By": one.role,
            "On": one.at,
            "State": f"{one.fate}, stale" if one.stale else one.fate,
            "Why": one_line(one.why),
            "Records": links.records("conversations", [one.record_id]),
        }
        for one in answers
    ]
    return table_of(lines)


def dropped_table(dropped: Sequence[Dropped], links: RecordLinks) -> pd.DataFrame:
    """One line per reason, in their order."""

    def opened(one: Dropped) -> str:
        return next((links.records(dataset, ids) for dataset, ids in one.records.items()), "")

    lines = [
        {
            "Decisions": one.count,
            "Became": one.fate,
            "Because": one_line(one.reason),
            "For example": one_line(" · ".join(one.examples)),
            "Records": opened(one),
        }
        for one in dropped
    ]
    return table_of(lines)


def dry_run_table(found: Preview) -> pd.DataFrame:
    """One line for each fate, or for each reason of it."""
    lines = [
        {"Decisions": count, "Would become": fate, "Because": one_line(reason)}
        for fate, total in found.fates.items()
        for reason, count in (found.reasons.get(fate) or {"": total}).items()
    ]
    return table_of(lines, ["Decisions", "Would become", "Because"])


def calibration_table(found: Calibration) -> pd.DataFrame:
    """One line per release: what a judge's verdicts are worth beside people's."""
    lines = [
        {
            "Release": one_line(one.release),
            "Judged": f"{one.judged:,} of {one.decided:,}",
            "As people": f"{one.same / one.judged:.0%}" if one.judged else "–",
            "Too kind": one.too_kind,
            "Too strict": one.too_strict,
            "Alpha": one.alpha.value,
            "From": one.alpha.low,
            "To": one.alpha.high,
        }
        for one in found.releases
    ]
    return table_of(lines)


def release_table(rows: Sequence[ReleaseRow]) -> pd.DataFrame:
    """One line per release, in their order."""
    lines = [
        {
            "Release": row.id,
            "Served": "served" if row.served else "",
            "Made": row.release.created_at,
            "From": one_line(row.release.run_id or "the base model"),
            "Chunks": row.release.index.rows,
            "NDCG@10": row.metrics.get("ndcg@10"),
            "Questions": row.evaluation.questions or None,
        }
        for row in rows
    ]
    return table_of(lines)


def canary_table(found: CanaryReport) -> pd.DataFrame:
    """The canary and the served release, with intervals in percent."""
    pairs = zip((found.canary, found.served), found.refused, found.liked, strict=True)
    lines = [
        {
            "Release": one.release,
            "": name,
            "Asked": one.asked,
            "Refused": refused and refused.percent,
            "Thumbs up": one.up,
            "Thumbs down": one.down,
            "Of them up": liked and liked.percent,
        }
        for name, (one, refused, liked) in zip(("canary", "served"), pairs, strict=True)
    ]
    return table_of(lines)


def action_table(actions: Sequence[Action]) -> pd.DataFrame:
    """One line per action, in their order."""
    lines = [
        {"When": one.at, "Who": one_line(one.who), "What": one.what, "About": one_line(one.about)}
        for one in actions
    ]
    return table_of(lines)
